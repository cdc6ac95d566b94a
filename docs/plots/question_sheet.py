"""Draws a question of each type with its picture: `python docs/plots/question_sheet.py OUT.png`."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from t2t_mm.problems.shapes import questions
from t2t_mm.problems.shapes.crowd_picture import render

COLUMNS, ZOOM, GAP = 4, 3, 14
SEED = 1
SIDE = questions.SIDE * ZOOM
WIDTH, HEIGHT = SIDE + 3 * GAP, SIDE + 4 * GAP  # of a picture with its question below it
INK, ANSWER_INK = (40, 40, 40), (20, 90, 160)
PALETTE = 128  # colors; the noise of the pictures would fill a file of full color


def sheet() -> Image.Image:
    """The first test question of each type."""
    asked = list(questions.examples("test", len(questions.TYPES), SEED))
    asked.sort(key=lambda one: questions.TYPES.index(one.type))
    rows = -(-len(asked) // COLUMNS)
    canvas = Image.new("RGB", (COLUMNS * WIDTH + GAP, rows * HEIGHT + GAP), "white")
    for index, one in enumerate(asked):
        row, column = divmod(index, COLUMNS)
        corner = GAP + column * WIDTH, GAP + row * HEIGHT
        picture = np.kron(render(one.scene, (SEED, index)), np.ones((ZOOM, ZOOM, 1), np.uint8))
        canvas.paste(Image.fromarray(picture), corner)
        write(canvas, one, (corner[0], corner[1] + SIDE + 3))
    return canvas.quantize(PALETTE, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def write(canvas: Image.Image, one: questions.Question, corner: tuple[int, int]) -> None:
    """The question, and its answer in another color, in lines from `corner` (x, y) down."""
    ink, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=11)
    lines = textwrap.wrap(f"{one.question}?", 30)
    for n, line in enumerate([*lines, one.answer]):
        color = ANSWER_INK if n == len(lines) else INK
        ink.text((corner[0], corner[1] + n * 13), line, fill=color, font=font)


if __name__ == "__main__":
    sheet().save(Path(sys.argv[1]), optimize=True)
