"""Line-aligned text: line n of one file answers line n of the other, as in most corpora."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from t2t_mm.data.sources.readers.lines import broken_line
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.errors import DataError
from t2t_mm.files.text import BadLine, lines_of
from t2t_mm.problem import Broken


@dataclass(frozen=True, kw_only=True)
class TextLines(Reader):
    """Two UTF-8 files with as many lines.

    Attributes:
      inputs: path of the file of inputs.
      targets: path of the file of targets.
    """

    TARGETS = ("text", "label", "tree")

    inputs: str
    targets: str

    def items(self, roots: Roots, training: bool) -> Iterator[Row | Broken]:
        del training  # a line has one answer
        left, right = roots.find(self.inputs), roots.find(self.targets)
        lines = zip_longest(lines_of(left), lines_of(right))
        for number, (source, target) in enumerate(lines, start=1):
            if source is None or target is None:
                counts = [sum(1 for _ in lines_of(path)) for path in (left, right)]
                raise DataError(
                    f"{left} has {counts[0]} lines and {right} has {counts[1]}; line-aligned files "
                    "need as many."
                )
            if isinstance(source, BadLine):
                yield broken_line(left, number, source)
                continue
            if isinstance(target, BadLine):
                yield broken_line(right, number, target)
                continue
            yield Row(
                key=f"{self.inputs}, line {number}",
                target_key=f"{self.targets}, line {number}",
                inputs=source,
                targets=target,
                group=source,  # what occurs twice must not be both trained on and held out
            )
