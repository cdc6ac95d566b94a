"""Penn Treebank .mrg files: the words of a tree, and the tree on one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from t2t_mm import tree_tags, trees
from t2t_mm.data.readers.reader import Reader, Roots, Row
from t2t_mm.data.readers.selection import files_under
from t2t_mm.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Treebank(Reader):
    """Trees, cleaned as trees.clean says.

    Inputs are the treebank's own words joined by spaces, traces left out; brackets stay -LRB- and
    -RRB-. Targets are the cleaned tree over the same words, without them (tree_tags.write).

    Attributes:
      path: the folder of .mrg files, at any depth.
      files: globs or ranges of files, e.g. "wsj_02*" or "wsj_0001..wsj_0149"; none for all.
      words: the target holds the words too, as a bracketed tree (trees.linearise).
    """

    TARGETS = ("tree",)
    LINEAR_TREES = True

    path: str
    files: tuple[str, ...] = ()
    words: bool = False

    def rows(self, roots: Roots, training: bool) -> Iterator[Row]:
        del training  # a sentence has one tree
        write = trees.linearise if self.words else tree_tags.write
        for name, path in files_under(roots.find(self.path), (".mrg",), self.files):
            for line, tree in _trees(path):
                cleaned = trees.clean(tree)
                if cleaned is None:
                    continue  # nothing but traces
                sentence = " ".join(trees.words(cleaned))
                place = f"{self.path}/{name}, line {line}"
                yield Row(place, sentence, write(cleaned), group=sentence)


def _trees(path: Path) -> Iterator[tuple[int, trees.Tree]]:
    try:
        yield from trees.parse_all(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8; convert it, for instance with iconv.") from None
    except DataError as cause:
        raise DataError(f"{path}, {cause}") from None
