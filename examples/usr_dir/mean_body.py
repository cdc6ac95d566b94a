"""A model of one's own: `--t2t_usr_dir=examples/usr_dir --model=mean_body ...`."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from t2t_mm import registry
from t2t_mm.hparam import HParams
from t2t_mm.layers.rep import Encoded, Rep
from t2t_mm.layers.seeds import fold_in
from t2t_mm.models.body import Body


@registry.register_model
class MeanBody(Body):
    """Every output sees the mean of the inputs and the output before it."""

    @classmethod
    def from_hparams(cls, hparams: Any, seed_generator: keras.random.SeedGenerator) -> MeanBody:
        return cls(hparams.hidden_size, seed_generator)

    def build(self, input_shape: Any = None) -> None:
        start = keras.initializers.GlorotUniform(
            fold_in(self.seed_generator.get_config()["seed"], "dense")
        )
        self.dense = layers.Dense(self.hidden_size, "relu", kernel_initializer=start, name="dense")
        self.dense.build((None, None, 2 * self.hidden_size))
        self.built = True

    def encode(self, rep: Rep, training: bool = False) -> Encoded:
        return Encoded(rep, ops.zeros((), "float32"))

    def decode(
        self, encoded: Encoded, shifted: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any]:
        x, weights = encoded.rep.x, encoded.rep.mask[:, :, None]
        mean = ops.sum(x * weights, 1, keepdims=True) / ops.sum(weights, 1, keepdims=True)
        both = ops.concatenate([shifted, ops.broadcast_to(mean, ops.shape(shifted))], -1)
        return self.dense(both), ops.zeros((), "float32")


@registry.register_hparams
def mean_body_tiny() -> HParams:
    """A width of 64 for a try of minutes. Not tuned: two lines of mathematics learn little."""
    return HParams(hidden_size=64, learning_rate=0.02, learning_rate_warmup_steps=200)
