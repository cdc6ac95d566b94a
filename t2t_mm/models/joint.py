"""The joint model: one modality per kind of data, one body, one command per kind of answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from keras import ops

from t2t_mm.errors import DataError, unknown
from t2t_mm.kinds.kind import modality_name
from t2t_mm.layers.buffers import take
from t2t_mm.layers.seeds import fold_in
from t2t_mm.modalities.loss import Sums
from t2t_mm.modalities.modality import INPUT, TARGET, Modality
from t2t_mm.modalities.networks import modality_class, modality_key
from t2t_mm.models.body import Body
from t2t_mm.models.objective import ForwardPass
from t2t_mm.problem import LENGTH
from t2t_mm.tensor import Shape, Size, State, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.kinds import Kind
    from t2t_mm.layers.rep import Encoded, Rep
    from t2t_mm.problem import Task

BODY, COMMANDS, SLOTS = "body", "commands", "slots"


class Route(NamedTuple):
    """The way that a problem takes: all problems of one route run the same traced step.

    Attributes:
      slots: names of the inputs, in their order.
      inputs: sharing keys of the inputs' modalities.
      target: sharing key of the target's modality.
    """

    slots: tuple[str, ...]
    inputs: tuple[str, ...]
    target: str

    @property
    def input_features(self) -> tuple[str, ...]:
        """Names of what is read of a batch: each input and its lengths."""
        return tuple(name for slot in self.slots for name in (slot, slot + LENGTH))


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
        self._routes = {problem.name: route_of(problem, hparams) for problem in problems}
        self._commands = {problem.name: problem.command for problem in problems}
        several = (route.slots for route in self._routes.values() if len(route.slots) > 1)
        self.slot_names = sorted({slot for slots in several for slot in slots})
        # Commands that no decoder reads get no variable: no gradient would reach it.
        self.command_names = sorted(
            {problem.command for problem in problems if self._decodes(problem.name)}
        )
        self._seed = seed_generator.get_config()["seed"] if seed_generator else None
        self.build()

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes every variable; `input_shape` is not used."""
        layers: list[keras.layers.Layer] = [*self.modalities.values(), self.body]
        for layer in layers:
            if not layer.built:
                layer.build()
        self.commands = self._embeddings(COMMANDS, self.command_names)
        self.slots = self._embeddings(SLOTS, self.slot_names)
        self.built = True

    def _embeddings(self, name: str, rows: Sequence[str]) -> keras.Variable | None:
        """Makes a table [rows, D]; None where there are no rows."""
        if not rows:
            return None
        start = keras.initializers.RandomNormal(0.0, 1.0, fold_in(self._seed, name))
        return self.add_weight(shape=(len(rows), self.hidden_size), initializer=start, name=name)

    def route(self, problem: Task | str) -> Route:
        """The way that a problem takes.

        Raises:
          UnknownNameError: if the model was not made for the problem.
        """
        name = _name(problem)
        if name not in self._routes:
            raise unknown("problem of this model", name, self._routes, "--problems")
        return self._routes[name]

    def target(self, route: Route) -> Modality:
        """The modality that writes a route's targets."""
        return self.modalities[route.target]

    def command_id(self, problem: Task | str) -> int:
        """The number of a problem's command; 0 where the targets need no decoder."""
        self.route(problem)
        command = self._commands[_name(problem)]
        return self.command_names.index(command) if command in self.command_names else 0

    def combine(self, task: Task, inputs_of: str, targets_of: str) -> None:
        """Opens a route that no training took: the inputs of one problem, the targets of another.

        Args:
          task: named anew; its command must be one of `command_names` where a decoder reads it.
          inputs_of, targets_of: problems of this model.
        """
        target = self.route(targets_of).target
        self._routes[task.name] = self.route(inputs_of)._replace(target=target)
        self._commands[task.name] = task.command

    def _decodes(self, problem: str) -> bool:
        return self.target(self._routes[problem]).decodes

    def encode(self, route: Route, batch: Mapping[str, Tensor], training: bool = False) -> Encoded:
        """Takes inputs through bottoms and encoder.

        Args:
          route: the way to take.
          batch: slot -> values, and their lengths [B] under the slot's name and "_length", where
            padding cannot be told from the values.
          training: True turns dropout and gating noise on.
        """
        reps = {}
        for slot, key in zip(route.slots, route.inputs, strict=True):
            lengths = batch.get(slot + LENGTH)
            reps[slot] = self.modalities[key].bottom(batch[slot], lengths, training=training)
        if len(reps) > 1:
            reps = {slot: self._marked(slot, rep) for slot, rep in reps.items()}
        return self.body.encode_inputs(reps, training=training)

    def _marked(self, slot: str, rep: Rep) -> Rep:
        """An input with the learned embedding of its slot at every real position."""
        table: keras.Variable = self.slots  # there wherever a route has several inputs
        own = ops.cast(table[self.slot_names.index(slot)], rep.x.dtype)
        return rep._replace(x=rep.x + own * ops.cast(rep.mask, rep.x.dtype)[:, :, None])

    def forward(
        self,
        route: Route,
        batch: Mapping[str, Tensor],
        targets: Tensor,
        command: Tensor,
        training: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Computes what the target's modality judges, see `Modality.read_out`.

        Args:
          route: the way to take.
          batch: the inputs, see `encode`.
          targets: [B, T] int for an autoregressive modality, each position seeing the earlier ones
            (teacher forcing); not read by others.
          command: [B] or scalar int.
          training: True turns dropout and gating noise on.

        Returns:
          The outputs (logits [B, T, V] or [B, classes]) and the body's auxiliary loss, float32
          scalar.
        """
        passed = self.forward_pass(route, batch, targets, command, training)
        return passed.outputs, passed.aux_loss

    def forward_pass(
        self,
        route: Route,
        batch: Mapping[str, Tensor],
        targets: Tensor,
        command: Tensor,
        training: bool = False,
        label_smoothing: float = 0.0,
    ) -> ForwardPass:
        """`forward` with all that an objective may ask for."""
        encoded = self.encode(route, batch, training=training)
        outputs, aux_loss = self.read_out(route, encoded, targets, command, training)

        def modality_loss(outputs: Tensor, targets: Tensor) -> Sums:
            return self.loss(route, outputs, targets, label_smoothing)

        return ForwardPass(encoded, outputs, targets, encoded.aux_loss + aux_loss, modality_loss)

    def read_out(
        self,
        route: Route,
        encoded: Encoded,
        targets: Tensor,
        command: Tensor,
        training: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Does as `forward`, from encoded inputs; the loss is the decoder's alone."""
        target = self.target(route)
        first = None
        if target.decodes:
            first = self._command(command, ops.shape(encoded.rep.mask)[0])
        return target.read_out(self.body, encoded, targets, first, training)

    def _command(self, command: Tensor, batch: Size) -> Tensor:
        """The command's embedding for each example, [B, D]."""
        command = ops.broadcast_to(ops.cast(command, "int32"), (batch,))
        return ops.take(self.commands, command, axis=0)

    def decode_logits(
        self,
        route: Route,
        encoded: Encoded,
        prefix_targets: Tensor,
        command: Tensor,
        last_only: bool = False,
    ) -> Tensor:
        """Logits after each prefix of `prefix_targets` [B, P], P >= 0 -> [B, P + 1, V].

        With `last_only`, those after the whole prefix alone, [B, 1, V]: the softmax over a large
        vocabulary is then computed for one position instead of all.
        """
        target = self.target(route)
        embedded = target.target_bottom(prefix_targets)
        first = ops.cast(self._command(command, ops.shape(prefix_targets)[0]), embedded.dtype)
        shifted = ops.concatenate([first[:, None], embedded], axis=1)
        mask = ops.pad(target.target_mask(prefix_targets), [[0, 0], [1, 0]], constant_values=1.0)
        x, _ = self.body.decode(encoded, shifted, mask, training=False)
        return target.top(x[:, -1:], mask[:, -1:]) if last_only else target.top(x, mask)

    def start_decoding(
        self, route: Route, encoded: Encoded, beams: int, length: Size
    ) -> tuple[State, State]:
        """Prepares writing outputs token by token; see `Body.start`.

        Args:
          route: the way to take; its target is autoregressive.
          encoded: what `encode` gave for B inputs.
          beams: hypotheses of each input, K; R = B * K rows are written at once.
          length: int32 scalar, the largest number of tokens.

        Returns:
          The memory, which `decode_step` alone reads, and the state of position 0.
        """
        memory, state = self.body.start(encoded, beams, length)
        return (memory, self.target(route).prepare_top()), state

    def decode_step(
        self,
        route: Route,
        memory: State,
        state: State,
        tokens: Tensor,
        position: Tensor,
        command: Tensor,
    ) -> tuple[Tensor, State]:
        """Scores the next token of every hypothesis: `decode_logits`, one position at a time.

        Args:
          route: the way to take.
          memory: from `start_decoding`.
          state: from `start_decoding`, or from the step before; see `reorder`.
          tokens: int32 [R], written at the previous position; not read at position 0, where the
            command stands.
          position: int32 scalar, 0 first.
          command: scalar or [B] int.

        Returns:
          Logits [R, V], and the state of the next position.
        """
        target = self.target(route)
        memory, top = memory
        embedded = target.step_bottom(tokens)
        first = ops.cast(take(self.commands, command), embedded.dtype)
        if len(first.shape) > 1:
            first = ops.repeat(first, ops.shape(embedded)[0] // ops.shape(first)[0], axis=0)
        x = ops.where(ops.equal(position, 0), first, embedded)
        y, state = self.body.step(memory, state, x, position)
        return target.step_top(top, y), state

    def reorder(self, state: State, rows: Tensor) -> State:
        """Lets each hypothesis go on from another one of the same input; see `Body.reorder`.

        A state may hold large parts that no search needs to copy, so the body does it.

        Args:
          state: from `start_decoding` or `decode_step`.
          rows: int32 [R], which row's past each row takes over.
        """
        return self.body.reorder(state, rows)

    def loss(
        self, route: Route, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0
    ) -> Sums:
        """The loss of a batch: (sum, weight), float32 scalars."""
        return self.target(route).loss(outputs, targets, label_smoothing)

    def metric_names(self, problem: Task | str) -> frozenset[str] | None:
        """Names of a problem's teacher-forced metrics; None where only a batch tells."""
        return self.target(self.route(problem)).metric_names

    def teacher_forced_metrics(
        self, route: Route, outputs: Tensor, targets: Tensor
    ) -> dict[str, Sums]:
        """Metrics of outputs given the right earlier targets, each (sum, weight)."""
        return self.target(route).step_metrics(outputs, targets)

    def step_sums(self, route: Route, outputs: Tensor, batch: Mapping[str, Tensor]) -> StepSums:
        """Counts what a training step reports besides its losses.

        Args:
          route: the way that was taken.
          outputs: from `forward`.
          batch: inputs, their lengths, targets.
        """
        target, targets = self.target(route), batch["targets"]
        counted = ops.sum(target.target_mask(targets))
        real = padded = ops.zeros((), "float32")
        for slot, key in zip(route.slots, route.inputs, strict=True):
            real += ops.cast(ops.sum(batch[slot + LENGTH]), "float32")
            padded += ops.cast(self.modalities[key].positions(batch[slot]), "float32")
        size = ops.cast(ops.size(target.target_mask(targets)), "float32")
        examples = ops.cast(ops.shape(targets)[0], "float32")
        return StepSums(target.hits(outputs, targets), examples, real + counted, padded + size)

    def route_variables(self, route: Route) -> list[keras.Variable]:
        """The trainable variables of a route, each once.

        The body counts as a whole: a class label's route leaves its decoder without gradient.
        """
        target = self.target(route)
        touched = {id(v) for v in target.role_variables(TARGET)}
        for key in route.inputs:
            touched |= {id(v) for v in self.modalities[key].role_variables(INPUT)}
        touched |= {id(v) for v in self.body.trainable_variables}
        if target.decodes:
            touched.add(id(self.commands))
        if len(route.slots) > 1:
            touched.add(id(self.slots))
        return [v for v in self.trainable_variables if id(v) in touched]

    def groups(self) -> dict[str, list[keras.Variable]]:
        """All trainable variables: by modality's sharing key, "body", "commands" and "slots"."""
        found = {key: list(m.trainable_variables) for key, m in self.modalities.items()}
        found[BODY] = list(self.body.trainable_variables)
        found[COMMANDS] = [] if self.commands is None else [self.commands]
        if self.slots is not None:
            found[SLOTS] = [self.slots]
        return found


class StepSums(NamedTuple):
    """Counts of a training step, float32 scalars.

    Attributes:
      hits: targets that were predicted right.
      examples: of the batch.
      real: input positions and targets without padding.
      padded: with padding.
    """

    hits: Tensor
    examples: Tensor
    real: Tensor
    padded: Tensor


def _name(problem: Task | str) -> str:
    return problem if isinstance(problem, str) else problem.name


def route_of(task: Task, hparams: HParams) -> Route:
    """The way that a problem takes."""
    keys = tuple(modality_key(kind, hparams) for kind in task.inputs.values())
    return Route(tuple(task.inputs), keys, modality_key(task.targets, hparams))


def make_modalities(
    problems: Sequence[Task],
    hparams: HParams,
    seed_generator: keras.random.SeedGenerator | None,
) -> Mapping[str, Modality]:
    """One modality per sharing key, in the order of keys, with the roles that problems need."""
    kinds: dict[str, Kind] = {}
    roles: dict[str, set[str]] = {}
    for problem in problems:
        features = [(kind, INPUT) for kind in problem.inputs.values()]
        for kind, role in (*features, (problem.targets, TARGET)):
            key = modality_key(kind, hparams)
            check_same_size(key, kinds.setdefault(key, kind), kind)
            roles.setdefault(key, set()).add(role)
    return {
        key: modality_class(kinds[key], hparams).create(
            modality_name(kinds[key], hparams), kinds[key], hparams, seed_generator, roles[key]
        )
        for key in sorted(kinds)
    }


def check_same_size(key: str, first: Kind, second: Kind) -> None:
    """Refuses problems that share a vocabulary's name, but not its size.

    Raises:
      DataError: if the sizes differ.
    """
    sizes = [getattr(kind, "size", None) for kind in (first, second)]
    if first.text_vocabulary and sizes[0] != sizes[1]:
        raise DataError(
            f"problems that share '{key}' disagree on the size of its vocabulary: "
            f"{sizes[0]} and {sizes[1]}; generate their data again with one "
            "vocabulary (t2t-datagen)."
        )
