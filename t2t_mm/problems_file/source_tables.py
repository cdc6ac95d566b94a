"""The parts of a problem's table that say where its examples come from, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from t2t_mm.data.sources.readers import FORMATS
from t2t_mm.data.sources.readers.tables import Column
from t2t_mm.errors import DataError, UserError, unknown
from t2t_mm.kinds.preparation import found_rule
from t2t_mm.problem import Problem, Split
from t2t_mm.problems_file.kinds import ProblemKind
from t2t_mm.problems_file.schema import (
    Table,
    as_table,
    build,
    keys_of,
    number_between,
    positive_whole,
)
from t2t_mm.problems_file.source import Filters, HoldOut, Source

STRUCTURE = ("holdout", "shards", *(split.value for split in Split))


@dataclass(frozen=True)
class Context:
    """The common part of the source tables of one problem.

    Attributes:
      place: file and the problem's table, e.g. "my.toml, [problems.x]".
      kind_name, kind: of the problem.
      shared: keys of sources that the problem's table gives for all its splits.
      options: keys that belong into the problem's table, for error messages.
      columns: where each of several inputs stands.
    """

    place: str
    kind_name: str
    kind: ProblemKind
    shared: Table
    options: tuple[str, ...]
    columns: Mapping[str, Column] = field(default_factory=dict)

    def place_of(self, split: Split) -> str:
        """E.g. "my.toml, [problems.x.train]"."""
        return f"{self.place.removesuffix(']')}.{split.value}]"


def read_sources(table: Table, context: Context) -> dict[Split, tuple[Source, ...]]:
    """The sources of each split that has a table, or a list of tables.

    Raises:
      DataError: for a missing key or a wrong value.
      UnknownNameError: for an unknown key or format.
    """
    found = {}
    for split in Split:
        if split.value in table:
            place, value = context.place_of(split), table[split.value]
            tables = value if isinstance(value, list) else [value]
            found[split] = tuple(_source(as_table(t, place), place, context) for t in tables)
            if not tables:
                raise DataError(f"{place} must hold at least one source.")
    if Split.TRAIN not in found:
        raise DataError(
            f"{context.place} lacks the table {context.place_of(Split.TRAIN).rpartition(', ')[2]}, "
            "the source to learn from."
        )
    return found


def _source(own: Table, place: str, context: Context) -> Source:
    table = {**context.shared, **own}
    name = table.pop("format", None)
    if name is None:
        raise DataError(f"{place} lacks the key 'format' (one of {', '.join(FORMATS)}).")
    if not isinstance(name, str) or name not in FORMATS:
        raise unknown("format", str(name), FORMATS, place if "format" in own else context.place)
    reader, kind = FORMATS[name], context.kind
    fitting = [
        other
        for other, r in FORMATS.items()
        if kind.medium in r.INPUTS and kind.targets.name in r.TARGETS
    ]
    if name not in fitting:
        raise DataError(
            f"{place}: format '{name}' does not give {_named(kind)} with {kind.targets.name}, "
            f"which kind '{context.kind_name}' needs; these do: {', '.join(fitting)}."
        )
    known = [*keys_of(reader), *keys_of(Filters)]
    for key in table:
        if key not in known:
            others = () if key in own else context.options
            raise unknown("key", key, [*known, *others], place if key in own else context.place)
    filters = {key: table.pop(key) for key in keys_of(Filters) if key in table}
    for key in filters.keys() & {"max_words", "max_examples"}:
        positive_whole(filters[key], f"{place}: {key}")
    internal: dict[str, Any] = {"medium": kind.medium}
    if context.columns:
        if "inputs" in own:
            raise DataError(f"{place}: the columns of the inputs stand in the problem's inputs.")
        internal["several"] = context.columns
    return Source(build(reader, table, place, **internal), _filters(filters, place), kind)


def _filters(table: Table, place: str) -> Filters:
    found = build(Filters, table, place)
    for rule in found.prepare:
        try:
            found_rule(rule)
        except UserError as cause:
            raise DataError(f"{place}: {cause}") from None
    return found


def _named(kind: ProblemKind) -> str:
    return "several inputs" if kind.has_several else kind.medium


def read_holdout(table: Table, sources: Mapping[Split, Any], place: str) -> HoldOut:
    """The shares of the training sources that other splits get.

    Raises:
      DataError: for a wrong share, or a split that has a source too.
    """
    shares: dict[Split, float] = {}
    allowed = (Split.DEV.value, Split.TEST.value)
    for key, share in as_table(table.get("holdout", {}), f"{place}: holdout").items():
        if key not in allowed:
            raise unknown("key", key, allowed, f"{place}: holdout")
        if Split(key) in sources:
            raise DataError(f"{place}: '{key}' has both a source and a holdout; keep one of them.")
        shares[Split(key)] = number_between(share, 0, 1, f"{place}: holdout.{key}")
    if sum(shares.values()) >= 1:
        raise DataError(
            f"{place}: holdout must leave something to learn from; its shares add up to "
            f"{sum(shares.values()):g}."
        )
    return HoldOut(shares.get(Split.DEV, 0.0), shares.get(Split.TEST, 0.0))


def read_shards(table: Table, splits: list[Split], place: str) -> dict[Split, int]:
    """Files of each split; a bare number is the training split's.

    Raises:
      DataError: for a number below 1.
      UnknownNameError: for a split that the problem lacks.
    """
    value = table.get("shards", {})
    counts = value if isinstance(value, Mapping) else {Split.TRAIN.value: value}
    names = [split.value for split in splits]
    for key, count in counts.items():
        if key not in names:
            raise unknown("split", key, names, f"{place}: shards")
        positive_whole(count, f"{place}: shards" + (f".{key}" if counts is value else ""))
    return {split: counts.get(split.value, Problem.shards[split]) for split in splits}
