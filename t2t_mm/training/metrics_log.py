"""metrics.jsonl and TensorBoard: the scalars of a run, one writer for both.

A line of metrics.jsonl is
{"step": 100, "split": "train", "problem": "image_shapes", "metrics": {"loss": 1.2, ...}}.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_mm.evaluation.tensorboard_events import EventsFile
from t2t_mm.files.writing import rewrite

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

FILE = "metrics.jsonl"


class MetricsLog:
    """Appends to metrics.jsonl and to the TensorBoard events in tb/<split>.

    Lines are flushed one by one, so a killed run loses none that it has reported.

    Args:
      output_dir: the run directory.
      step: where the run begins; lines of later steps, written by a run that was killed after its
        last checkpoint, are cut off.
    """

    def __init__(self, output_dir: Path, step: int):
        self._folder = output_dir
        truncate_after(output_dir / FILE, step)
        self._file = open(output_dir / FILE, "a", encoding="utf-8")  # noqa: SIM115
        self._writers: dict[str, EventsFile] = {}

    def write(self, step: int, split: str, problem: str, metrics: Mapping[str, float]) -> None:
        """Logs one problem's metrics at a step."""
        values = {name: float(value) for name, value in metrics.items()}
        line = {"step": step, "split": split, "problem": problem, "metrics": _finite(values)}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        if split not in self._writers:
            self._writers[split] = EventsFile(self._folder / "tb" / split)
        self._writers[split].write(step, {f"{problem}/{n}": value for n, value in values.items()})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Flushes everything."""
        self._file.close()
        for writer in self._writers.values():
            writer.close()


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """Puts None for values that JSON lacks: NaN and infinities."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a metrics file; a half-written last line is left out."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)


def development_lines(output_dir: Path, step: int) -> dict[str, list[dict[str, float | None]]]:
    """Problem -> the metrics of each of its development lines at a step, in order."""
    found: dict[str, list[dict[str, float | None]]] = {}
    for line in read(output_dir / FILE):
        if line["step"] == step and line["split"] == "dev":
            found.setdefault(line["problem"], []).append(line["metrics"])
    return found


def truncate_after(path: Path, step: int) -> None:
    """Removes the lines after `step`, and a half-written one."""
    if not path.exists():
        return
    kept = [json.dumps(line) + "\n" for line in read(path) if line["step"] <= step]
    rewrite(path, "".join(kept))
