"""Targets: what our own commands wrote and a disk, a copy or a person changed since.

Run directories (run.json, vocab/, checkpoints/), data folders (manifest, shards), exports.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzzing.balance import WORDS
from benchmarks.fuzzing.mutation import damaged_bytes, damaged_tree, odd_text
from benchmarks.fuzzing.requests import made_run
from benchmarks.fuzzing.target import KEPT, REFUSED, Try, check, refusal
from t2t_mm.errors import UserError


def make_run_json() -> Try:
    """run.json: opened with its vocabularies, or refused."""
    from t2t_mm.runs.trained_run import open_run

    run = made_run()
    whole = json.loads((run / "run.json").read_text())

    def once(rng: random.Random, folder: Path) -> str:
        shutil.copytree(run / "vocab", folder / "vocab")
        (folder / "run.json").write_bytes(_damaged_json(rng, whole))
        try:
            opened = open_run(folder)
            check(set(opened.vocabularies) <= set(opened.record.vocabularies), "unknown ones")
            for name in opened.tasks:
                opened.task(name)
        except UserError as error:
            return refusal(error)
        return KEPT

    return once


def _damaged_json(rng: random.Random, whole: Any) -> bytes:
    if rng.random() < 0.7:
        return json.dumps(damaged_tree(rng, whole), indent=1).encode()
    return damaged_bytes(rng, json.dumps(whole, indent=1).encode())


def make_manifests() -> Try:
    """A manifest: what binds to it has all the examples that the shards hold."""
    from t2t_mm.data.binding import bind, shard_paths
    from t2t_mm.data.records.manifest import load_manifest
    from t2t_mm.data.sources.catalogue import readiness
    from t2t_mm.lookup import find_problem
    from t2t_mm.problem import Split

    data = made_run().parent / "data"
    names = ("tiny_digits", "tiny_colors")
    problems = {name: find_problem(name) for name in names}
    wholes = {name: json.loads((data / f"{name}.manifest.json").read_text()) for name in names}

    def once(rng: random.Random, folder: Path) -> str:
        name = rng.choice(names)
        for path in data.iterdir():
            if path.is_file() and not path.name.startswith(".") and path.suffix != ".json":
                (folder / path.name).symlink_to(path)
        (folder / f"{name}.manifest.json").write_bytes(_damaged_json(rng, wholes[name]))
        try:
            readiness(problems[name], folder, folder / "tmp")
            task = bind(problems[name], folder)
            for split in Split:
                if split.value in load_manifest(name, folder).splits:
                    for path in shard_paths(task, split, folder):
                        check(path.is_file(), f"{path} is not there")
        except UserError as error:
            return refusal(error)
        check(task.train_examples >= 0, f"{task.train_examples} examples")
        return KEPT

    return once


def make_vocabularies() -> Try:
    """A vocabulary's file: refused, or every text comes back exactly."""
    from t2t_mm.kinds.vocabulary import Vocabulary

    whole = next((made_run() / "vocab").glob("*.model")).read_bytes()
    texts = [" ".join(WORDS), "Ünïcode 日本 \U0001f600", "  two  spaces ", "a▁b", "one\ttwo"]

    def once(rng: random.Random, folder: Path) -> str:
        path = folder / "vocab.fuzz.model"
        path.write_bytes(damaged_bytes(rng, whole))
        try:
            vocabulary = Vocabulary.load(path)
        except UserError as error:
            return refusal(error)
        for text, ids in zip(texts, vocabulary.encode_batch(texts), strict=True):
            check(all(0 <= one < vocabulary.size for one in ids), f"ids {ids}")
            check(
                vocabulary.decode(ids) == text, f"{text!r} comes back as {vocabulary.decode(ids)!r}"
            )
        return KEPT

    return once


