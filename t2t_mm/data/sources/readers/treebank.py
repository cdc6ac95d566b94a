"""Penn Treebank .mrg files: the words of a tree, and the tree on one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.data.sources.readers.selection import files_under
from t2t_mm.errors import DataError
from t2t_mm.kinds import tree_tags, trees


@dataclass(frozen=True, kw_only=True)
class Treebank(Reader):
    """Trees, cleaned as trees.clean says.

    Inputs are the treebank's own words joined by spaces, traces left out; brackets stay -LRB- and
    -RRB-. Targets are the cleaned tree over the same words, without them (tree_tags.write).

    Attributes:
      path: the folder of .mrg files, at any depth.
      files: globs or ranges of files, e.g. "wsj_02*" or "wsj_0001..wsj_0149"; none for all.
      words: the target holds the words too, as a bracketed tree (trees.linearize).
      constituents: in training, every constituent of several words is an example too: short ones
        teach a model which word it is at, for which a small treebank has too few sentences.
    """

    TARGETS = ("tree",)
    LINEAR_TREES = True

    path: str
    files: tuple[str, ...] = ()
    words: bool = False
    constituents: bool = False

    def rows(self, roots: Roots, training: bool) -> Iterator[Row]:
        for name, path in files_under(roots.find(self.path), (".mrg",), self.files):
            for line, tree in trees_of(path):
                cleaned = trees.clean(tree)
                if cleaned is None:
                    continue  # nothing but traces
                place, sentence = f"{self.path}/{name}, line {line}", " ".join(trees.words(cleaned))
                yield Row(place, sentence, self._target_text(cleaned, place), group=sentence)
                if training and self.constituents:
                    for number, part in enumerate(_parts(cleaned), 1):
                        key, words = f"{place}, constituent {number}", " ".join(trees.words(part))
                        yield Row(key, words, self._target_text(part, key), group=sentence)

    def _target_text(self, tree: trees.ParseTree, place: str) -> str:
        try:
            return trees.linearize(tree) if self.words else tree_tags.write(tree)
        except DataError as cause:
            raise DataError(f"{place}: {cause}") from None


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
    try:
        yield from trees.parse_all(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8; convert it, for instance with iconv.") from None
    except DataError as cause:
        raise DataError(f"{path}, {cause}") from None
