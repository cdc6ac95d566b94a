"""Targets: sources of text. Line-aligned files, TSV, CSV, JSONL, treebanks, parallel corpora."""

from __future__ import annotations

import csv
import io
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.balance import WORDS, Wanted, verdict_of_table, vocabulary
from benchmarks.fuzzing.mutation import (
    ODD_TEXTS,
    damaged_bytes,
    damaged_tree,
    odd_text,
    packed_bytes,
)
from benchmarks.fuzzing.target import Try

_ROWS = 12

Table = dict[str, Any]
# Writes a source into a folder; gives the problem's table and what the source holds.
Writer = Callable[[random.Random, Path], tuple[Table, Wanted]]


def target(write: Writer) -> Callable[[], Try]:
    """A target that writes a source and has it read."""

    def make() -> Try:
        with tempfile.TemporaryDirectory() as folder:
            words = vocabulary(Path(folder))
        return lambda rng, folder: verdict_of_table(*_swapped(write(rng, folder), folder, words))

    return make


def _swapped(written: tuple[Table, Wanted], folder: Path, words: Any) -> tuple:
    table, wanted = written
    return table, folder, words, wanted


def sentence(rng: random.Random, number: int) -> str:
    """Words and a number of their own."""
    return " ".join([*rng.choices(WORDS, k=rng.randint(1, 6)), f"n{number}"])


def pairs(rng: random.Random) -> list[tuple[str, str]]:
    """Rows of text."""
    return [(sentence(rng, i), sentence(rng, i).upper()) for i in range(rng.randint(1, _ROWS))]


def damaged_text(rng: random.Random, text: str) -> str:
    """A text that stays on its line, or is to."""
    at = rng.randint(0, len(text))
    return rng.choice((odd_text(rng), text[:at] + rng.choice(ODD_TEXTS) + text[at:]))


