"""All causal ConvSteps of a body, advanced together by one position at a time.

What an output takes from earlier positions does not depend on the present one. So one weighted sum
for all ConvSteps of a kind gives what each gets from its past, and one write per kind
remembers what they have read. In between a ConvStep costs one tap and one product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from keras import ops

from t2t_mm.layers.buffers import Packed, empty, pack, put, read, split, take, unpack
from t2t_mm.layers.conv import ConvStep
from t2t_mm.tensor import Size, Tensor


class KindMemory(NamedTuple):
    """Tensors that all positions share for the ConvSteps of one kind, of dilation d.

    Attributes:
      taps: those that look back. With one hypothesis per input [W, W, 1, C]: for each slot where
        the present position is written, the tap of every slot; else [W, 1, C], the nearest first.
      line: int32 [length, W], where the line of a position lies; None if the ring is one line.
      slot: int32 [length], which slot of its line a position has.
      here: int32 [length, 1], where a position is written.
      slots: int32 [length, W], where in the whole ring each tap's position lies; None with one
        hypothesis.
      times: int32 [length, W], which position each tap looks at, 0 before the first; or None.
    """

    taps: Tensor
    line: Tensor | None
    slot: Tensor
    here: Tensor
    slots: Tensor | None
    times: Tensor | None


class ConvsMemory(NamedTuple):
    """Tensors that all positions share.

    Attributes:
      weights: of the ConvSteps, as `ConvStep.prepare` gives them.
      kinds: of each kind.
    """

    weights: Packed
    kinds: list[KindMemory]


class CausalConvs:
    """The causal ConvSteps of a body.

    Its state is a ring per kind of window (taps and dilation d), [d * W, R, C]: what the ConvSteps
    have read at the last d * W positions; W is the number of taps that look back, or fewer where
    there are fewer positions. It has d lines of W slots. Position t lies in line t mod d:
    there lie those that its taps look at. No entry ever moves: which row wrote the past of which
    hypothesis is the ancestry's business.

    Args:
      steps: the ConvSteps, all built and causal.
    """

    def __init__(self, steps: Sequence[ConvStep]) -> None:
        self.steps = list(steps)
        self.kinds: dict[tuple[int, int], list[ConvStep]] = {}
        for step in self.steps:
            if step.kernel_size > 1:
                self.kinds.setdefault((step.kernel_size, step.dilation), []).append(step)

    def start(
        self, rows: Size, beams: int, length: Size, dtype: str
    ) -> tuple[ConvsMemory, list[Tensor]]:
        """Memory and state for R rows, K of each input, of at most `length` positions."""
        memory, state = [], []
        for (kernel_size, dilation), steps in self.kinds.items():
            width = ops.clip((length + dilation - 2) // dilation, 1, kernel_size - 1)
            kernels = [read(step.conv.depthwise_kernel) for step in steps]
            kernel = ops.concatenate(kernels, -1)  # [taps, C]
            taps = ops.cast(ops.flip(kernel[:-1], axis=0)[:width], dtype)  # [W, C]
            start = _start_one if beams == 1 else _start_several
            memory.append(start(taps[:, None], width, dilation, length))
            state.append(empty((dilation * width, rows, kernel.shape[-1]), dtype))
        weights = pack([part for step in self.steps for part in step.prepare()])
        return ConvsMemory(weights, memory), state

    def at(
        self,
        memory: ConvsMemory,
        state: list[Tensor],
        position: Tensor,
        ancestry: Tensor | None = None,
    ) -> ConvsAt:
        """The ConvSteps at a position.

        Args:
          memory: from `start`.
          state: from `start`, or from the position before.
          position: int32 scalar.
          ancestry: int32 [R, length], the row that wrote each position of each row's past; None
            with one hypothesis per input.
        """
        weights = unpack(memory.weights)
        parts = len(weights) // len(self.steps)
        pasts: dict[int, Tensor] = {}
        for kind, ring, steps in zip(memory.kinds, state, self.kinds.values(), strict=True):
            if ancestry is None:
                past = _past_of_one(kind, ring, position)
            else:
                past = _past_of_several(kind, ring, position, ancestry)
            widths = [step.channels for step in steps]
            each = split(past, widths, len(steps), -1)  # [R, C of the step] each
            pasts.update((id(step), part) for step, part in zip(steps, each, strict=True))
        found = {
            id(step): (tuple(weights[i * parts : (i + 1) * parts]), pasts.get(id(step)))
            for i, step in enumerate(self.steps)
        }
        return ConvsAt(self, found, memory, state, position, list(pasts.values()))


def _start_one(taps: Tensor, width: Size, dilation: int, length: Size) -> KindMemory:
    """Turns taps [W, 1, C], the nearest first, for every slot of the present position."""
    slots = ops.arange(width, dtype="int32")
    turned = take(taps, (slots[:, None] - slots - 1) % width)
    positions = ops.arange(length, dtype="int32")
    line = None if dilation == 1 else (positions % dilation * width)[:, None] + slots
    slot, here = positions // dilation % width, _place(positions, width, dilation)
    return KindMemory(turned, line, slot, here[:, None], None, None)


def _start_several(taps: Tensor, width: Size, dilation: int, length: Size) -> KindMemory:
    positions = ops.arange(length, dtype="int32")
    times = positions[:, None] - dilation * ops.arange(1, width + 1, dtype="int32")
    slots, here = (_place(t, width, dilation) for t in (times, positions))
    return KindMemory(taps, None, None, here[:, None], slots, ops.maximum(times, 0))


def _place(times: Tensor, width: Size, dilation: int) -> Tensor:
    """The places in a ring where positions lie."""
    return times % dilation * width + times // dilation % width


def _past_of_one(kind: KindMemory, ring: Tensor, position: Tensor) -> Tensor:
    """The depthwise convolutions' sum over earlier positions, [R, C]; rows keep to their own."""
    line = ring if kind.line is None else take(ring, take(kind.line, position))
    return ops.sum(line * take(kind.taps, take(kind.slot, position)), axis=0)


