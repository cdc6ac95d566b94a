"""A record that TensorFlow cannot decode, as older data may hold it: told by problem and place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from t2t_mm.data.batches.pipeline import evaluation_batches, next_batch, training_batches
from t2t_mm.errors import DataError
from t2t_mm.hparam import HParams
from tests.data.stored_shards import LABEL, PICTURE, make_task, png, serve, write_shards

HPARAMS = HParams(batch_images=4)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Seven examples in three files; the fifth lacks the last chunk of its PNG."""
    rng = np.random.default_rng(0)
    examples = [{"inputs": png(rng), "targets": i} for i in range(7)]
    examples[4]["inputs"] = examples[4]["inputs"][:-12]
    found = write_shards(tmp_path, examples)
    serve(monkeypatch, found)
    return found


def test_training_names_the_record(paths: list[Path], tmp_path: Path) -> None:
    task = make_task(PICTURE, LABEL)
    batches = iter(training_batches(task, tmp_path, HPARAMS, 0))
    with pytest.raises(DataError) as error:
        for _ in range(3):
            next_batch(batches, task, tmp_path)
    assert str(error.value) == (
        f"problem 'toy', split train, example 4 (record 1 of {paths[1]}): inputs is a damaged "
        "image that TensorFlow cannot decode; generate the data again: t2t-datagen names the file "
        "that it came from, or leaves it out with --skip_broken."
    )


def test_evaluation_names_the_record(paths: list[Path], tmp_path: Path) -> None:
    task = make_task(PICTURE, LABEL)
    batches = iter(evaluation_batches(task, "dev", tmp_path, HPARAMS))
    with pytest.raises(DataError, match=r"'toy', split dev, example 4 \(record 1 of .*toy-1-of-3"):
        for _ in range(3):
            next_batch(batches, task, tmp_path, "dev")
