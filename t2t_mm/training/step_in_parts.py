"""A step in parts: batches that are accumulated, shares of a batch on the processor's cores.

n batches of a problem equal one batch n times as large, and so do the shares of one batch: every
part counts by its target positions. The body's own losses (balance of experts) are means over the
parts, weighted likewise; over one large batch they would be computed of the whole. Parts are added
in their order, whichever is ready first: a step gives the same bits every time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from t2t_mm.data.batches.spec import Batch, batch_spec
from t2t_mm.models.joint import Route
from t2t_mm.problem import TARGETS
from t2t_mm.runs.cores import Cores
from t2t_mm.runs.groups import Groups
from t2t_mm.runs.share_seeds import ShareSeeds
from t2t_mm.training.gradient import Gradients
from t2t_mm.training.graphs import NUMBER, SCALAR, concrete
from t2t_mm.training.step_stats import FIELDS
from t2t_mm.training.update import Update


class Part(NamedTuple):
    """The gradient of some examples, or the sum of several such parts.

    Attributes:
      gradients: group -> gradient of the scaled mean loss times `positions`, float32 [n].
      loss: the mean loss times `positions`, float32 scalar, not scaled.
      positions: target positions, float32 scalar.
      report: see `Gradients.report`.
    """

    gradients: dict[str, tf.Tensor]
    loss: tf.Tensor
    positions: tf.Tensor
    report: tf.Tensor

    def plus(self, other: Part) -> Part:
        """The sum of two parts of one step."""
        return tf.nest.map_structure(tf.add, self, other)

    def mean(self) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """The gradient and the loss of the mean over all positions."""
        inverse = 1.0 / tf.maximum(self.positions, 1.0)
        return {n: inverse * total for n, total in self.gradients.items()}, inverse * self.loss


class _Trace(NamedTuple):
    """The graphs of a route: a part's and the end's; how often a part draws random numbers."""

    part: Any
    end: Any
    draws: int


class StepInParts:
    """Sums the parts' gradients and applies their mean.

    Args:
      gradients: of the model.
      update: applies the mean.
      shares: into which each batch is cut; 1: whole batches.
      seeds: the model's random states; read where there are several shares.
    """

    def __init__(self, gradients: Gradients, update: Update, shares: int, seeds: ShareSeeds):
        self._gradients, self._update = gradients, update
        self._cores, self._seeds = Cores(shares), seeds
        self._traced: dict[Route, _Trace] = {}

    def __call__(
        self,
        route: Route,
        batches: Sequence[Batch],
        command: np.int32,
        loss_weight: np.float32,
        learning_rate: np.float32,
    ) -> np.ndarray:
        """Takes a step of all the batches; the report, see `step_stats`."""
        if route not in self._traced:
            self._traced[route] = self._trace(route, batch_spec(batches[0]))
        traced, before = self._traced[route], self._update.statistics()
        total, count = None, 0
        for batch in batches:
            for part in self._parts(traced, batch, command, loss_weight):
                total, count = part if total is None else total.plus(part), count + 1
        assert total is not None
        norm = traced.end(total, learning_rate, before).numpy()
        report = np.append(total.report.numpy(), norm)
        report[FIELDS.index("aux")] /= count
        return report

    def _parts(
        self, traced: _Trace, batch: Batch, command: np.int32, loss_weight: np.float32
    ) -> list[Part]:
        """The parts of one batch, computed side by side."""
        if self._cores.count == 1:
            return [Part(*traced.part(batch, command, loss_weight))]

        def part(rows: slice) -> Part:
            return Part(*traced.part(batch, command, loss_weight, np.int32(rows.start)))

        parts = self._cores.map_shares(part, int(batch[TARGETS].shape[0]))
        self._seeds.advance(traced.draws)
        return parts

    def _trace(self, route: Route, spec: Mapping[str, tf.TensorSpec]) -> _Trace:
        groups: dict[str, Groups] = {}

        def part(batch: Batch, command: tf.Tensor, loss_weight: tf.Tensor, *share: Any) -> Part:
            for first in share:
                batch = {name: v[first :: self._cores.count] for name, v in batch.items()}
            with self._drawing(*share):
                gradient = self._gradients.of(route, batch, command, loss_weight)
                report = self._gradients.report(route, batch, gradient)
            groups["moved"] = gradient.groups
            positions, joined = gradient.positions, gradient.joined
            sums = {name: positions * value for name, value in joined.items()}
            return Part(sums, positions * gradient.loss, positions, report)

        def end(total: Any, learning_rate: tf.Tensor, before: Sequence[tf.Tensor]) -> tf.Tensor:
            joined, loss = Part(*total).mean()
            return self._update(groups["moved"], joined, loss, learning_rate, before)

        specs = [dict(spec), NUMBER, SCALAR]
        if self._cores.count > 1:
            traced = self._cores.trace(part, [*specs, NUMBER])
        else:
            traced = concrete(part, specs)
        found = tf.nest.map_structure(tf.TensorSpec.from_tensor, traced.structured_outputs)
        before = [tf.TensorSpec(v.shape, v.dtype) for v in self._update.statistics()]
        return _Trace(traced, concrete(end, [found, SCALAR, before]), self._draws())

    @contextlib.contextmanager
    def _drawing(self, share: tf.Tensor | None = None) -> Iterator[None]:
        if share is None:
            yield
            return
        with self._seeds.drawing(share):
            yield

    def _draws(self) -> int:
        return self._seeds.draws if self._cores.count > 1 else 0
