"""A [problems.NAME] table, checked as far as it can be without looking at the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from t2t_mm.errors import DataError, unknown
from t2t_mm.files.names import same_form
from t2t_mm.problem import Split
from t2t_mm.problems_file.kinds import KINDS, ProblemKind
from t2t_mm.problems_file.schema import Table, build, keys_of, number_between, positive_whole
from t2t_mm.problems_file.several_inputs import Input, columns_of, read_inputs
from t2t_mm.problems_file.source import HoldOut, Source
from t2t_mm.problems_file.source_tables import (
    STRUCTURE,
    Context,
    read_holdout,
    read_shards,
    read_sources,
)

_READERS_VERSION = "1"  # changed when a reader's or filter's output changes

# Keys that change nothing in the generated data, or whose change the manifest notices itself.
_NOT_DATA = (
    "command", "reversed_command", "language", "reversed_language", "vocabulary", "metrics",
    "image_size", "flip", "sample_rate", "weight", "loss_weight", "summary", "shards", "labels",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Options:
    """The keys of a problem's table, besides its sources.

    Attributes:
      kind: one of KINDS.
      command, reversed_command: the decoder's command tokens; None for the kind's default.
      language, reversed_language: codes of what the targets are written in, and those of `_rev`.
      vocabulary: of the text; None for one of its own.
      metrics: of decoded outputs; none for the kind's.
      labels: class names in the order of their ids; none for what the training data hold.
      image_size: pixels a side.
      flip: mirror images in training.
      sample_rate: Hz of the stored sound.
      low, high: the range of the numbers.
      weight: factor on the share of steps.
      loss_weight: factor on the loss.
      summary: for --registry_help.
    """

    kind: str
    command: str | None = None
    reversed_command: str | None = None
    language: str = ""
    reversed_language: str = ""
    vocabulary: str | None = None
    metrics: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    image_size: int | None = None
    flip: bool | None = None
    sample_rate: int | None = None
    low: float | None = None
    high: float | None = None
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
      kind: the entry of KINDS, with the inputs that the table names.
      inputs: what the table says of each of several inputs; none where there is one.
      sources: where the examples of each split come from.
      held_out: shares of the training sources that other splits get.
      shards: files of each split.
      version: a hash of all that the generated data depend on.
    """

    name: str
    place: str
    options: Options
    kind: ProblemKind
    inputs: Mapping[str, Input]
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
      UnknownNameError: for an unknown key, kind or format.
    """
    place = f"{file}, [problems.{name}]"
    _refuse_modality(table, place)
    own = {key: value for key, value in table.items() if key in keys_of(Options)}
    options = build(Options, own, place)
    if options.kind not in KINDS:
        raise unknown("kind", options.kind, KINDS, place)
    kind = KINDS[options.kind]
    _check_options(options, own, kind, place)
    inputs: dict[str, Input] = {}
    if kind.has_several:
        inputs = read_inputs(table.get("inputs", {}), place)
        kind = replace(kind, inputs={name: one.data_kind for name, one in inputs.items()})
    structure = (*STRUCTURE, *(["inputs"] if inputs else []))
    shared = {key: v for key, v in table.items() if key not in own and key not in structure}
    known = (*keys_of(Options), *structure)
    context = Context(place, options.kind, kind, shared, known, columns_of(inputs))
    sources = read_sources(table, context)
    held_out = read_holdout(table, sources, place)
    splits = [split for split in Split if split in sources or held_out.share(split)]
    return Declaration(
        name=name,
        place=place,
        options=options,
        kind=kind,
        inputs=inputs,
        sources=sources,
        held_out=held_out,
        shards=read_shards(table, splits, place),
        version=_version(table),
    )


def _refuse_modality(table: Table, place: str) -> None:
    """The first edition named the network that reads a problem's inputs in its table."""
    kind = KINDS.get(str(table.get("kind")))
    if "modality" in table and kind and not kind.has_several:
        raise DataError(
            f"{place}: which network reads a problem is an hparam, not the table's; delete the key "
            f"'modality' and give --hparams={kind.medium}_modality={table['modality']}."
        )


def _check_options(options: Options, given: Table, kind: ProblemKind, place: str) -> None:
    for key in given:
        if not kind.accepts(key):
            raise DataError(f"{place}: the key '{key}' has no meaning for kind '{options.kind}'.")
    for key in ("image_size", "sample_rate"):
        if key in given:
            positive_whole(given[key], f"{place}: {key}")
    for key in ("weight", "loss_weight"):
        number_between(getattr(options, key), 0, float("inf"), f"{place}: {key}")
    labels = [*map(same_form, options.labels)]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise DataError(f"{place}: labels names '{twice[0]}' twice.")


def _version(table: Table) -> str:
    data = {key: value for key, value in table.items() if key not in _NOT_DATA}
    text = json.dumps(data, sort_keys=True, default=str)
    return f"{_READERS_VERSION}.{hashlib.sha256(text.encode()).hexdigest()[:10]}"
