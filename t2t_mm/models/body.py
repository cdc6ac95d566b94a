"""The contract between the joint model and a body: encode, decode, know no problem."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import keras

from t2t_mm.layers.rep import Rep


class Encoded(NamedTuple):
    """Encoded inputs.

    Attributes:
      rep: x [B, L, D], zero at padding; mask and grid are those of the inputs.
      aux_loss: float32 scalar to add to the loss, such as the balance losses of experts.
    """

    rep: Rep
    aux_loss: Any


class Body(keras.layers.Layer):
    """The part of a model that all problems share: every modality's Rep goes in, width D comes out.

    A body never knows which problem it serves: commands reach it as the first target embedding. A
    problem with a class label reads the encoder's output and never calls `decode`.

    `build` needs no shape and makes every variable, so that no variable depends on which problem
    comes first.

    Args:
      hidden_size: D, the width of the unified representation.
      seed_generator: the one source of randomness, shared by all layers; None makes one.
    """

    def __init__(
        self,
        hidden_size: int,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.seed_generator = seed_generator or keras.random.SeedGenerator()

    @classmethod
    @abstractmethod
    def from_hparams(cls, hparams: Any, seed_generator: keras.random.SeedGenerator) -> Body:
        """Makes the body that a hyperparameter set describes."""

    @abstractmethod
    def build(self, input_shape: Any = None) -> None:
        """Makes all variables of all layers; `input_shape` is not used."""

    @abstractmethod
    def encode(self, rep: Rep, training: bool = False) -> Encoded:
        """Encodes inputs; padding changes nothing at real positions.

        Args:
          rep: x [B, L, D], mask [B, L] (padding at the end of each row), grid.
          training: whether dropout and gating noise are on.
        """

    @abstractmethod
    def decode(
        self, encoded: Rep, shifted: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any]:
        """Computes outputs from encoded inputs and earlier outputs.

        Args:
          encoded: what `encode` gave.
          shifted: [B, T, D], embeddings of the earlier outputs; the command's embedding is at
          position 0. mask: [B, T], 1 = real (padding at the end of each row). training: whether
          dropout and gating noise are on.

        Returns:
          [B, T, D], where position t depends on `shifted` up to t alone, and a float32 scalar to
          add to the loss.
        """

    def get_config(self) -> dict[str, Any]:
        """All but the seed generator, which belongs to the owner, who gives it again."""
        return {**super().get_config(), "hidden_size": self.hidden_size}
