"""The text of a .mrg file, tree by tree: comments passed over, malformed trees told apart.

A malformed tree does not take its neighbours with it: where every tree begins at the first column
and no line within a tree does, as in published treebanks, the next one is found again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from t2t_mm.errors import DataError
from t2t_mm.kinds import trees

# "#" in handparsed treebanks, "%%" in NEGRA's, "*x*" in the copyright notes of the Penn Treebank,
# tags of SGML in the Chinese one.
_COMMENT = re.compile(r"\s*(#|%|;|\*x\*|<[^()]*>\s*$)")


@dataclass(frozen=True)
class Found:
    """A tree, or what should have been one.

    Attributes:
      line: where it begins, from 1.
      tree: as it stands there; None for what is malformed.
      error: "line 3: ...", of what is malformed.
    """

    line: int
    tree: trees.ParseTree | None
    error: str = ""


def trees_in(lines: Sequence[str]) -> list[Found]:
    """The trees of a file, in their order.

    Args:
      lines: without their ends.

    Raises:
      DataError: for something malformed after which nobody can tell where the next tree begins.
    """
    found = list(_parsed(lines, 1))
    if not found or found[-1].tree:
        return found
    starts = _starts(lines)
    if not _begin_trees(starts, lines, found[:-1]):
        raise DataError(found[-1].error)
    ends = [*starts[1:], len(lines)]
    return [
        one
        for start, end in zip(starts, ends, strict=True)
        for one in _parsed(lines[start:end], start + 1)
    ]


def _parsed(lines: Sequence[str], first: int) -> Iterator[Found]:
    """The trees of some lines, up to the first that is malformed."""
    line = first
    try:
        for line, tree in trees.parse_all("\n".join(without_comments(lines)), first):
            yield Found(line, tree)
    except DataError as cause:
        yield Found(_line_of(str(cause), line), None, str(cause))


def _line_of(error: str, otherwise: int) -> int:
    match = re.match(r"line (\d+)", error)
    return int(match[1]) if match else otherwise


def without_comments(lines: Sequence[str]) -> Iterator[str]:
    """The lines, those that are comments as empty ones; within a tree nothing is a comment."""
    depth = 0
    for line in lines:
        comment = depth == 0 and _COMMENT.match(line)
        yield "" if comment else line
        if not comment:
            depth = max(0, depth + line.count("(") - line.count(")"))


def _starts(lines: Sequence[str]) -> list[int]:
    """Numbers from 0 of the lines where trees may begin, and of the first line with any text."""
    kept = list(without_comments(lines))
    text = next((number for number, line in enumerate(kept) if line.strip()), 0)
    return sorted({text, *(number for number, line in enumerate(lines) if line.startswith("("))})


def _begin_trees(starts: Sequence[int], lines: Sequence[str], found: Sequence[Found]) -> bool:
    """True if trees alone begin at the first column: no constituent within a tree does."""
    ends = [*starts[1:], len(lines)]
    whole = sum(
        "".join(part).count("(") == "".join(part).count(")")
        for part in (list(without_comments(lines[s:e])) for s, e in zip(starts, ends, strict=True))
    )
    known = {one.line - 1 for one in found}
    last = max(known, default=-1)
    inner = [start for start in starts if start < last and start not in known]
    return not inner and (len(starts) == 1 or 2 * whole >= len(starts))