def _without_breaks(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass").replace(b"\n", b" ").replace(b"\r", b" ")


def lines_source(kind: str, targets: Callable[[random.Random, str], str]) -> Writer:
    """Two line-aligned files; rows are damaged, or a whole file is."""

    def write(rng: random.Random, folder: Path) -> tuple[Table, Wanted]:
        rows = [(one, targets(rng, other)) for one, other in pairs(rng)]
        table = {
            "kind": kind,
            "format": "text_lines",
            "train": {"inputs": "a.txt", "targets": "b.txt"},
        }
        untouched = dict(rows)
        sides = [[row[0].encode() for row in rows], [row[1].encode() for row in rows]]
        if rng.random() < 0.6:  # some rows
            for row in rng.sample(range(len(rows)), rng.randint(1, min(3, len(rows)))):
                del untouched[rows[row][0]]
                side = rng.randrange(2)
                sides[side][row] = _without_breaks(damaged_text(rng, rows[row][side]))
                if rng.random() < 0.3:
                    sides[side][row] = damaged_bytes(rng, sides[side][row]).replace(b"\n", b"")
            contents = [b"\n".join(side) + b"\n" for side in sides]
            wanted = Wanted(len(rows), untouched=untouched)
            if (
                b"\r" in contents[0] + contents[1]
                or kind != "text2text"
                or b"\0" in contents[0] + contents[1]
            ):
                wanted.untouched = {}  # the file as a whole may be another kind of text by that
        else:
            contents = [b"\n".join(side) + b"\n" for side in sides]
            side = rng.randrange(2)
            contents[side] = rng.choice((damaged_bytes, _packed))(rng, contents[side])
            wanted = Wanted()
        (folder / "a.txt").write_bytes(contents[0])
        (folder / "b.txt").write_bytes(contents[1])
        return table, wanted

    return write


def _packed(rng: random.Random, content: bytes) -> bytes:
    return packed_bytes(rng, content)


def _class(rng: random.Random, text: str) -> str:
    return rng.choice(("yes", "no"))


def _tree(rng: random.Random, text: str) -> str:
    words = text.lower().split()
    return f"(S {' '.join(f'(W {word})' for word in words)})"


def _same(rng: random.Random, text: str) -> str:
    return text


TABLES = {
    "text2text": _same,
    "text2class": _class,
    "text2tree": _tree,
    "text2number": lambda rng, text: f"{rng.uniform(-1, 1):.3f}",
    "text2tags": lambda rng, text: " ".join(rng.choices(("N", "V"), k=len(text.split()))),
}


def table_source(style: str) -> Writer:
    """A table with named columns, of several kinds of targets."""

    def write(rng: random.Random, folder: Path) -> tuple[Table, Wanted]:
        kind = rng.choice(list(TABLES))
        rows = [(one, TABLES[kind](rng, one)) for one, _ in pairs(rng)]
        table: Table = {"kind": kind, "format": style, "train": {"path": f"t.{style}"}}
        for key, values in _OPTIONS.items():
            if rng.random() < 0.05:
                table[key] = rng.choice(values)
        untouched = dict(rows) if kind in ("text2text", "text2number") else {}
        records = [_record(style, row) for row in rows]
        wanted = Wanted(len(rows), untouched=untouched)
        if rng.random() < 0.6:
            for row in rng.sample(range(len(rows)), rng.randint(1, min(3, len(rows)))):
                untouched.pop(rows[row][0], None)
                records[row] = _damaged_record(rng, style, rows[row])
            content = _head(style) + b"\n".join(records) + b"\n"
            wanted.items = _count(style, content)
        else:
            content = _head(style) + b"\n".join(records) + b"\n"
            content = rng.choice((damaged_bytes, _packed))(rng, content)
            wanted = Wanted()
        if len(table) > 3 or b"\r" in content or b"\0" in content:
            wanted.untouched = {}
        if "columns" in table:
            wanted.items = None  # the first line may be a row then
        if style == "csv" and (b'"' in content or b"\r" in content):
            wanted.untouched, wanted.items = {}, None  # a quote swallows, a return ends a row
        (folder / f"t.{style}").write_bytes(content)
        return table, wanted

    return write


_OPTIONS: dict[str, tuple[Any, ...]] = {
    "lowercase": (True,), "skip_empty": (True,), "max_words": (1, 3), "max_examples": (1, 5),
    "columns": (["inputs", "targets"], ["targets"]), "inputs": ("targets", "x"),
    "delimiter": (";", "|", ""),
}  # fmt: skip


def _head(style: str) -> bytes:
    return {"tsv": b"inputs\ttargets\n", "csv": b"inputs,targets\n", "jsonl": b""}[style]


def _record(style: str, row: tuple[str, str]) -> bytes:
    if style == "tsv":
        return "\t".join(row).encode()
    if style == "jsonl":
        return json.dumps(dict(zip(("inputs", "targets"), row, strict=True))).encode()
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(row)
    return out.getvalue().encode()


def _damaged_record(rng: random.Random, style: str, row: tuple[str, str]) -> bytes:
    way = rng.random()
    if style == "jsonl" and way < 0.5:
        values = dict(zip(("inputs", "targets"), row, strict=True))
        return json.dumps(damaged_tree(rng, values)).encode()
    if way < 0.7:
        side = rng.randrange(2)
        changed = (
            (damaged_text(rng, row[0]), row[1])
            if side == 0
            else (row[0], damaged_text(rng, row[1]))
        )
        if style == "jsonl":
            return _record(style, changed)
        return _without_breaks("\t,"[style == "csv"].join(changed))
    return damaged_bytes(rng, _record(style, row)).replace(b"\n", b"")


def _count(style: str, content: bytes) -> int:
    """The rows of a file whose line ends are whole: its lines that are not blank."""
    lines = [line.rstrip(b"\r") for line in content.split(b"\n")]
    if style == "jsonl":
        lines = [line.decode("utf-8", "replace").strip().encode() for line in lines]
    return sum(1 for line in lines if line) - (style != "jsonl")


_TREES = (
    "( (S (NP-SBJ (NNP Mr.) (NNP Vinken)) (VP (VBZ is) (NP-PRD (NN chairman))) (. .)) )",
    "( (S (NP-SBJ-1 (DT The) (NN dog)) (VP (VBD was) (VP (VBN seen) (NP (-NONE- *-1)))) (. .)) )",
    "(TOP (FRAG (NP (-LRB- -LRB-) (NN x) (-RRB- -RRB-))))",
    "( (INTJ (UH Yes)) )",
    "( (S (-NONE- *)) )",
)


def treebank_source(rng: random.Random, folder: Path) -> tuple[Table, Wanted]:
    """A folder of .mrg files."""
    table = {"kind": "text2tree", "format": "treebank", "train": {"path": "bank"}}
    for key in ("words", "constituents", "lowercase"):
        if rng.random() < 0.15:
            table["train"][key] = True
    (folder / "bank").mkdir()
    total: int | None = 0
    for number in range(rng.randint(1, 3)):
        trees = rng.choices(_TREES, k=rng.randint(1, 5))
        content = "\n".join(trees).encode() + b"\n"
        way = rng.random()
        if way < 0.4:
            tree = rng.randrange(len(trees))
            trees[tree] = damaged_bytes(rng, trees[tree].encode()).decode("utf-8", "replace")
            content, total = "\n".join(trees).encode() + b"\n", None
        elif way < 0.8:
            content, total = rng.choice((damaged_bytes, _packed))(rng, content), None
        elif total is not None:
            total += len(trees) - trees.count(_TREES[-1])
        (folder / "bank" / f"wsj_{number}.mrg").write_bytes(content)
    if "constituents" in table["train"]:
        total = None
    return table, Wanted(total)


TARGETS: dict[str, Callable[[], Try]] = {
    "text_lines": target(lines_source("text2text", _same)),
    "text_lines_classes": target(lines_source("text2class", _class)),
    "text_lines_trees": target(lines_source("text2tree", _tree)),
    "tsv": target(table_source("tsv")),
    "csv": target(table_source("csv")),
    "jsonl": target(table_source("jsonl")),
    "treebank": target(treebank_source),
}
