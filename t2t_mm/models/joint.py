"""The joint model: one modality per kind of data, one body, one command per kind of answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from keras import ops

from t2t_mm.errors import DataError, unknown
from t2t_mm.layers.buffers import take
from t2t_mm.layers.seeds import fold_in
from t2t_mm.modalities.loss import Sums
from t2t_mm.modalities.modality import INPUT, TARGET, Modality
from t2t_mm.models.body import Body, Encoded
from t2t_mm.registry import MODALITIES

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.problem import FeatureSpec, Task

BODY, COMMANDS = "body", "commands"


class Signature(NamedTuple):
    """The path that a problem takes: all problems of one signature run the same traced step.

    Attributes:
      input_key: sharing key of the input's modality.
      target_key: sharing key of the target's modality.
    """

    input_key: str
    target_key: str


class JointModel(keras.layers.Layer):
    """Trains one model on many problems (arXiv 1706.05137, section 2).

    Problems whose features have the same sharing key hold the same modality object. What a problem
    wants of the decoder is told by its command, a learned embedding in the first target
    position. Every variable exists after construction; names and initial values do not depend on
    the order of problems. It is a layer and no keras.Model, which reserves `loss` and `metrics` for
    a training loop over one kind of batch.

    Args:
      problems: bound to their data: name, inputs, targets, command.
      body: what all problems share; given unbuilt or built.
      hparams: the hyperparameter set, read by the modalities.
      seed_generator: of initial values.
    """

    def __init__(
        self,
        problems: Sequence[Task],
        body: Body,
        hparams: HParams,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        # A fixed name: else the second model of a process would name its variables anew.
        super().__init__(**{"name": "joint_model", **kwargs})
        problems = sorted(problems, key=lambda problem: problem.name)
        self.hidden_size = hparams.hidden_size
        self.body = body
        self.modalities = make_modalities(problems, hparams, seed_generator)
        self._signatures = {
            problem.name: Signature(
                modality_key(problem.inputs, hparams), modality_key(problem.targets, hparams)
            )
            for problem in problems
        }
        self._commands = {problem.name: problem.command for problem in problems}
        # Commands that no decoder reads get no variable: no gradient would reach it.
        self.command_names = sorted(
            {problem.command for problem in problems if self._decodes(problem.name)}
        )
        self._seed = fold_in(
            seed_generator.get_config()["seed"] if seed_generator else None, COMMANDS
        )
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Makes every variable; `input_shape` is not used."""
        for layer in (*self.modalities.values(), self.body):
            if not layer.built:
                layer.build()
        self.commands = None
        if self.command_names:
            start = keras.initializers.RandomNormal(0.0, 1.0, self._seed)
            shape = (len(self.command_names), self.hidden_size)
            self.commands = self.add_weight(shape=shape, initializer=start, name=COMMANDS)
        self.built = True

    def signature(self, problem: Task | str) -> Signature:
        """The path that a problem takes.

        Raises:
          UnknownNameError: if the model was not made for the problem.
        """
        name = getattr(problem, "name", problem)
        if name not in self._signatures:
            raise unknown("problem of this model", name, self._signatures, "--problems")
        return self._signatures[name]

    def command_id(self, problem: Task | str) -> int:
        """The number of a problem's command; 0 where the targets need no decoder."""
        self.signature(problem)
        command = self._commands[getattr(problem, "name", problem)]
        return self.command_names.index(command) if command in self.command_names else 0

    def combine(self, task: Task, inputs_of: str, targets_of: str) -> None:
        """Opens a path that no training took: the way in of one problem, the way out of another.

        Args:
          task: named anew; its command must be one of `command_names` where a decoder reads it.
          inputs_of, targets_of: problems of this model.
        """
        self._signatures[task.name] = Signature(
            self.signature(inputs_of).input_key, self.signature(targets_of).target_key
        )
        self._commands[task.name] = task.command

    def _decodes(self, problem: str) -> bool:
        return self.modalities[self._signatures[problem].target_key].autoregressive

    def encode(self, signature: Signature, inputs: Any, training: bool = False) -> Encoded:
        """Takes inputs, or a mapping with them under "inputs", through bottom and encoder."""
        rep = self.modalities[signature.input_key].bottom(inputs, training=training)
        return self.body.encode(rep, training=training)

    def forward(
        self,
        signature: Signature,
        inputs: Any,
        targets: Any,
        command: Any,
        training: bool = False,
    ) -> tuple[Any, Any]:
        """Computes logits, each target position seeing the earlier targets (teacher forcing).

        Args:
          signature: the path to take.
          inputs: a batch of the input modality, see `Modality.bottom`.
          targets: [B, T] int for an autoregressive modality; not used by others.
          command: [B] or scalar int.
          training: whether dropout and gating noise are on.

        Returns:
          The logits ([B, T, V], or [B, classes]) and the body's auxiliary loss, float32 scalar.
        """
        encoded = self.encode(signature, inputs, training=training)
        target = self.modalities[signature.target_key]
        if not target.autoregressive:
            rep = encoded.rep
            return target.top(rep.x, rep.mask, rep.grid, training=training), encoded.aux_loss
        embedded = target.target_bottom(targets)[:, :-1]
        mask = ops.cast(ops.not_equal(targets, 0), "float32")
        x, aux_loss = self.body.decode(
            encoded, self._shift(embedded, command), mask, training=training
        )
        return target.top(x, mask, None, training=training), encoded.aux_loss + aux_loss

    def _shift(self, embedded: Any, command: Any) -> Any:
        """Puts the command's embedding before embedded [B, T, D] -> [B, T + 1, D]."""
        batch = ops.shape(embedded)[0]
        command = ops.broadcast_to(ops.cast(command, "int32"), (batch,))
        first = ops.cast(ops.take(self.commands, command, axis=0), embedded.dtype)
        return ops.concatenate([first[:, None], embedded], axis=1)

    def decode_logits(
        self,
        signature: Signature,
        encoded: Encoded,
        prefix_targets: Any,
        command: Any,
        last_only: bool = False,
    ) -> Any:
        """Logits after each prefix of `prefix_targets` [B, P], P >= 0 -> [B, P + 1, V].

        With `last_only`, those after the whole prefix alone, [B, 1, V]: the softmax over a large
        vocabulary is then computed for one position instead of all.
        """
        target = self.modalities[signature.target_key]
        shifted = self._shift(target.target_bottom(prefix_targets), command)
        mask = ops.cast(ops.not_equal(prefix_targets, 0), "float32")
        mask = ops.pad(mask, [[0, 0], [1, 0]], constant_values=1.0)
        x, _ = self.body.decode(encoded, shifted, mask, training=False)
        return target.top(x[:, -1:], mask[:, -1:]) if last_only else target.top(x, mask)

    def start_decoding(
        self, signature: Signature, encoded: Encoded, beams: int, length: Any
    ) -> tuple[Any, Any]:
        """Prepares writing outputs token by token; see `Body.start`.

        Args:
          signature: the path to take; its target is autoregressive.
          encoded: what `encode` gave for B inputs.
          beams: hypotheses of each input, K; R = B * K rows are written at once.
          length: int32 scalar, how many tokens there are at most.

        Returns:
          The memory, which `decode_step` alone reads, and the state of position 0.
        """
        memory, state = self.body.start(encoded, beams, length)
        return (memory, self.modalities[signature.target_key].prepare_top()), state

    def decode_step(
        self,
        signature: Signature,
        memory: Any,
        state: Any,
        tokens: Any,
        position: Any,
        command: Any,
    ) -> tuple[Any, Any]:
        """Scores the next token of every hypothesis: `decode_logits`, one position at a time.

        Args:
          signature: the path to take.
          memory: from `start_decoding`.
          state: from `start_decoding`, or from the step before; see `reorder`.
          tokens: int32 [R], written at the previous position; not read at position 0, where the
            command stands.
          position: int32 scalar, 0 first.
          command: scalar or [B] int.

        Returns:
          Logits [R, V], and the state of the next position.
        """
        target = self.modalities[signature.target_key]
        memory, top = memory
        embedded = target.step_bottom(tokens)
        first = ops.cast(take(self.commands, command), embedded.dtype)
        if len(first.shape) > 1:
            first = ops.repeat(first, ops.shape(embedded)[0] // ops.shape(first)[0], axis=0)
        x = ops.where(ops.equal(position, 0), first, embedded)
        y, state = self.body.step(memory, state, x, position)
        return target.step_top(top, y), state

    def reorder(self, state: Any, rows: Any) -> Any:
        """Lets each hypothesis go on from another one of the same input; see `Body.reorder`.

        A state may hold large parts that no search needs to copy, so the body does it.

        Args:
          state: from `start_decoding` or `decode_step`.
          rows: int32 [R], which row's past each row takes over.
        """
        return self.body.reorder(state, rows)

    def class_logits(self, signature: Signature, encoded: Encoded) -> Any:
        """Logits [B, classes] of a modality that is not autoregressive, from encoded inputs."""
        rep = encoded.rep
        return self.modalities[signature.target_key].top(rep.x, rep.mask, rep.grid)

    def loss(
        self, signature: Signature, logits: Any, targets: Any, label_smoothing: float = 0.0
    ) -> Sums:
        """The loss of a batch: (sum, weight), float32 scalars."""
        return self.modalities[signature.target_key].loss(logits, targets, label_smoothing)

    def teacher_forced_metrics(
        self, signature: Signature, logits: Any, targets: Any
    ) -> dict[str, Sums]:
        """Metrics of logits given the right earlier targets, each (sum, weight)."""
        return self.modalities[signature.target_key].metrics(logits, targets)

    def signature_variables(self, signature: Signature) -> list[keras.Variable]:
        """The trainable variables of a signature's path, each once.

        The body counts as a whole: a class label's path leaves its decoder without gradient.
        """
        touched = {id(v) for v in self.modalities[signature.input_key].role_variables(INPUT)}
        target = self.modalities[signature.target_key]
        touched |= {id(v) for v in target.role_variables(TARGET)}
        touched |= {id(v) for v in self.body.trainable_variables}
        if target.autoregressive:
            touched.add(id(self.commands))
        return [v for v in self.trainable_variables if id(v) in touched]

    def groups(self) -> dict[str, list[keras.Variable]]:
        """All trainable variables: by modality's sharing key, "body" and "commands"."""
        found = {key: list(m.trainable_variables) for key, m in self.modalities.items()}
        found[BODY] = list(self.body.trainable_variables)
        found[COMMANDS] = [] if self.commands is None else [self.commands]
        return found


def modality_key(spec: FeatureSpec, hparams: HParams) -> str:
    """The sharing key of a feature."""
    return MODALITIES.get(spec.modality).sharing_key(spec, hparams)


def make_modalities(
    problems: Sequence[Task],
    hparams: HParams,
    seed_generator: keras.random.SeedGenerator | None,
) -> Mapping[str, Modality]:
    """One modality per sharing key, in the order of keys, with the roles that problems need."""
    specs: dict[str, FeatureSpec] = {}
    roles: dict[str, set[str]] = {}
    for problem in problems:
        for spec, role in ((problem.inputs, INPUT), (problem.targets, TARGET)):
            key = modality_key(spec, hparams)
            check_same_size(key, specs.setdefault(key, spec), spec)
            roles.setdefault(key, set()).add(role)
    return {
        key: MODALITIES.get(specs[key].modality).create(
            specs[key], hparams, seed_generator, roles[key]
        )
        for key in sorted(specs)
    }


def check_same_size(key: str, first: FeatureSpec, second: FeatureSpec) -> None:
    """Refuses problems that share a vocabulary's name, but not its size.

    Raises:
      DataError: if the sizes differ.
    """
    if first.vocab_size != second.vocab_size:
        raise DataError(
            f"problems that share '{key}' disagree on the size of its vocabulary: "
            f"{first.vocab_size} and {second.vocab_size}; generate their data again with one "
            "vocabulary (t2t-datagen)."
        )
