"""Draws docs/images/multimodel.png, the picture of the model: `python docs/plots/model.py`."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

OUT = Path(__file__).parents[1] / "images" / "multimodel.png"
INK, FAINT = "#1f2933", "#7b8794"
FILL = {"in": "#dbeafe", "body": "#fef3c7", "out": "#dcfce7", "moe": "#fde2e2", "cmd": "#ede9fe"}


def box(
    ax: plt.Axes, x: float, y: float, w: float, h: float, title: str, text: str, fill: str
) -> None:
    """A rounded box with a title and smaller lines under it."""
    style = "round,pad=0,rounding_size=0.08"
    ax.add_patch(FancyBboxPatch((x, y), w, h, boxstyle=style, fc=FILL[fill], ec=INK, lw=1.1))
    lines = text.count("\n") + 1 if text else 0
    top = y + h / 2 + 0.115 * lines
    ax.text(x + w / 2, top, title, ha="center", va="center", size=10.5, weight="bold", color=INK)
    if text:
        ax.text(x + w / 2, top - 0.17, text, ha="center", va="top", size=8, color=INK)


def arrow(ax: plt.Axes, start: tuple, end: tuple, label: str = "") -> None:
    """An arrow, its label above its middle."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.2})
    if label:
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.12)
        ax.text(*middle, label, ha="center", size=8, color=FAINT)


def main() -> None:
    """Draws and saves the picture."""
    fig, ax = plt.subplots(figsize=(12.4, 5.0))
    entrances = [
        ("text", "subword embedding"),
        ("image", "Xception entry flow"),
        ("audio", "stack of ConvRes blocks"),
    ]
    for row, (title, text) in enumerate(entrances):
        y = 3.4 - row * 1.05
        box(ax, 0.0, y, 1.9, 0.8, title, text, "in")
        arrow(ax, (1.9, y + 0.4), (2.75, 2.75 - 0.12 * row))
    ax.text(0.95, 4.42, "bottoms", ha="center", size=9, color=FAINT)
    text = "timing\nConvBlocks\nmixture of experts\nConvBlocks\n+ attention"
    box(ax, 2.75, 1.75, 1.8, 1.85, "encoder", text, "body")
    text = "attention over the\nencoded inputs\nConvStep merge\n2 ConvBlocks"
    box(ax, 5.35, 1.85, 1.8, 1.65, "mixer", text, "body")
    text = "ConvBlock + attention\nmixture of experts\nConvBlock + attention"
    box(ax, 7.85, 1.9, 1.95, 1.5, "decoder", text, "body")
    arrow(ax, (4.55, 2.67), (5.35, 2.67), "Rep")
    arrow(ax, (7.15, 2.67), (7.85, 2.67))
    box(ax, 10.55, 2.25, 1.9, 0.8, "text", "linear map, softmax", "out")
    arrow(ax, (9.8, 2.67), (10.55, 2.67))
    box(ax, 10.55, 3.75, 1.9, 0.8, "class label", "Xception exit flow", "out")
    ax.plot([3.65, 3.65], [3.6, 4.15], color=INK, lw=1.2)
    arrow(
        ax, (3.65, 4.15), (10.55, 4.15), "class labels read the encoder and skip mixer and decoder"
    )
    ax.text(11.5, 4.72, "tops", ha="center", size=9, color=FAINT)
    text = "to_german, to_label, ...\nthen the previous outputs"
    box(ax, 5.1, 0.3, 2.3, 0.85, "command", text, "cmd")
    arrow(ax, (6.25, 1.15), (6.25, 1.85))
    ax.plot([11.5, 11.5, 7.4], [2.25, 0.72, 0.72], color=FAINT, lw=1.0, ls="--")
    ax.text(9.6, 0.8, "previous outputs, shifted right", ha="center", size=8, color=FAINT)
    note = (
        "one object per (modality, vocabulary, width): problems share by naming the same vocabulary"
    )
    ax.text(6.2, -0.05, note, ha="center", size=8.5, color=FAINT)
    ax.set_xlim(-0.1, 12.6)
    ax.set_ylim(-0.25, 4.95)
    ax.axis("off")
    fig.savefig(OUT, dpi=110, bbox_inches="tight", facecolor="white")


if __name__ == "__main__":
    main()
