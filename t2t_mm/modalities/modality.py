"""The base class of modalities: how one kind of data enters and leaves the shared representation.

Modalities are catalogued by name in modalities/__init__.py. Reading files and preprocessing are
the pipeline's business (data/).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import keras
from keras import ops

from t2t_mm.errors import UserError
from t2t_mm.layers.rep import Rep
from t2t_mm.layers.seeds import fold_in
from t2t_mm.modalities.loss import Sums

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

    from t2t_mm.hparam import HParams
    from t2t_mm.problem import FeatureSpec

INPUT, TARGET = "input", "target"


class Modality(keras.layers.Layer):
    """One kind of data: bottom, target bottom, top and loss (arXiv 1706.05137, section 2.5).

    One object serves every problem whose spec gives the same `sharing_key`. `build` needs no shape
    and makes the variables of the given roles only, so that a gradient can reach every one.

    Attributes:
      autoregressive: as a target, one element is produced after the other by the decoder; else
        the top reads the encoder's output.
      allowed_roles: what this kind of data can be.

    Args:
      hidden_size: D, the width of the unified representation.
      roles: "input", "target" or both, whichever the problems need.
      seed: of the initial values.
    """

    autoregressive: ClassVar[bool] = False
    allowed_roles: ClassVar[frozenset[str]] = frozenset({INPUT, TARGET})

    def __init__(
        self, hidden_size: int, roles: Iterable[str], seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.roles = tuple(sorted(roles))
        self.seed = seed
        wrong = set(self.roles) - self.allowed_roles
        if wrong:
            raise UserError(
                f"modality '{self.name}' got the role {', '.join(sorted(wrong))}; it can only be "
                f"{' or '.join(sorted(self.allowed_roles))}; change the problem's FeatureSpec."
            )

    @classmethod
    def create(
        cls,
        spec: FeatureSpec,
        hparams: HParams,
        seed_generator: keras.random.SeedGenerator | None = None,
        roles: Iterable[str] | None = None,
    ) -> Self:
        """Makes the modality of a feature; the only place that reads hparams.

        Initial values depend on the generator's seed and the sharing key alone: not on the other
        modalities, nor on the order in which they are made.

        Args:
          spec: the feature, with its vocabulary's size.
          hparams: the hyperparameter set.
          seed_generator: the model's generator.
          roles: what the feature is to be; None: all that this kind of data can be.
        """
        key = cls.sharing_key(spec, hparams)
        seed = seed_generator.get_config()["seed"] if seed_generator else None
        return cls(
            **cls.arguments(spec, hparams),
            hidden_size=hparams.hidden_size,
            roles=cls.allowed_roles if roles is None else roles,
            seed=fold_in(seed, key),
            name=key,
        )

    @classmethod
    @abstractmethod
    def sharing_key(cls, spec: FeatureSpec, hparams: HParams) -> str:
        """What problems must have in common to hold one object, e.g. "text.vocab.shapes.128"."""

    @classmethod
    def arguments(cls, spec: FeatureSpec, hparams: HParams) -> dict[str, Any]:
        """The constructor's own arguments for a feature."""
        return {}

    @abstractmethod
    def build(self, input_shape: Any = None) -> None:
        """Makes all variables of the roles; `input_shape` is not used."""

    @abstractmethod
    def bottom(self, features: Any, training: bool = False) -> Rep:
        """Takes a batch of inputs into the unified representation.

        Args:
          features: the inputs, or a mapping with them under "inputs" and, where padding cannot
            be told from the values, their lengths [B] under "inputs_length".
          training: whether regularisation is on.

        Returns:
          x [B, L, D], zero at padding; mask [B, L]; the grid of two-dimensional inputs.
        """

    def target_bottom(self, targets: Any) -> Any:
        """Embeds earlier outputs for the decoder: targets [B, T] -> [B, T, D]."""
        raise UserError(f"modality '{self.name}' does not feed a decoder.")

    def top(self, x: Any, mask: Any, grid: Any = None, training: bool = False) -> Any:
        """Computes logits from the body's output x [B, L, D] with mask [B, L]."""
        raise UserError(f"modality '{self.name}' cannot be a target; use text or class_label.")

    def step_bottom(self, tokens: Any) -> Any:
        """`target_bottom` of one position of many rows: tokens [R] -> [R, D]."""
        return self.target_bottom(tokens[None])[0]

    def prepare_top(self) -> Any:
        """What `step_top` takes, once for all positions."""
        return None

    def step_top(self, weights: Any, x: Any) -> Any:
        """`top` of one position of many rows: x [R, D] -> logits [R, V]."""
        return self.top(x[None], ops.ones_like(x[None, :, 0]))[0]

    def loss(self, logits: Any, targets: Any, label_smoothing: float = 0.0) -> Sums:
        """The loss of a batch: (sum, weight), float32 scalars."""
        raise UserError(f"modality '{self.name}' cannot be a target; use text or class_label.")

    def metrics(self, logits: Any, targets: Any) -> dict[str, Sums]:
        """Teacher-forced metrics by name, each (sum, weight), float32 scalars."""
        raise UserError(f"modality '{self.name}' cannot be a target; use text or class_label.")

    def role_variables(self, role: str) -> list[keras.Variable]:
        """The trainable variables that a problem touches through this role."""
        return list(self.trainable_variables)

    def call(self, features: Any, training: bool = False) -> Rep:
        """`bottom`."""
        return self.bottom(features, training)

    def get_config(self) -> dict[str, Any]:
        own = {"hidden_size": self.hidden_size, "roles": self.roles, "seed": self.seed}
        return {**super().get_config(), **own}

    def _seed(self, name: str) -> int | None:
        return fold_in(self.seed, name)


def values_and_lengths(features: Any) -> tuple[Any, Any]:
    """The inputs of a batch and, where given, their lengths [B] (else None)."""
    if isinstance(features, dict):
        return features["inputs"], features.get("inputs_length")
    return features, None
