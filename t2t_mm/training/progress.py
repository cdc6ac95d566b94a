"""What a training run shows while it runs: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TextIO

from tqdm import tqdm

# Seconds between plain lines, and between refreshes of the bar.
_LINE_SECONDS = 30.0
_BAR_SECONDS = 0.5


class Progress:
    """Reports to a person; never part of a run's results.

    Args:
      stream: where to write; None is silent.
    """

    def __init__(self, stream: TextIO | None = None):
        self._stream = stream
        self._examples = 0.0
        self._losses: dict[str, float] = {}
        self._bar: tqdm | None = None
        self.begin(0, 0)

    def begin(self, first_step: int, train_steps: int) -> None:
        """Starts to measure, and shows the bar.

        Args:
          first_step: steps done before.
          train_steps: steps in all.
        """
        self._first, self._total = first_step, train_steps
        self._begin = self._shown = time.monotonic()
        stream = self._stream
        if train_steps and stream is not None and stream.isatty():
            self._bar = tqdm(
                total=train_steps,
                initial=first_step,
                file=stream,
                unit="step",
                dynamic_ncols=True,
                mininterval=_BAR_SECONDS,
            )

    def say(self, text: str) -> None:
        """Prints lines above the bar."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
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
        if self._stream is None:
            return
        # A moving average shows where a loss is going; a single batch's jumps about.
        self._losses[problem] = 0.9 * self._losses.get(problem, loss) + 0.1 * loss
        self._examples += examples
        now = time.monotonic()
        if self._bar is not None:
            if now - self._shown > _BAR_SECONDS:
                self._shown = now
                self._bar.set_postfix_str(self._rates(now), refresh=False)
            self._bar.update(step - self._bar.n)
        elif now - self._shown > _LINE_SECONDS:
            self._shown = now
            self.say(f"step {step} of {self._total}: {self._speed(step, now)}, {self._rates(now)}")

    def _speed(self, step: int, now: float) -> str:
        rate = (step - self._first) / max(now - self._begin, 1e-9)
        left = (self._total - step) / max(rate, 1e-9)
        return f"{rate:.2f} steps/s, {_clock(left)} left"

    def _rates(self, now: float) -> str:
        losses = "; ".join(f"{name} {loss:.3f}" for name, loss in sorted(self._losses.items()))
        return f"{self._examples / max(now - self._begin, 1e-9):.1f} examples/s, loss: {losses}"

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
