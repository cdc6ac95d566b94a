"""Draws a run's learning curves: `python docs/plots/learning_curves.py RUN_DIR OUT.png`.

One panel per problem: training and development loss and the teacher-forced accuracy on the
development split, against the steps of the joint run, all read from RUN_DIR/metrics.jsonl.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

Curves = dict[str, dict[str, list[tuple[int, float]]]]
LOSS, ACCURACY = "#b45309", "#1d4ed8"


def read(run_dir: Path) -> Curves:
    """Problem -> "train loss", "dev loss", "dev accuracy" -> (step, value) pairs."""
    curves: Curves = defaultdict(lambda: defaultdict(list))
    for line in (run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        for name in ("loss", "accuracy"):
            if name in entry["metrics"]:
                key = f"{entry['split']} {name}"
                curves[entry["problem"]][key].append((entry["step"], entry["metrics"][name]))
    return curves


def draw(curves: Curves, out: Path) -> None:
    """Writes the picture."""
    columns = min(4, len(curves))
    rows = math.ceil(len(curves) / columns)
    fig, axes = plt.subplots(rows, columns, figsize=(3.5 * columns, 2.6 * rows), squeeze=False)
    for ax in axes.flat[len(curves) :]:
        ax.axis("off")
    for ax, (problem, lines) in zip(axes.flat, sorted(curves.items()), strict=False):
        ax.set_title(problem, size=9)
        plot(ax, lines["train loss"], LOSS, ":", "train loss")
        plot(ax, lines["dev loss"], LOSS, "-", "dev loss")
        ax.tick_params(labelsize=7)
        ax.set_ylim(bottom=0)
        right = ax.twinx()
        plot(right, lines["dev accuracy"], ACCURACY, "-", "dev accuracy")
        right.set_ylim(0, 1.02)
        right.tick_params(labelsize=7, colors=ACCURACY)
    fig.supxlabel("step of the joint run", size=9)
    handles = [*axes[0][0].get_lines(), plt.Line2D([], [], color=ACCURACY)]
    labels = ["train loss", "dev loss", "dev accuracy (teacher-forced, right axis)"]
    fig.legend(handles, labels, loc="upper center", ncols=3, fontsize=8, frameon=False)
    fig.tight_layout(rect=(0, 0, 1, 0.95))
    fig.savefig(out, dpi=90)


def plot(ax: plt.Axes, points: list[tuple[int, float]], color: str, style: str, label: str) -> None:
    """One curve."""
    ax.plot(*zip(*points, strict=True), style, color=color, lw=1.2, label=label)


if __name__ == "__main__":
    draw(read(Path(sys.argv[1])), Path(sys.argv[2]))
