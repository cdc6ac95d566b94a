"""Targets: what people write to say what is wanted. Problems files, --hparams, --decode_hparams."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.mutation import (
    ODD_TEXTS,
    damaged_bytes,
    damaged_tree,
    odd_text,
    packed_bytes,
)
from benchmarks.fuzzing.target import KEPT, Try, check, refusal
from t2t_mm.errors import UserError

_FILE: dict[str, Any] = {
    "problems": {
        "fuzz_pairs": {
            "kind": "text2text", "format": "text_lines", "vocabulary": "vocab.fuzz",
            "command": "to_x",
            "reversed_command": "to_y", "language": "de", "weight": 2.0, "shards": {"train": 2,
            "dev": 1},
            "train": {"inputs": "a.txt", "targets": "b.txt", "max_words": 5, "lowercase": True},
            "dev": [{"inputs": "a.txt", "targets": "b.txt"}], "metrics": ["bleu", "chrf"],
        },
        "fuzz_stars": {
            "kind": "text2class", "format": "csv", "inputs": "review", "targets": "stars",
            "labels": ["1", "2"], "train": {"path": "t.csv", "skip_empty": True},
            "holdout": {"dev": 0.1, "test": 0.2},
        },
        "fuzz_photos": {
            "kind": "image2class", "format": "class_folders", "image_size": 16, "flip": False,
            "train": {"path": "data", "files": ["*.png", "a..b"]}, "holdout": {"dev": 0.5},
        },
        "fuzz_numbers": {
            "kind": "text2number", "format": "tsv", "low": 0, "high": 5.0,
            "train": {"path": "t.tsv", "columns": ["inputs", "targets"], "delimiter": "|"},
        },
        "fuzz_questions": {
            "kind": "several2class", "format": "jsonl", "targets": "answer",
            "train": {"path": "q.jsonl"},
            "inputs": {"image": {"kind": "image", "column": "file", "folder": "p", "image_size": 8},
                       "question": {"kind": "text"}, "size": {"kind": "number", "low": 0.0,
                       "high": 1.0}},
        },
        "fuzz_speech": {
            "kind": "speech2text", "format": "wav_table", "sample_rate": 8000, "loss_weight": 0.5,
            "summary": "x",
            "train": {"path": "t.tsv", "folder": "files", "transcript": "text",
            "extension": ".wav", "max_examples": 3},
        },
    },
    "vocabularies": {"vocab.fuzz": {"size": 340, "problems": ["fuzz_pairs"]}},
    "mixtures": {"fuzz_all": {"problems": ["fuzz_pairs", "fuzz_stars"], "summary": "both"}},
}  # fmt: skip


def make_problems_file() -> Try:
    """Whole and damaged TOML: registered or refused, and looked through without a traceback."""
    from t2t_mm import problems_file
    from t2t_mm.problem import Split
    from t2t_mm.registry import MIXTURES, PROBLEMS, VOCABULARIES

    whole = toml(_FILE).encode()
    registries = (PROBLEMS, VOCABULARIES, MIXTURES)
    before = [set(registry.names()) for registry in registries]

    def once(rng: random.Random, folder: Path) -> str:
        way = rng.random()
        content = whole
        if way < 0.6:
            content = toml(damaged_tree(rng, _FILE)).encode("utf-8", "surrogatepass")
        elif way < 0.95:
            content = damaged_bytes(rng, whole)
        elif way < 0.99:
            content = packed_bytes(rng, whole)
        path = folder / "my.toml"
        path.write_bytes(content)
        try:
            names = problems_file.load(path)
        except UserError as error:
            check(content is not whole, str(error))
            return refusal(error)
        finally:
            added = [
                [n for n in r.names() if n not in b]
                for r, b in zip(registries, before, strict=True)
            ]
            found = {name: PROBLEMS.get(name) for name in added[0]}
            for registry, new in zip(registries, added, strict=True):
                for name in new:
                    registry.remove(name)
        check(bool(names), "a file without a problem was taken")
        for problem in found.values():
            try:
                problem.labels_at(folder)
                for _ in problem.generate_samples(Split.TRAIN, folder, 0):
                    raise AssertionError("there are no files")
            except UserError as error:
                refusal(error)
        return KEPT

    return once


def toml(content: Any, name: str = "") -> str:
    """What a TOML file would say; a value that TOML has no word for becomes a text."""
    if not isinstance(content, dict):
        return f"x = {_word(content)}\n"
    plain = {key: value for key, value in content.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in content.items() if isinstance(value, dict)}
    lines = [f"[{name}]\n"] if name else []
    lines += [f"{_key(key)} = {_word(value)}\n" for key, value in plain.items()]
    return "".join(lines) + "".join(
        toml(value, f"{name}.{_key(key)}" if name else _key(key)) for key, value in tables.items()
    )


def _key(key: str) -> str:
    return json.dumps(key)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_word, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_word(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (int, float)):
        return repr(value)
    return json.dumps(str(value))


_VALUES = ("0", "1", "-1", "2", "3", "7", "16", "128", "0.5", "1.5", "-0.1", "1e9", "1e-9",
    "1e999", "nan", "inf",
           "true", "false", "adam", "momentum", "keras.Lion", "keras.X", "noam",
           "constant*rsqrt_decay", "a:1;b:2",
           "[1,2]", "[]", "[0.5,0.7]", "(1)", "[1", "drop", "bf16", "mixed_float16", "1_000", "٣",
           "", " ")  # fmt: skip


def make_hparams() -> Try:
    """Text of --hparams on every registered set: refused, or a record that survives its JSON."""
    from t2t_mm.registry import HPARAMS

    HPARAMS.load()
    _made(HPARAMS.get("transformer_tiny")().override("optimizer=keras.Lion"))  # imports Keras
    sets = {name: HPARAMS.get(name)() for name in HPARAMS.names()}

    def once(rng: random.Random, folder: Path) -> str:
        record = sets[rng.choice(list(sets))]
        text = assignments(
            rng, [*record.types(), *record.ALIASES, "optimizer.beta1", "optimizer.x"]
        )
        try:
            changed = record.override(text)
            _check_whole(changed)
        except UserError as error:
            return refusal(error)
        check(type(record).from_dict(json.loads(json.dumps(changed.to_dict()))) == changed, text)
        _made(changed)
        return KEPT

    return once


def _check_whole(hparams: Any) -> None:
    """The check that a trainer makes before its first step."""
    if hasattr(hparams, "check"):
        hparams.check()


def _made(hparams: Any) -> None:
    """What needs no model is made of the hparams; refusals are sentences."""
    from t2t_mm.training.optimizer_choice import make_optimizer
    from t2t_mm.training.schedules import make_schedule

    for make in (lambda: make_schedule(hparams, 100), lambda: make_optimizer(hparams)):
        try:
            made = make()
            if callable(made):
                made(1)
        except UserError as error:
            refusal(error)


def make_decode_hparams() -> Try:
    """Text of --decode_hparams."""
    from t2t_mm.decoding.settings import DecodeSettings

    record = DecodeSettings()

    def once(rng: random.Random, folder: Path) -> str:
        text = assignments(rng, [*record.types(), *record.ALIASES])
        try:
            changed = record.override(text)
        except UserError as error:
            return refusal(error)
        check(type(record).from_dict(json.loads(json.dumps(changed.to_dict()))) == changed, text)
        check(changed.num_outputs >= 1, text)
        return KEPT

    return once


def assignments(rng: random.Random, names: list[str]) -> str:
    """ "a=1,b=2" of known names and odd values, damaged now and then."""
    items = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choice(names) if rng.random() < 0.95 else odd_text(rng)
        value = rng.choice(_VALUES) if rng.random() < 0.9 else rng.choice(ODD_TEXTS)
        items.append(f"{name}={value}")
    text = ",".join(items)
    if rng.random() < 0.1:
        text = damaged_bytes(rng, text.encode("utf-8", "replace")).decode("utf-8", "replace")
    return text


TARGETS: dict[str, Callable[[], Try]] = {
    "problems_file": make_problems_file,
    "hparams": make_hparams,
    "decode_hparams": make_decode_hparams,
}
