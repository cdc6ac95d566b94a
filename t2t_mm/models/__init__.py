"""The built-in models, declared by name: importing this imports no Keras."""

from t2t_mm.registry import MODELS

MODELS.declare(
    "multi_model",
    "t2t_mm.models.multi_model:MultiModel",
    "The MultiModel body: convolutions, attention and sparsely gated mixtures of experts.",
)
MODELS.declare(
    "transformer",
    "t2t_mm.models.transformer:Transformer",
    "The Transformer encoder-decoder body, pre-norm.",
)
