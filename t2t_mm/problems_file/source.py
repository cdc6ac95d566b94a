"""Sources of a split's examples: a reader, a held-out share, and filters."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from t2t_mm.data.sources.readers import Reader, Roots, Row
from t2t_mm.errors import DataError
from t2t_mm.kinds.preparation import Rules, one_line, prepare, words_alone
from t2t_mm.kinds.tree import spelled
from t2t_mm.problem import INPUTS, Broken, Split
from t2t_mm.problems_file.kinds import ProblemKind

# A text is one line: decoded outputs are compared and written line by line.
_ONE_LINE = "one_line"


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The filters that are applied to the rows of a source, in this order.

    Attributes:
      prepare: rules that text (in a tree: its words, not its labels) is brought to one form by,
        see kinds/preparation.py.
      lowercase: text is lower-cased, likewise.
      skip_empty: rows with an empty text are left out instead of being an error.
      max_words: rows with more words in a text (for trees: in the sentence) are left out.
      max_examples: the most rows that are taken, chosen by hash: all classes have their share.
    """

    prepare: tuple[str, ...] = ()
    lowercase: bool = False
    skip_empty: bool = False
    max_words: int | None = None
    max_examples: int | None = None

    @property
    def rules(self) -> Rules:
        """The preparation of a text."""
        return (_ONE_LINE, *self.prepare, *(["lowercase"] if self.lowercase else []))


@dataclass(frozen=True)
class HoldOut:
    """Shares of the training sources that are kept for other splits, 0 to 1.

    A row goes where a hash of its group says: it stays there when data are added or reordered.
    """

    dev: float = 0.0
    test: float = 0.0

    def share(self, split: Split) -> float:
        """The share of one split."""
        return {Split.DEV: self.dev, Split.TEST: self.test}.get(split, 0.0)

    def split_of(self, row: Row | Broken) -> Split:
        """The split that a row of a training source belongs to."""
        group = row.place if isinstance(row, Broken) else row.group or row.key
        place = stable_hash(group) / 2**64
        if place < self.dev:
            return Split.DEV
        return Split.TEST if place < self.dev + self.test else Split.TRAIN


def stable_hash(text: str) -> int:
    """64 bits that depend on `text` alone."""
    return int.from_bytes(
        hashlib.sha256(text.encode(errors="backslashreplace")).digest()[:8], "big"
    )


@dataclass(frozen=True)
class Source:
    """One source of one split.

    Attributes:
      reader: gives its rows.
      filters: what is done to them.
      kind: of the problem.
    """

    reader: Reader
    filters: Filters
    kind: ProblemKind

    def rows(
        self, roots: Roots, split: Split, held_out: HoldOut | None, left_out: Counter[str]
    ) -> Iterator[Row | Broken]:
        """Yields the rows that are used, their texts ready, and what is broken.

        Args:
          roots: where paths start.
          split: which part is asked for.
          held_out: how a training source is divided; None where a split has its own source.
          left_out: counts what the filters leave out, by reason.

        Raises:
          DataError: for a source that is missing or of another format.
        """

        def kept(count: Counter[str]) -> Iterator[Row | Broken]:
            rows = self.reader.items(roots, training=split is Split.TRAIN)
            mine = (r for r in rows if held_out is None or held_out.split_of(r) is split)
            return self._filtered(mine, count)

        most = self.filters.max_examples
        return kept(left_out) if most is None else _fewest(kept, most, left_out)

    def _filtered(
        self, rows: Iterable[Row | Broken], left_out: Counter[str]
    ) -> Iterator[Row | Broken]:
        most = self.filters.max_words
        for row in rows:
            if isinstance(row, Broken):
                yield row
                continue
            row = self._ready(row)
            texts = self._texts(row)
            empty = [place for place, text in texts if not text]
            if empty and not self.filters.skip_empty:
                sentence = f"{empty[0]} is empty; fill it, or leave it out by skip_empty = true."
                yield Broken("empty texts", sentence, empty[0])
            elif empty:
                left_out["empty"] += 1
            elif most and any(len(text.split()) > most for _, text in texts):
                left_out[f"longer than {most} words"] += 1
            else:
                yield self._with_tree(row) if self.kind.targets.is_bracketed else row

    def _ready(self, row: Row) -> Row:
        """The row with its texts prepared; a tree on one line, its words as they are."""
        rules = self.filters.rules

        def change(text: str) -> str:
            return prepare(text, rules)

        texts = {name: change(text) for name, text in self._input_texts(row).items()}
        if isinstance(row.inputs, Mapping):
            row = replace(row, inputs={**row.inputs, **texts})
        elif texts:
            row = replace(row, inputs=texts[INPUTS])
        if self.kind.writes_text:
            references = tuple(filter(None, map(change, row.references)))
            return replace(row, targets=change(row.targets), references=references)
        return replace(row, targets=one_line(row.targets))

    def _texts(self, row: Row) -> list[tuple[str, str]]:
        """(place, text) of what must not be empty and is counted in words."""
        several = isinstance(row.inputs, Mapping)
        texts = [
            (f"{row.key}, {name}" if several else row.key, text)
            for name, text in self._input_texts(row).items()
        ]
        if self.kind.writes_text or not row.targets:
            texts.append((row.target_key or row.key, row.targets))
        return texts

    def _input_texts(self, row: Row) -> dict[str, str]:
        """The inputs that are text, by name."""
        values = row.inputs if isinstance(row.inputs, Mapping) else {INPUTS: row.inputs}
        return {name: _text(values[name]) for name in self.kind.text_inputs}

    def _with_tree(self, row: Row) -> Row | Broken:
        """The row with its tree proved, a bracketed one in the spelling of trees.linearize."""
        rules = words_alone(self.filters.rules)
        if self.reader.LINEAR_TREES and not rules:
            return row
        try:
            return replace(row, targets=spelled(row.targets, lambda word: prepare(word, rules)))
        except DataError as cause:
            place = row.target_key or row.key
            return Broken("malformed trees", f"{place}: {cause}", place)


def _text(inputs: str | Callable[[], bytes]) -> str:
    """The inputs of a kind that is read as text, which no reader gives as a file."""
    if not isinstance(inputs, str):
        raise TypeError(f"text was expected, got {inputs!r}")
    return inputs


def common_rules(sources: Sequence[Source]) -> Rules:
    """The preparation of a text that a model of all these sources reads.

    What one of them leaves as it is, the model has seen so: only rules of all count.
    """
    first, *others = (source.filters.rules for source in sources)
    return tuple(rule for rule in first if all(rule in rules for rules in others))


def _fewest(
    rows: Callable[[Counter[str]], Iterator[Row | Broken]], most: int, left_out: Counter[str]
) -> Iterator[Row | Broken]:
    """The rows with the lowest hashes, in their order; two runs, and no row kept in memory."""
    good = (row for row in rows(Counter()) if isinstance(row, Row))
    lowest = heapq.nsmallest(most, (stable_hash(row.key) for row in good))
    for row in rows(left_out):
        if isinstance(row, Broken) or stable_hash(row.key) <= lowest[-1]:
            yield row
        else:
            left_out["beyond max_examples"] += 1