def _past_of_several(kind: KindMemory, ring: Tensor, position: Tensor, ancestry: Tensor) -> Tensor:
    """Does as `_past_of_one`; each row takes from the rows that its ancestry names."""
    rows = ops.shape(ancestry)[0]
    entries = ops.reshape(ring, (-1, ring.shape[-1]))  # [d * W * R, C]
    writers = take(ops.transpose(ancestry), take(kind.times, position))  # [W, R]
    places = rows * take(kind.slots, position)[:, None] + writers  # [W, R]
    return ops.sum(take(entries, places) * kind.taps, axis=0)


class ConvsAt:
    """Every ConvStep of a body at one position, each to be called once."""

    def __init__(
        self,
        convs: CausalConvs,
        parts: dict[int, tuple[Tensor, Tensor]],
        memory: ConvsMemory,
        state: list[Tensor],
        position: Tensor,
        pasts: list[Tensor],
    ) -> None:
        self._pasts = pasts
        self._convs, self._parts = convs, parts
        self._memory, self._state, self._position = memory, state, position
        self._inputs: dict[int, Tensor] = {}

    def __call__(self, step: ConvStep, x: Tensor) -> Tensor:
        """A ConvStep's output [R, F] at this position, from its input x [R, C]."""
        y, self._inputs[id(step)] = step.step(*self._parts[id(step)], x)
        return y

    def state(self) -> list[Tensor]:
        """The state of the next position, after all ConvSteps have been called."""
        found = []
        kinds = zip(self._memory.kinds, self._state, self._convs.kinds.values(), strict=True)
        for kind, ring, steps in kinds:
            inputs = ops.concatenate([self._inputs[id(step)] for step in steps], axis=-1)  # [R, C]
            here = take(kind.here, self._position)
            found.append(put(ring, here, inputs[None], self._pasts))
        return found
