"""Training; importing this declares the built-in optimizers and imports no TensorFlow."""

from t2t_mm.registry import OPTIMIZERS

OPTIMIZERS.declare(
    "adam",
    "t2t_mm.training.optimizer:Adam",
    "Adam over one flat vector per group of variables; weight_decay makes it AdamW.",
)
OPTIMIZERS.declare(
    "momentum",
    "t2t_mm.training.optimizer:Momentum",
    "Gradient descent with optimizer.momentum, also Nesterov's (0: plain gradient descent).",
)
