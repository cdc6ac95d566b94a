"""The Problem that a table declares."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from t2t_mm.data.sources.readers import Roots, Row
from t2t_mm.data.sources.readers.media import endings
from t2t_mm.data.sources.readers.selection import unnamed_under
from t2t_mm.errors import DataError, UserError
from t2t_mm.files.names import same_form
from t2t_mm.kinds import Kind
from t2t_mm.kinds.preparation import one_line
from t2t_mm.problem import (
    INPUTS,
    Broken,
    Dropped,
    Problem,
    Sample,
    SourceNote,
    Split,
    with_preparation,
)
from t2t_mm.problems_file.declaration import Declaration
from t2t_mm.problems_file.source import common_rules


class FileProblem(Problem):
    """A problem over files that a problems file names.

    Args:
      declaration: the checked table.
      folder: of the problems file, where relative paths are tried first.
      tmp_dir: where they are tried next; None if not known yet.
    """

    def __init__(self, declaration: Declaration, folder: Path, tmp_dir: Path | None):
        super().__init__(declaration.name)
        options, kind = declaration.options, declaration.kind
        self.declaration = declaration
        self.folder = folder
        self.tmp_dir = tmp_dir
        self._labels: tuple[str, ...] | None = tuple(map(same_form, options.labels)) or None
        rules = common_rules(declaration.sources[Split.TRAIN])
        self.inputs = with_preparation(_inputs(declaration), rules)
        targets = kind.targets.declared(self.name, _options(declaration, kind.targets))
        self.targets = targets.with_preparation(rules)
        self.command = options.command or kind.shape.command
        self.reversed_command = options.reversed_command or kind.shape.reversed_command
        self.language = options.language
        self.reversed_language = options.reversed_language
        self.metrics = options.metrics or kind.shape.metrics
        self.shards = dict(declaration.shards)  # type: ignore[misc]  # a class states its own
        self.version = declaration.version
        self.mixing_weight = options.weight
        self.loss_weight = options.loss_weight

    @property
    def labels(self) -> tuple[str, ...]:  # type: ignore[override]  # read when first asked for
        """Class names: as declared, or else those of the training sources, read once.

        Raises:
          DataError: if they have to be read and the data are missing or malformed.
        """
        if not self.declaration.kind.targets.has_labels:
            return ()
        if self._labels is None:
            self._labels = self._found_labels()
        return self._labels

    @property
    def prepares_text(self) -> bool:
        """True: the filters of its sources do."""
        return True

    @property
    def declares_labels(self) -> bool:
        """False if the file leaves the labels to the data: generated data then know them."""
        return bool(self.declaration.options.labels)

    def _found_labels(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        try:
            for source in self.declaration.sources[Split.TRAIN]:
                for target in map(one_line, source.reader.labels(self._roots(None))):
                    found |= dict.fromkeys(map(same_form, self.targets.labels_in(target)))
        except UserError as cause:
            raise DataError(f"{self.declaration.place}, labels: {cause}") from None
        found.pop("", None)
        # Several sources may know different parts: no order but the alphabet's is theirs in common.
        single = len(self.declaration.sources[Split.TRAIN]) == 1
        return tuple(found if single else sorted(found))

    def generate_samples(
        self, split: Split, tmp_dir: Path, seed: int
    ) -> Iterator[Sample | Dropped | Broken]:
        """Yields the split's samples; see Problem. The order is that of the files: no seed.

        What the filters leave out comes last, so that it changes no example's place.
        """
        del seed
        left_out: Counter[str] = Counter()
        labels = frozenset(self.labels_at(tmp_dir))
        for row in self._rows(split, tmp_dir, left_out):
            if isinstance(row, Row):
                row = self._with_known_labels(row, labels)
            yield _sample(row) if isinstance(row, Row) else self._located(row, split)
        for reason, count in sorted(left_out.items()):
            yield from itertools.repeat(Dropped(reason), count)

    def _with_known_labels(self, row: Row, labels: frozenset[str]) -> Row | Broken:
        """The row, or what is wrong with its class."""
        found = map(same_form, self.targets.labels_in(row.targets))
        wrong = [name for name in found if name not in labels]
        if not wrong:
            return row
        place = row.target_key or row.key
        return Broken(
            "classes that training lacks",
            f"{place} has the class '{wrong[0]}', which is not among the {len(labels)} labels of "
            "the training data; correct it, or write all classes into labels.",
            place,
        )

    def _located(self, broken: Broken, split: Split) -> Broken:
        return broken.within(f"{self.declaration.place}, {split.value}")

    def why_empty(self, split: Split, tmp_dir: Path) -> str:
        """The reason for a part that is held out, or that the rest of a hold-out leaves empty."""
        held_out = self.declaration.held_out
        if split in self.declaration.sources and split is not Split.TRAIN:
            return f"look at the files of {self.declaration.place.removesuffix(']')}.{split.value}]"
        there: Counter[str] = Counter()
        for part in Split:
            if part is Split.TRAIN or held_out.share(part):
                there[part.value] = sum(1 for _ in self._rows(part, tmp_dir, Counter()))
        total = sum(there.values())
        if not total or there[split.value]:
            return f"look at the files of {self.declaration.place.removesuffix(']')}.train]"
        shares = {part: held_out.share(part) for part in Split if held_out.share(part)}
        way_out = f"raise the share in holdout, give {split.value} a source of its own"
        if split is Split.TRAIN:
            way_out = "lower the shares in holdout"
        kept = shares.get(split, 1 - sum(shares.values()))
        return (
            f"the hold-out leaves it {kept:g} of {total} examples of the training source, chosen "
            f"by hash, and that is none; {way_out}, or give more examples"
        )

    def notes(self, tmp_dir: Path) -> list[SourceNote]:
        """Notes on all sources, each once.

        Raises:
          DataError: for a source that is missing or of another format.
        """
        try:
            return list(dict.fromkeys(self._notes(tmp_dir)))
        except UserError as cause:
            raise DataError(f"{self.declaration.place}: {cause}") from None

    def _notes(self, tmp_dir: Path) -> list[SourceNote]:
        roots = self._roots(tmp_dir)
        parts = self.declaration.sources.values()
        readers = [source.reader for part in parts for source in part]
        notes = [note for reader in readers for note in reader.notes(roots)]
        named: dict[tuple[str, str], set[str]] = {}
        for reader in readers:
            if found := reader.named_files(roots):
                named.setdefault((found[0], reader.medium), set()).update(found[1])
        for (folder, medium), names in named.items():
            notes += unnamed_under(roots.find(folder), endings(medium), names, folder)
        return notes

    def labels_at(self, tmp_dir: Path) -> tuple[str, ...]:
        """The labels, read from below `tmp_dir` if they are not known yet."""
        self.tmp_dir = tmp_dir
        return self.labels

    def left_out(self, split: Split, tmp_dir: Path) -> dict[str, int]:
        """The number of rows of a split that the filters leave out, by reason."""
        counts: Counter[str] = Counter()
        for row in self._rows(split, tmp_dir, counts):
            if isinstance(row, Broken):
                raise DataError(self._located(row, split).sentence)
        return dict(sorted(counts.items()))

    def _rows(self, split: Split, tmp_dir: Path, left_out: Counter[str]) -> Iterator[Row | Broken]:
        own = split is not Split.TRAIN and split in self.declaration.sources
        held_out = None if own else self.declaration.held_out
        try:
            for source in self.declaration.sources[split if own else Split.TRAIN]:
                yield from source.rows(self._roots(tmp_dir), split, held_out, left_out)
        except UserError as cause:
            raise DataError(f"{self.declaration.place}, {split.value}: {cause}") from None

    def _roots(self, tmp_dir: Path | None) -> Roots:
        second = tmp_dir or self.tmp_dir
        return Roots((self.folder, *([Path(second).expanduser()] if second else [])))


def _inputs(declaration: Declaration) -> Kind | dict[str, Kind]:
    """The one input as it is declared, or several by name."""
    name, kinds = declaration.name, declaration.kind.inputs
    if not declaration.kind.has_several:
        return kinds[INPUTS].declared(name, _options(declaration, kinds[INPUTS]))
    found = {}
    for slot, given in declaration.inputs.items():
        kind = given.data_kind
        # Texts are on the problem's vocabulary; each set of classes is its own.
        owner, own = (name, {"vocabulary": declaration.options.vocabulary})
        if not kind.decoded_by_tokens:
            owner, own = f"{name}_{slot}", {}
        options = {key: v for key, v in own.items() if v and key in kind.option_keys}
        found[slot] = kind.declared(owner, {**options, **given.options})
    return found


def _options(declaration: Declaration, kind: type[Kind]) -> dict[str, Any]:
    """The keys of the table that say what is particular about a kind of data here."""
    given = dict(declaration.kind.defaults)
    for key in kind.option_keys:
        value = getattr(declaration.options, key)
        if value not in (None, ()):
            given[key] = value
    return {key: value for key, value in given.items() if key in kind.option_keys}


def _sample(row: Row) -> Sample:
    inputs = row.inputs if isinstance(row.inputs, Mapping) else {INPUTS: row.inputs}
    sample = {**inputs, "targets": row.targets}
    return {**sample, "references": list(row.references)} if row.references else sample
