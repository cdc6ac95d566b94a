"""What a [problems.NAME] table says, checked as far as it can be without looking at the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from t2t_mm.data.readers import FORMATS
from t2t_mm.errors import DataError, unknown
from t2t_mm.problem import Problem, Split
from t2t_mm.problems_file.kinds import KINDS, Kind
from t2t_mm.problems_file.schema import (
    Table,
    as_table,
    build,
    keys_of,
    number_between,
    positive_whole,
)
from t2t_mm.problems_file.source import Filters, HoldOut, Source
from t2t_mm.registry import MODALITIES

_READERS_VERSION = "1"  # changed when a reader's or filter's output changes

# Keys that change nothing in the generated data, or whose change the manifest notices itself.
_NOT_DATA = (
    "command", "reversed_command", "vocabulary", "metrics", "modality", "image_size", "flip",
    "sample_rate", "weight", "loss_weight", "summary", "shards", "labels",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Options:
    """The keys of a problem's table, besides its sources.

    Attributes:
      kind: one of KINDS.
      command, reversed_command: the decoder's command tokens; None for the kind's default.
      vocabulary: of the text; None for one of its own.
      metrics: of decoded outputs; none for the kind's.
      modality: of the inputs; None for the kind's.
      labels: class names in the order of their ids; none for what the training data hold.
      image_size: pixels a side.
      flip: mirror pictures in training.
      sample_rate: Hz of the stored sound.
      weight: factor on the share of steps.
      loss_weight: factor on the loss.
      summary: for --registry_help.
    """

    kind: str
    command: str | None = None
    reversed_command: str | None = None
    vocabulary: str | None = None
    metrics: tuple[str, ...] = ()
    modality: str | None = None
    labels: tuple[str, ...] = ()
    image_size: int | None = None
    flip: bool | None = None
    sample_rate: int | None = None
    weight: float = 1.0
    loss_weight: float = 1.0
    summary: str | None = None


@dataclass(frozen=True)
class Declaration:
    """A checked table.

    Attributes:
      name: of the problem.
      place: file and table, for errors.
      options: its keys.
      kind: the entry of KINDS.
      sources: where the examples of each split come from.
      held_out: shares of the training sources that other splits get.
      shards: files of each split.
      version: a hash of all that the generated data depend on.
    """

    name: str
    place: str
    options: Options
    kind: Kind
    sources: Mapping[Split, tuple[Source, ...]]
    held_out: HoldOut
    shards: Mapping[Split, int]
    version: str


def read_declaration(name: str, table: Table, file: str) -> Declaration:
    """Checks the table [problems.NAME].

    Args:
      name: of the problem.
      table: its content.
      file: the problems file's name, for errors.

    Raises:
      DataError: for a missing key, a wrong value, or keys that do not go together.
      UnknownNameError: for an unknown key, kind, format or modality.
    """
    place = f"{file}, [problems.{name}]"
    parts = [split.value for split in Split]
    own = {key: value for key, value in table.items() if key in keys_of(Options)}
    options = build(Options, own, place)
    if options.kind not in KINDS:
        raise unknown("kind", options.kind, KINDS, place)
    kind = KINDS[options.kind]
    _check_options(options, own, kind, place)
    structure = {"holdout", "shards", *parts}
    shared = {key: v for key, v in table.items() if key not in own and key not in structure}
    sources = {
        split: _sources(
            table[split.value], shared, kind, options, f"{file}, [problems.{name}.{split.value}]"
        )
        for split in Split
        if split.value in table
    }
    if Split.TRAIN not in sources:
        raise DataError(
            f"{place} lacks the table [problems.{name}.train], the source to learn from."
        )
    held_out = _held_out(table.get("holdout", {}), sources, place)
    splits = [split for split in Split if split in sources or held_out.share(split)]
    return Declaration(
        name=name,
        place=place,
        options=options,
        kind=kind,
        sources=sources,
        held_out=held_out,
        shards=_shards(table.get("shards"), splits, place),
        version=_version(table),
    )


def _check_options(options: Options, given: Table, kind: Kind, place: str) -> None:
    for key in given:
        if not kind.accepts(key):
            raise DataError(f"{place}: the key '{key}' has no meaning for kind '{options.kind}'.")
    for key in ("image_size", "sample_rate"):
        if key in given:
            positive_whole(given[key], f"{place}: {key}")
    for key in ("weight", "loss_weight"):
        number_between(getattr(options, key), 0, float("inf"), f"{place}: {key}")
    twice = sorted({label for label in options.labels if options.labels.count(label) > 1})
    if twice:
        raise DataError(f"{place}: labels names '{twice[0]}' twice.")
    if options.modality is not None:
        _check_modality(options.modality, kind, place)


def _check_modality(modality: str, kind: Kind, place: str) -> None:
    fitting = [name for name in MODALITIES if name.partition("_")[0] == kind.inputs]
    if modality not in fitting:
        raise unknown(f"modality of {kind.inputs}", modality, fitting, place)


def _sources(
    value: Any, shared: Table, kind: Kind, options: Options, place: str
) -> tuple[Source, ...]:
    """The sources of one split: a table, or a list of tables."""
    tables = value if isinstance(value, list) else [value]
    if not tables:
        raise DataError(f"{place} must hold at least one source.")
    return tuple(_source({**shared, **as_table(t, place)}, kind, options, place) for t in tables)


def _source(table: dict[str, Any], kind: Kind, options: Options, place: str) -> Source:
    name = table.pop("format", None)
    if name is None:
        raise DataError(f"{place} lacks the key 'format' (one of {', '.join(FORMATS)}).")
    if name not in FORMATS:
        raise unknown("format", str(name), FORMATS, place)
    reader = FORMATS[name]
    if kind.inputs not in reader.INPUTS or kind.targets not in reader.TARGETS:
        fitting = [
            other
            for other, r in FORMATS.items()
            if kind.inputs in r.INPUTS and kind.targets in r.TARGETS
        ]
        raise DataError(
            f"{place}: format '{name}' cannot give {kind.inputs} with {kind.targets}, which kind "
            f"'{options.kind}' needs; {', '.join(fitting)} can."
        )
    known = [*keys_of(reader), *keys_of(Filters)]
    for key in table:
        if key not in known:
            raise unknown("key", key, [*known, *keys_of(Options), "format"], place)
    filters = {key: table.pop(key) for key in keys_of(Filters) if key in table}
    for key in ("max_words", "max_examples"):
        if key in filters:
            positive_whole(filters[key], f"{place}: {key}")
    return Source(
        build(reader, table, place, medium=kind.inputs), build(Filters, filters, place), kind
    )


def _held_out(value: Any, sources: Mapping[Split, Any], place: str) -> HoldOut:
    shares: dict[Split, float] = {}
    for key, share in as_table(value, f"{place}: holdout").items():
        if key not in (Split.DEV.value, Split.TEST.value):
            raise unknown("key", key, [Split.DEV.value, Split.TEST.value], f"{place}: holdout")
        if Split(key) in sources:
            raise DataError(f"{place}: '{key}' has both a source and a holdout; keep one of them.")
        shares[Split(key)] = number_between(share, 0, 1, f"{place}: holdout.{key}")
    number_between(1 - sum(shares.values()), 0, 2, f"{place}: what holdout leaves for training")
    return HoldOut(shares.get(Split.DEV, 0.0), shares.get(Split.TEST, 0.0))


def _shards(value: Any, splits: list[Split], place: str) -> dict[Split, int]:
    """Files of each split; a number is the training split's."""
    table = value if isinstance(value, Mapping) else {"train": value} if value is not None else {}
    for key, count in table.items():
        if key not in [split.value for split in splits]:
            raise unknown("split", key, [split.value for split in splits], f"{place}: shards")
        positive_whole(count, f"{place}: shards" + (f".{key}" if table is value else ""))
    return {split: table.get(split.value, Problem.shards[split]) for split in splits}


def _version(table: Table) -> str:
    data = {key: value for key, value in table.items() if key not in _NOT_DATA}
    text = json.dumps(data, sort_keys=True, default=str)
    return f"{_READERS_VERSION}.{hashlib.sha256(text.encode()).hexdigest()[:10]}"
