"""The base class of modalities: how one kind of data enters and leaves the shared representation.

Modalities are cataloged by name in modalities/__init__.py. Which one reads or writes a kind of
data is chosen by the model and the hparams (networks.py). Reading files and preparing values are
the kinds' business.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import keras
from keras import ops

from t2t_mm.errors import UserError
from t2t_mm.layers.rep import Encoded, Rep
from t2t_mm.layers.seeds import fold_in
from t2t_mm.modalities.loss import Sums
from t2t_mm.tensor import Shape, Size, State, Tensor

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

    from t2t_mm.hparam import HParams
    from t2t_mm.kinds import Kind
    from t2t_mm.kinds.kind import Found

INPUT, TARGET = "input", "target"


class DecodingBody(Protocol):
    """The part of a body that a modality calls; see models/body.py."""

    def decode(
        self, encoded: Encoded, shifted: Tensor, mask: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Computes outputs [B, T, D] and a loss from encoded inputs and earlier outputs."""


class Modality(keras.layers.Layer):
    """One kind of data: bottom, target bottom, top and loss (arXiv 1706.05137, section 2.5).

    One object serves every problem whose spec gives the same `sharing_key`. `build` needs no shape
    and makes the variables of the given roles only, so that a gradient can reach every one.

    Attributes:
      kinds: names of the kinds of data that it can read or write.
      features: the form of the data that it reads, where its kind has several (see `Kind.feed`).
      autoregressive: as a target, one element is produced after the other by the decoder.
      decodes: as a target, it is read from the decoder, which the command enters, as one that is
        autoregressive must be; else from the encoder.
      allowed_roles: what this network can be for.
      metric_names: as a target, what `step_metrics` gives; None: only a batch tells.

    Args:
      hidden_size: D, the width of the unified representation.
      roles: "input", "target" or both, whichever the problems need.
      seed: of the initial values.
    """

    kinds: ClassVar[frozenset[str]] = frozenset()
    features: ClassVar[str] = ""
    autoregressive: ClassVar[bool] = False
    decodes: ClassVar[bool] = False
    allowed_roles: ClassVar[frozenset[str]] = frozenset({INPUT, TARGET})
    metric_names: ClassVar[frozenset[str] | None] = None

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
                f"{' or '.join(sorted(self.allowed_roles))}: choose another network in --hparams."
            )

    @classmethod
    def create(
        cls,
        name: str,
        kind: Kind,
        hparams: HParams,
        seed_generator: keras.random.SeedGenerator | None = None,
        roles: Iterable[str] | None = None,
    ) -> Self:
        """Makes the modality of a feature; the only place that reads hparams.

        Initial values depend on the generator's seed and the sharing key alone: not on the other
        modalities, nor on the order in which they are made.

        Args:
          name: the registered name.
          kind: the feature, with its sizes.
          hparams: the hyperparameter set.
          seed_generator: the model's generator.
          roles: what the feature is to be; None: all that this network can be for.
        """
        key = cls.sharing_key(name, kind, hparams)
        seed = seed_generator.get_config()["seed"] if seed_generator else None
        return cls(
            **cls.arguments(kind, hparams),
            hidden_size=hparams.hidden_size,
            roles=cls.allowed_roles if roles is None else roles,
            seed=fold_in(seed, key),
            name=key,
        )

    @classmethod
    def sharing_key(cls, name: str, kind: Any, hparams: HParams) -> str:
        """The name that features have in common to hold one object, e.g. "text.vocab.shapes.128".

        `kind` is of one of the classes that `kinds` names: a subclass writes which.
        """
        return f"{name}.{hparams.hidden_size}"

    @classmethod
    def arguments(cls, kind: Any, hparams: HParams) -> dict[str, Any]:
        """The constructor's own arguments for a feature; `kind` as for `sharing_key`."""
        return {}

    @abstractmethod
    def build(self, input_shape: Shape | None = None) -> None:
        """Makes all variables of the roles; `input_shape` is not used."""

    @abstractmethod
    def bottom(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        """Takes a batch of inputs into the unified representation.

        Args:
          values: as `Kind.feed` gives them.
          lengths: [B], before padding; None where padding can be told from the values.
          training: True turns regularization on.

        Returns:
          x [B, L, D], zero at padding; mask [B, L]; the grid of two-dimensional inputs.
        """

    def positions(self, values: Tensor) -> Tensor:
        """Positions of a batch of values, padding included, int32 scalar."""
        return ops.prod(ops.shape(values)[:2])

    def target_bottom(self, targets: Tensor) -> Tensor:
        """Embeds earlier outputs for the decoder: targets [B, T] -> [B, T, D]."""
        raise UserError(f"modality '{self.name}' does not feed a decoder.")

    def read_out(
        self,
        body: DecodingBody,
        encoded: Encoded,
        targets: Tensor,
        first: Tensor | None,
        training: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Takes outputs from the body: what `loss`, `step_metrics` and the like are given.

        Here, for a target that does not decode: the top reads the encoder's output.

        Args:
          body: the model's.
          encoded: the inputs.
          targets: [B, ...]; an autoregressive modality sees at each position those before it
            (teacher forcing), others see nothing of them.
          first: [B, D], the command's embedding, which stands before the first target; None
            where the target is not read from the decoder.
          training: True turns dropout and gating noise on.

        Returns:
          The outputs, and a float32 scalar to add to the loss.
        """
        rep = encoded.rep
        return self.top(rep.x, rep.mask, rep.grid, training=training), ops.zeros((), "float32")

    def target_mask(self, targets: Tensor) -> Tensor:
        """Marks targets that count with 1, others with 0: targets [B, ...] -> float32 [B, ...]."""
        return ops.ones_like(targets, "float32")

    def top(
        self, x: Tensor, mask: Tensor, grid: tuple[Size, Size] | None = None, training: bool = False
    ) -> Tensor:
        """Computes logits from the body's output x [B, L, D] with mask [B, L]."""
        raise self._no_target()

    def step_bottom(self, tokens: Tensor) -> Tensor:
        """Does as `target_bottom` for one position of many rows: tokens [R] -> [R, D]."""
        return self.target_bottom(tokens[None])[0]

    def prepare_top(self) -> State:
        """Prepares the weights that `step_top` takes, once for all positions."""
        return None

    def step_top(self, weights: State, x: Tensor) -> Tensor:
        """Does as `top` for one position of many rows: x [R, D] -> logits [R, V]."""
        return self.top(x[None], ops.ones_like(x[None, :, 0]))[0]

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Sums:
        """The loss of a batch: (sum, weight), float32 scalars."""
        raise self._no_target()

    def hits(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The number of targets that are predicted right, float32 scalar, for a run's accuracy."""
        raise self._no_target()

    def step_metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, Sums]:
        """Teacher-forced metrics by name, each (sum, weight), float32 scalars."""
        raise self._no_target()

    def found(self, outputs: Tensor, count: int) -> Found:
        """The `count` likeliest values of a target that is not written, see `Found`."""
        raise self._no_target()

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The natural logarithm of each target's probability, element by element.

        Returns:
          float32 [B, T], 0 at padding; T = 1 where a target is one element.
        """
        raise self._no_target()

    def _no_input(self) -> UserError:
        return UserError(
            f"modality '{self.name}' cannot be an input; choose another network in --hparams."
        )

    def _no_target(self) -> UserError:
        return UserError(
            f"modality '{self.name}' cannot be a target; choose another network in --hparams."
        )

    def role_variables(self, role: str) -> list[keras.Variable]:
        """The trainable variables that a problem touches through this role."""
        return list(self.trainable_variables)

    def call(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        """Calls `bottom`."""
        return self.bottom(values, lengths, training)

    def get_config(self) -> dict[str, Any]:
        own = {"hidden_size": self.hidden_size, "roles": self.roles, "seed": self.seed}
        return {**super().get_config(), **own}

    def _seed(self, name: str) -> int | None:
        return fold_in(self.seed, name)
