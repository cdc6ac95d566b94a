"""The table of `t2t-datagen --list`: source, size and licence of problems, and what is ready here.

No TensorFlow, no network: it looks at file names alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.console.table import markdown
from t2t_mm.data.records.manifest import load_manifest
from t2t_mm.data.sources.raw_data import LocatedData, find, manual_missing
from t2t_mm.errors import DataError
from t2t_mm.problem import Problem
from t2t_mm.provenance import DEFAULT_ACCESS, DataAccess, Provenance, TfdsData

_UNKNOWN = Provenance(homepage="", licence="")


@dataclass(frozen=True)
class CatalogEntry:
    """A problem's line of the table.

    Attributes:
      name: of the problem.
      summary: the first line of its docstring.
      kind: what goes in and what comes out: "image -> label".
      examples: of each split, about: "50,000 / 10,000".
      download: how much has to be fetched: "170 MB"; "-" for nothing.
      source: its homepage; "generated" where the program makes it.
      tfds: data sets of TFDS that serve.
      files: original files that serve, below --tmp_dir.
      licence: a note.
      ready: whether it is here, and what is missing if not; "" where nobody looked.
      access: how to get what cannot simply be downloaded.
      cleaning: what is done to its text.
    """

    name: str
    summary: str
    kind: str
    examples: str
    download: str
    source: str
    tfds: str
    files: str
    licence: str
    ready: str
    access: str
    cleaning: str


def entries(
    problems: Iterable[tuple[Problem, str]],
    data_dir: Path | None = None,
    tmp_dir: Path | None = None,
    access: DataAccess = DEFAULT_ACCESS,
) -> list[CatalogEntry]:
    """The entries of (problem, summary) pairs; readiness only where folders are given."""
    found = []
    for problem, summary in problems:
        ready = ""
        if data_dir and tmp_dir:
            ready = readiness(problem.with_access(access), data_dir, tmp_dir)
        found.append(_entry(problem, summary, ready))
    return found


def _entry(problem: Problem, summary: str, ready: str) -> CatalogEntry:
    known = problem.provenance or _UNKNOWN
    generated = problem.provenance is not None and known.generated
    return CatalogEntry(
        name=problem.name,
        summary=summary,
        kind=f"{problem.source} -> {problem.targets.name}",
        examples=" / ".join(f"{count:,}" for count in known.examples.values()) or "?",
        download=size_in_words(0 if generated else known.download_bytes),
        source=known.homepage or ("generated" if generated else "?"),
        tfds=", ".join(data.title for data in known.tfds),
        files="; ".join(files.title for files in known.files),
        licence=known.licence or "?",
        ready=ready,
        access=known.access,
        cleaning=problem.describe_cleaning(),
    )


def readiness(problem: Problem, data_dir: Path, tmp_dir: Path) -> str:
    """The state of a problem's data on this machine, in words."""
    made = _generated_state(problem, data_dir)
    if made:
        return made
    known = problem.provenance
    if known is None:
        return "unknown: it does not state where its data come from"
    if known.generated:
        return "generated on demand"
    if raw := find(problem, tmp_dir):
        return _raw_data_state(raw)
    if not problem.access.offline:
        if any(not manual_missing(data, problem.access) for data in known.tfds):
            return "TFDS can download it"
        if any(files.download for files in known.files):
            return "can be downloaded"
    ways = [f"{files.title} below --tmp_dir" for files in known.files]
    ways += [_tfds_source(data) for data in known.tfds]
    return f"missing: {', or '.join(ways)}"


def _tfds_source(data: TfdsData) -> str:
    if data.manual:
        return f"{', '.join(data.manual)} in --tfds_manual_dir"
    return f"TFDS's {data.title} in --tfds_data_dir"


def _raw_data_state(raw: LocatedData) -> str:
    return f"TFDS prepared: {raw.path}" if raw.tfds else f"raw files here: {raw.path}"


def _generated_state(problem: Problem, data_dir: Path) -> str:
    try:
        manifest = load_manifest(problem.data_name, data_dir)
    except DataError:
        return "damaged manifest"
    if manifest is None:
        return ""
    if manifest.complete and not manifest.broken_shards(data_dir):
        return "made"
    return "begun: run t2t-datagen again"


def size_in_words(count: int | None) -> str:
    """1.5e9 as "1.5 GB"."""
    if count is None:
        return "?"
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B" if count else "-"


def as_text(found: Iterable[CatalogEntry]) -> str:
    """A block of lines for each problem, for reading on a terminal."""
    blocks = []
    for entry in found:
        parts = [
            f"{entry.name}: {entry.summary}",
            f"    {entry.kind}; examples {entry.examples}; download {entry.download}",
            f"    source: {entry.source}{f' (TFDS {entry.tfds})' if entry.tfds else ''}",
            f"    licence: {entry.licence}",
        ]
        if entry.access:
            parts.append(f"    to get it: {entry.access}")
        blocks.append("\n".join([*parts, f"    here: {entry.ready}"]))
    return "\n".join(blocks)


def as_markdown(found: Iterable[CatalogEntry]) -> str:
    """The table of docs/problems.md; nothing in it depends on the machine."""
    head = ("problem", "what", "examples", "download", "from", "licence", "text cleaning")
    rows = []
    for entry in found:
        source = _markdown_source(entry)
        name = f"`{entry.name}`<br>{entry.summary}"
        licence = f"{entry.licence}{f'<br>{entry.access}' if entry.access else ''}"
        cells = (name, entry.kind, entry.examples, entry.download, source, licence, entry.cleaning)
        rows.append(cells)
    return markdown(head, rows)


def _markdown_source(entry: CatalogEntry) -> str:
    link = f"[source]({entry.source})" if entry.source.startswith("http") else entry.source
    parts = [link]
    if entry.tfds:
        parts.append(f"TFDS {entry.tfds}")
    if entry.files:
        parts.append(f"files `{entry.files}`")
    return "<br>".join(parts)
