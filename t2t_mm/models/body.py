"""The contract between the joint model and a body: encode, decode, know no problem.

A body writes outputs one position at a time by `start` and `step`. Those here are right for every
body and run the whole decoder over what was written; a body of its own kind overrides the three.
What a model wants besides (networks of its inputs and targets, problems that it refuses) are class
attributes and methods with defaults; the joint model asks for them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import keras
from keras import ops

from t2t_mm.layers.rep import Encoded, Rep, concatenate, map_tensors
from t2t_mm.models.objective import Objective
from t2t_mm.tensor import Shape, Size, State, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.problem import Task


class Body(keras.layers.Layer):
    """The part of a model that all problems share: every modality's Rep goes in, width D comes out.

    A body never knows which problem it serves: commands reach it as the first target embedding. A
    target whose modality does not decode, such as the class label of one input, is read from the
    encoder's output and never calls `decode`.

    `build` needs no shape and makes every variable, so that no variable depends on which problem
    comes first.

    Attributes:
      modalities: kind's name -> the registered modality that reads or writes it in this model,
        where that is another than the kind's own; an hparam such as `image_modality` goes first.
      hparam_fields: the fields of an hparams set that `from_hparams` reads.
      decoding_stages: the `stages` that nothing but a decoded target reaches.
      independent_examples: False where what is computed of an example, or a variable that the
        forward pass moves, depends on the others of its batch (BatchNorm).

    Args:
      hidden_size: D, the width of the unified representation.
      seed_generator: the one source of randomness, shared by all layers; None makes one.
    """

    modalities: ClassVar[Mapping[str, str]] = {}
    hparam_fields: ClassVar[tuple[str, ...]] = ("hidden_size",)
    decoding_stages: ClassVar[frozenset[str]] = frozenset({"decoder"})
    independent_examples: ClassVar[bool] = True

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

    @classmethod
    def fitted(cls, hparams: HParams, tasks: Sequence[Task]) -> HParams:
        """Fills in the hparams that depend on the problems: asked before `from_hparams`."""
        return hparams

    @classmethod
    def refuses(cls, task: Task) -> str | None:
        """Says why the model does not fit a problem, after "model 'x' ..."; None if it fits.

        For instance "reads images and answers with labels; 'translate_ende' is text to text".
        """
        return None

    def stages(self) -> Mapping[str, Sequence[keras.layers.Layer]]:
        """The named parts, which optimizers group and `t2t-checkpoint` cuts by: stage -> layers.

        Every variable lies in one part, and a step touches a part as a whole or not at all: a
        class label of one input never reaches a decoder; see `decoding_stages`. Here each of the
        body's own layers is a stage.
        """
        layers = self._flatten_layers(include_self=False, recursive=False)
        return {layer.name: [layer] for layer in layers}

    def objectives(self) -> Sequence[Objective]:
        """The losses that a training step minimizes, in their order, and what each moves.

        Here one: the loss of the target's modality, over all variables. A model of several (a GAN),
        or of a loss of its own (a diffusion model), overrides this.
        """
        return (Objective(),)

    @abstractmethod
    def build(self, input_shape: Shape | None = None) -> None:
        """Makes all variables of all layers; `input_shape` is not used."""

    @abstractmethod
    def encode(self, rep: Rep, training: bool = False) -> Encoded:
        """Encodes inputs; padding changes nothing at real positions.

        Args:
          rep: x [B, L, D], mask [B, L] (padding at the end of each row), grid.
          training: True turns dropout and gating noise on.
        """

    def encode_inputs(self, reps: Mapping[str, Rep], training: bool = False) -> Encoded:
        """Encodes one or several inputs.

        Several are joined to one sequence, in the order of their names; a body that keeps them
        apart overrides this.

        Args:
          reps: name of the input -> its representation, marked by a learned embedding of the name
            where there are several.
          training: as for `encode`.
        """
        return self.encode(concatenate(list(reps.values())), training=training)

    @abstractmethod
    def decode(
        self, encoded: Encoded, shifted: Tensor, mask: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Computes outputs from encoded inputs and earlier outputs.

        Args:
          encoded: what `encode` gave, its state included.
          shifted: [B, T, D], embeddings of the earlier outputs; the command's embedding is at
            position 0.
          mask: [B, T], 1 = real (padding at the end of each row).
          training: True turns dropout and gating noise on.

        Returns:
          [B, T, D], where position t depends on `shifted` up to t alone, and a float32 scalar to
          add to the loss.
        """

    def start(self, encoded: Encoded, beams: int, length: Size) -> tuple[State, State]:
        """Prepares decoding position by position, without dropout.

        R = B * beams rows are decoded at once, the hypotheses of one input side by side.

        Args:
          encoded: what `encode` gave for B inputs.
          beams: hypotheses of each input, K.
          length: int32 scalar, the largest number of positions; >= 1.

        Returns:
          The memory: what stays the same at all positions, for `step` alone to read; nothing in
          it is repeated for the hypotheses of an input. The state of position 0: nested structures
          of tensors, whose shapes never change.
        """
        width = (ops.shape(encoded.rep.x)[0] * beams, length, self.hidden_size)
        return encoded.repeat(beams), ops.zeros(width, self.compute_dtype)

    def step(
        self, memory: State, state: State, x: Tensor, position: Tensor
    ) -> tuple[Tensor, State]:
        """Decodes one position: what `decode` gives there if the earlier ones were the same.

        Args:
          memory: from `start`.
          state: from `start`, or from the step before; the next one may take its place in memory,
            so that in a graph it cannot be used again.
          x: [R, D], the embeddings of what was written last; the command's at position 0.
          position: int32 scalar, 0 first, then 1 more each time; less than `length`.

        Returns:
          [R, D], and the state of the next position.
        """
        here = ops.equal(ops.arange(ops.shape(state)[1]), position)[None, :, None]
        state = ops.where(here, ops.cast(x, state.dtype)[:, None], state)
        written = state[:, : position + 1]
        mask = ops.ones_like(written[:, :, 0])
        return self.decode(memory, written, mask)[0][:, -1], state

    def reorder(self, state: State, rows: Tensor) -> State:
        """Lets each row go on from another hypothesis of the same input.

        Args:
          state: from `start` or `step`; nested structures of tensors [R, ...].
          rows: int32 [R], which row's past each row takes over.

        Returns:
          The state with the rows' pasts exchanged.
        """
        return map_tensors(lambda tensor: ops.take(tensor, rows, axis=0), state)

    def get_config(self) -> dict[str, Any]:
        """All but the seed generator, which belongs to the owner, who gives it again."""
        return {**super().get_config(), "hidden_size": self.hidden_size}
