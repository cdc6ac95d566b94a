"""The display of a training run: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TextIO

from t2t_mm.console.progress import Bar

_LINE_SECONDS = 30.0  # between plain lines


class Progress:
    """Reports to a person; never part of a run's results.

    Args:
      stream: where to write; None is silent.
    """

    def __init__(self, stream: TextIO | None = None):
        self._stream = stream
        self._examples = 0.0
        self._losses: dict[str, float] = {}
        self._bar: Bar | None = None

    def begin(self, first_step: int, train_steps: int) -> None:
        """Starts to measure, and shows the bar.

        Args:
          first_step: steps done before.
          train_steps: steps in all.
        """
        self._first = self._step = first_step
        self._total = train_steps
        if self._stream is not None:
            self._bar = Bar(
                train_steps, self._stream, done=first_step, quiet=_LINE_SECONDS, unit="step"
            )

    def say(self, text: str) -> None:
        """Prints lines above the bar."""
        if self._bar is not None:
            self._bar.say(text)
        elif self._stream is not None:
            print(text, file=self._stream, flush=True)

    def step(self, step: int, problem: str, loss: float, examples: float) -> None:
        """Counts one step.

        Args:
          step: steps done.
          problem: which one this step trained.
          loss: mean of this step.
          examples: examples of this step.
        """
        if self._bar is None:
            return
        # A moving average shows where a loss is going; a single batch's jumps about.
        self._losses[problem] = 0.9 * self._losses.get(problem, loss) + 0.1 * loss
        self._examples += examples
        more, self._step = step - self._step, step
        self._bar.advance(more, self._line, self._rates)

    def _line(self, seconds: float) -> str:
        rate = (self._step - self._first) / max(seconds, 1e-9)
        left = _clock((self._total - self._step) / max(rate, 1e-9))
        speed = f"{rate:.2f} steps/s, {left} left"
        return f"step {self._step} of {self._total}: {speed}, {self._rates(seconds)}"

    def _rates(self, seconds: float) -> str:
        losses = "; ".join(f"{name} {loss:.3f}" for name, loss in sorted(self._losses.items()))
        return f"{self._examples / max(seconds, 1e-9):.1f} examples/s, loss: {losses}"

    def close(self) -> None:
        """Leaves the bar as it is and goes to a new line."""
        if self._bar is not None:
            self._bar.close()


class Phases:
    """Seconds that the parts of starting up take.

    Attributes:
      seconds: phase -> seconds, in order.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def done(self, phase: str) -> None:
        """Ends a phase that began when the one before ended."""
        now = time.monotonic()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now

    def text(self) -> str:
        """One line."""
        return "start-up: " + ", ".join(f"{name} {s:.1f} s" for name, s in self.seconds.items())


def terminal(progress: bool) -> TextIO | None:
    """Standard output, or None for silence."""
    return sys.stdout if progress else None


def _clock(seconds: float) -> str:
    whole = int(min(seconds, 359_999))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def losses_line(step: int, metrics: Mapping[str, Mapping[str, float]]) -> str:
    """One line about an evaluation."""
    parts = [
        f"{name} {values['loss']:.3f}"
        + (f" ({100 * values['accuracy']:.1f} %)" if "accuracy" in values else "")
        for name, values in sorted(metrics.items())
    ]
    return f"evaluation at step {step}, loss (teacher-forced accuracy): {'; '.join(parts)}"
