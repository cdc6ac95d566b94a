"""Small data sets as datagen stores them, for the tests of the pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.data.batches import pipeline
from t2t_mm.data.records.files import encode_example
from t2t_mm.kinds import Audio, Image, Kind, Label, Text
from t2t_mm.problem import Task

TEXT = Text("vocab.test", 500)
PICTURE = Image(16, flip=True)
SOUND = Audio(8000)
LABEL = Label(tuple(map(str, range(10))), "colours")


def make_task(inputs: Kind, targets: Kind, name: str = "toy", **more) -> Task:
    """A bound problem of that name."""
    return Task(name, name.removesuffix("_rev"), inputs, targets, "to_text", **more)


def sentence(rng: np.random.Generator, low: int, high: int) -> list[int]:
    """Between low and high - 1 ids, the last one EOS."""
    return [*rng.integers(3, 500, rng.integers(low, high) - 1).tolist(), 1]


def png(rng: np.random.Generator, height: int = 16, width: int = 16, channels: int = 3) -> bytes:
    """A random picture."""
    return tf.io.encode_png(rng.integers(0, 256, (height, width, channels), np.uint8)).numpy()


def pcm(samples: np.ndarray) -> bytes:
    """Samples in [-1, 1) as 16-bit PCM."""
    return np.round(np.asarray(samples) * 32767).astype("<i2").tobytes()


def write_shards(folder: Path, examples: list[dict], shards: int = 3) -> list[Path]:
    """Writes the examples round the shards; the stored order is that of `stored_order`."""
    paths = [folder / f"toy-{shard}-of-{shards}" for shard in range(shards)]
    for shard, path in enumerate(paths):
        with tf.io.TFRecordWriter(str(path)) as writer:
            for example in examples[shard::shards]:
                writer.write(encode_example({k: _listed(v) for k, v in example.items()}))
    return paths


def stored_order(count: int, shards: int = 3) -> list[int]:
    """Positions in the list of examples, in the order in which the shards hold them."""
    return [i for shard in range(shards) for i in range(shard, count, shards)]


def _listed(value: object) -> list:
    return value if isinstance(value, list) else [value]


def serve(monkeypatch: pytest.MonkeyPatch, paths: list[Path]) -> None:
    """Makes every problem's splits be these files."""
    monkeypatch.setattr(pipeline, "shard_paths", lambda task, split, data_dir: paths)
