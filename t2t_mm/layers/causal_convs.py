"""All causal ConvSteps of a body, advanced together by one position at a time.

What an output takes from earlier positions does not depend on the present one. So one weighted sum
for all ConvSteps of a kind gives what each gets from its past, and one write per kind
remembers what they have read. In between a ConvStep costs one tap and one product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from keras import ops

from t2t_mm.layers.buffers import Packed, pack, put, read, split, take, unpack
from t2t_mm.layers.conv import ConvStep


class ConvsMemory(NamedTuple):
    """What all positions share.

    Attributes:
      weights: of the ConvSteps, as `ConvStep.prepare` gives them.
      taps: per kind, [W, 1, C], those that look back, the nearest first; C counts the channels of
        all ConvSteps of the kind.
      counts: int32 [kinds], W of each kind.
      slots: int32 [length, sum of W], where each tap's position lies in its kind's buffer.
      times: int32 [length, sum of W], which position each tap looks at; 0 before the first.
      here: int32 [length, kinds], where the present position is written.
    """

    weights: Packed
    taps: list[Any]
    counts: Any
    slots: Any
    times: Any
    here: Any


class CausalConvs:
    """The causal ConvSteps of a body.

    Its state is a ring buffer per kind of window (taps and dilation), [S, R, C]: what the ConvSteps
    have read at the last S positions, S being no more than the kind looks back on and no more
    than there are positions. No row ever moves: which row wrote the past of which hypothesis is the
    lineage's business.

    Args:
      steps: the ConvSteps, all built and causal.
    """

    def __init__(self, steps: Sequence[ConvStep]) -> None:
        self.steps = list(steps)
        self.kinds: dict[tuple[int, int], list[int]] = {}
        for number, step in enumerate(self.steps):
            if step.kernel_size > 1:
                self.kinds.setdefault((step.kernel_size, step.dilation), []).append(number)

    def start(self, rows: Any, length: Any, dtype: str) -> tuple[ConvsMemory, list[Any]]:
        """Memory and state for R rows of at most `length` positions."""
        weights = pack([part for step in self.steps for part in step.prepare()])
        positions = ops.arange(length, dtype="int32")[:, None]
        taps, counts, slots, times, here, state = [], [], [], [], [], []
        for (kernel_size, dilation), members in self.kinds.items():
            count = ops.clip((length + dilation - 2) // dilation, 1, kernel_size - 1)
            size = count * dilation
            times.append(positions - dilation * ops.arange(1, count + 1, dtype="int32"))
            slots.append(times[-1] % size)
            here.append(positions % size)
            kernels = [read(self.steps[member].conv.depthwise_kernel) for member in members]
            kernel = ops.flip(ops.concatenate(kernels, axis=-1)[:-1], axis=0)[:count, None]
            taps.append(ops.cast(kernel, dtype))
            counts.append(count)
            state.append(ops.zeros((size, rows, kernel.shape[-1]), dtype))
        tables = [ops.concatenate(table, axis=-1) for table in (slots, times, here)]
        tables[1] = ops.maximum(tables[1], 0)
        return ConvsMemory(weights, taps, ops.stack(counts), *tables), state

    def at(
        self, memory: ConvsMemory, state: list[Any], position: Any, lineage: Any = None
    ) -> ConvsAt:
        """The ConvSteps at a position.

        Args:
          memory: from `start`.
          state: from `start`, or from the position before.
          position: int32 scalar.
          lineage: int32 [R, length], the row that wrote each position of each row's past; None
            where every row wrote its own.
        """
        weights = unpack(memory.weights)
        per_step = len(weights) // len(self.steps)
        pasts = self._pasts(memory, state, position, lineage)
        parts = {
            id(step): (tuple(weights[i * per_step : (i + 1) * per_step]), pasts[i])
            for i, step in enumerate(self.steps)
        }
        return ConvsAt(self, parts, memory, state, position)

    def _pasts(
        self, memory: ConvsMemory, state: list[Any], position: Any, lineage: Any
    ) -> list[Any]:
        """What each ConvStep's depthwise convolution takes from earlier positions, [R, C]."""
        pasts = [None] * len(self.steps)
        slots = take(memory.slots, position)
        if lineage is not None:
            rows = lineage.shape[0] or ops.shape(lineage)[0]
            times = take(memory.times, position)
            slots = rows * slots[:, None] + take(ops.transpose(lineage), times)
        places = split(slots, memory.counts, len(state))
        kinds = zip(state, memory.taps, places, self.kinds.values(), strict=True)
        for buffer, taps, place, members in kinds:
            if lineage is not None:
                buffer = ops.reshape(buffer, (-1, buffer.shape[-1]))
            past = ops.sum(take(buffer, place) * taps, axis=0)
            widths = [self.steps[member].channels for member in members]
            for member, part in zip(members, split(past, widths, len(widths), -1), strict=True):
                pasts[member] = part
        return pasts


class ConvsAt:
    """Every ConvStep of a body at one position, each to be called once."""

    def __init__(
        self,
        convs: CausalConvs,
        parts: dict[int, tuple[Any, Any]],
        memory: ConvsMemory,
        state: list[Any],
        position: Any,
    ) -> None:
        self._convs, self._parts = convs, parts
        self._memory, self._state, self._position = memory, state, position
        self._read: dict[int, Any] = {}

    def __call__(self, step: ConvStep, x: Any) -> Any:
        """A ConvStep's output [R, F] at this position, from its input x [R, C]."""
        y, self._read[id(step)] = step.step(*self._parts[id(step)], x)
        return y

    def state(self) -> list[Any]:
        """The state of the next position, after all ConvSteps have been called."""
        here = ops.unstack(take(self._memory.here, self._position), len(self._state))
        found = []
        for buffer, slot, members in zip(
            self._state, here, self._convs.kinds.values(), strict=True
        ):
            read = [self._read[id(self._convs.steps[member])] for member in members]
            found.append(put(buffer, slot, ops.concatenate(read, axis=-1)))
        return found