def make_checkpoints() -> Try:
    """A checkpoint's folder: refused, or every variable is restored to the bit."""
    import tensorflow as tf

    from t2t_mm.runs import checkpoints
    from t2t_mm.runs.stored import StoredCheckpoint

    run = made_run()
    whole = {
        path.name: path.read_bytes() for path in (run / "checkpoints").iterdir() if path.is_file()
    }
    stored = StoredCheckpoint(checkpoints.find(run))
    values = {path: stored.variable(path) for path in list(stored.variables)[:12]}
    variables = {path: tf.Variable(np.zeros_like(value)) for path, value in values.items()}

    def once(rng: random.Random, folder: Path) -> str:
        place = folder / "checkpoints"
        place.mkdir()
        contents = dict(whole)
        name = rng.choice(list(contents))
        way = rng.random()
        if way < 0.1:
            del contents[name]
        elif way < 0.2:
            contents[rng.choice(list(contents))] = contents[name]
        else:
            contents[name] = damaged_bytes(rng, contents[name])
        for file, content in contents.items():
            (place / file).write_bytes(content)
        try:
            path = checkpoints.find(folder)
            found = StoredCheckpoint(path)
            check(found.state["step"] >= 0, "no step")
            checkpoints.load_variables(path, variables)
        except UserError as error:
            return refusal(error)
        for path, value in values.items():
            read = variables[path].numpy()
            check(
                read.dtype == value.dtype and np.array_equal(read, value),
                f"{path} has other values",
            )
        return KEPT

    return once


def make_shards() -> Try:
    """A shard of generated data: every record is read as it was, or the file is refused."""
    import tensorflow as tf

    from t2t_mm.data.binding import bind, shard_paths
    from t2t_mm.data.records.index import index_records
    from t2t_mm.lookup import find_problem
    from t2t_mm.problem import Split

    data = made_run().parent / "data"
    task = bind(find_problem("tiny_digits"), data)
    whole = shard_paths(task, Split.TRAIN, data)[0].read_bytes()
    count = len(index_records(task, [str(shard_paths(task, Split.TRAIN, data)[0])]))

    def once(rng: random.Random, folder: Path) -> str:
        path = folder / f"shard-{rng.random()}"
        content = damaged_bytes(rng, whole)
        path.write_bytes(content)
        try:
            found = index_records(task, [str(path)])
        except UserError as error:
            return refusal(error)
        read = [bytes(one.numpy()) for one in tf.data.TFRecordDataset(str(path))]
        check(len(found) == len(read), f"{len(found)} records, TensorFlow reads {len(read)}")
        if content == whole:
            check(len(read) == count, f"{len(read)} records of {count}")
        return KEPT

    return once


def make_export_cards() -> Try:
    """The card of an export, and which of its files are there: served, or refused."""
    import types

    import tensorflow as tf

    from t2t_mm.serving.http import loading
    from t2t_mm.serving.http.version_folders import scan

    run = made_run()
    from t2t_mm.serving.export.api import export

    path = export(run, run.parent / "export", log=lambda line: None).path
    card = json.loads((path / loading.CARD).read_text())
    model = tf.saved_model.load(str(path))
    loading.tf = types.SimpleNamespace(  # loading the graph anew takes seconds, and is TensorFlow's
        saved_model=types.SimpleNamespace(load=lambda folder: model),
        string=tf.string,
        errors=tf.errors,
    )

    def once(rng: random.Random, folder: Path) -> str:
        version = folder / rng.choice(("1", "01", "9" * 30, "2"))
        (version / "assets.extra").mkdir(parents=True)
        (version / "variables").mkdir()
        for name in (
            "saved_model.pb",
            "variables/variables.index",
            "variables/variables.data-00000-of-00001",
        ):
            if rng.random() < 0.95:
                (version / name).write_bytes(b"x" if rng.random() < 0.95 else b"")
        (version / loading.CARD).write_bytes(_damaged_json(rng, card))
        (
            folder
            / odd_text(rng)
            .replace("/", "")
            .replace("\0", "")[:50]
            .encode("utf-8", "replace")
            .decode()
        ).mkdir(exist_ok=True)
        for one in scan(folder):
            if one.missing:
                return REFUSED
            try:
                servable = loading.load(one.path, one.number)
                loading.warm_up(servable)
            except UserError as error:
                return refusal(error)
            for name in servable.problems:
                servable.signature(name).definition()
        return KEPT

    return once


TARGETS: dict[str, Callable[[], Try]] = {
    "run_json": make_run_json,
    "manifest": make_manifests,
    "vocabulary": make_vocabularies,
    "checkpoint_folder": make_checkpoints,
    "shards": make_shards,
    "export_card": make_export_cards,
}
