"""Penn Treebank .mrg files: the words of a tree, and the tree on one line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.data.sources.readers import treebank_text
from t2t_mm.data.sources.readers.lines import broken_line
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.data.sources.readers.selection import files_under, notes_under
from t2t_mm.errors import DataError
from t2t_mm.files.text import BadLine, lines_of
from t2t_mm.kinds import tree_tags, trees
from t2t_mm.problem import Broken, SourceNote

_ENDING = ".mrg"


@dataclass(frozen=True, kw_only=True)
class Treebank(Reader):
    """Trees, cleaned as trees.clean says.

    Inputs are the treebank's own words joined by spaces, traces left out; brackets stay -LRB- and
    -RRB-. Targets are the cleaned tree over the same words, without them (tree_tags.write).

    Attributes:
      path: the folder of .mrg files, at any depth.
      files: globs or ranges of files, e.g. "wsj_02*" or "wsj_0001..wsj_0149"; none for all.
      exclude: globs of files and folders to leave out.
      words: the target holds the words too, as a bracketed tree (trees.linearize).
      constituents: in training, every constituent of several words is an example too: short ones
        teach a model which word it is at, for which a small treebank has too few sentences.
    """

    TARGETS = ("tree",)
    LINEAR_TREES = True

    path: str
    files: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    words: bool = False
    constituents: bool = False

    def items(self, roots: Roots, training: bool) -> Iterator[Row | Broken]:
        folder = roots.find(self.path)
        for name, path in files_under(folder, (_ENDING,), self.files, self.exclude):
            for item in items_of(path):
                if isinstance(item, Broken):
                    yield item
                    continue
                line, tree = item
                cleaned = trees.clean(tree)
                if cleaned is not None:  # not nothing but traces
                    place = f"{self.path}/{name}, line {line}"
                    yield from self._rows_of(cleaned, place, training and self.constituents)

    def _rows_of(self, tree: trees.ParseTree, place: str, parts: bool) -> Iterator[Row | Broken]:
        """The tree's row, and those of its constituents if asked for; none without the whole."""
        sentence = " ".join(trees.words(tree))
        try:
            yield Row(place, sentence, self._target_text(tree), group=sentence)
            for number, part in enumerate(_parts(tree) if parts else (), 1):
                key, words = f"{place}, constituent {number}", " ".join(trees.words(part))
                yield Row(key, words, self._target_text(part), group=sentence)
        except DataError as cause:
            yield Broken("trees that cannot be written", f"{place}: {cause}", place)

    def _target_text(self, tree: trees.ParseTree) -> str:
        return trees.linearize(tree) if self.words else tree_tags.write(tree)

    def notes(self, roots: Roots) -> list[SourceNote]:
        return notes_under(roots.find(self.path), (_ENDING,), self.exclude, self.path)


def _parts(tree: trees.ParseTree) -> Iterator[trees.ParseTree]:
    """The constituents of several words inside of a tree, from left to right."""
    for child in tree.children:
        if isinstance(child, trees.ParseTree):
            if len(trees.words(child)) > 1:
                yield child
            yield from _parts(child)


def trees_of(path: Path) -> Iterator[tuple[int, trees.ParseTree]]:
    """(line, tree) of a file of bracketed trees, as they stand in it.

    Raises:
      DataError: for what is malformed, with its place.
    """
    for item in items_of(path):
        if isinstance(item, Broken):
            raise DataError(item.sentence)
        yield item


def items_of(path: Path) -> Iterator[tuple[int, trees.ParseTree] | Broken]:
    """(line, tree) of a file of bracketed trees, and what is malformed, in their order.

    Raises:
      DataError: if after something malformed nobody can tell where the next tree begins.
    """
    read = list(lines_of(path))
    lines = [line.shown if isinstance(line, BadLine) else line for line in read]
    try:
        found = treebank_text.trees_in(lines)
    except DataError as cause:
        raise DataError(f"{path}, {cause}") from None
    for one, after in itertools.zip_longest(found, found[1:]):
        end = after.line - 1 if after else len(lines)
        bad = (n for n in range(one.line, end + 1) if isinstance(read[n - 1], BadLine))
        number = next(bad, None)
        line = read[number - 1] if number else ""
        if number and isinstance(line, BadLine):
            yield broken_line(path, number, line)
        elif one.tree is None:
            place = f"{path}, line {one.line}"
            yield Broken("malformed trees", f"{path}, {one.error}", place)
        else:
            yield one.line, one.tree
