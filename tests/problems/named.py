"""Helpers of the tests of named problems: tiny raw data, generated data, what is in them."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from t2t_mm.data.generation.api import generate
from t2t_mm.data.records.manifest import Manifest, load_manifest
from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.kinds.kind import BYTES
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.lookup import find_problem
from t2t_mm.provenance import DataAccess
from tests.data.tfds_folders import parse_example

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel
    from t2t_mm.training.settings import TrainResult

SENTENCES = [f"number {i} is a small red bird on the {i}th tree" for i in range(40)]

TINY = (  # hparams of a multimodel_tiny that takes seconds to trace
    "hidden_size=16,filter_size=16,num_heads=2,encoder_blocks=1,decoder_blocks=1,mixer_blocks=1,"
    "num_experts=2,batch_size=256,class_exit_filters=[8,8],learning_rate_warmup_steps=4,"
    "problem_choice=round_robin"
)


def picture(colour: int = 0, side: int = 8, form: str = "PNG") -> bytes:
    """An encoded picture of one colour."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), colour, np.uint8)).save(buffer, form)
    return buffer.getvalue()


def made(
    name: str, folder: Path, workers: int = 1, offline: bool = True, **access: Any
) -> tuple[Manifest, dict[str, list[dict[str, Any]]]]:
    """Generates the data of a problem and reads them back.

    Args:
      name: of the problem.
      folder: its raw files are in `folder`/raw, prepared TFDS data in `folder`/tfds.
      workers: processes.
      offline, access: see DataAccess.

    Returns:
      The manifest, and the examples of each split: text and labels as text, else bytes.
    """
    problem, data_dir = find_problem(name), folder / "data"
    generate(
        [problem],
        data_dir,
        folder / "raw",
        num_workers=workers,
        num_shards=2,
        access=DataAccess(tfds_data_dir=str(folder / "tfds"), offline=offline, **access),
        log=lambda line: None,
    )
    manifest = load_manifest(name, data_dir)
    examples = {
        split: [
            _readable(problem, e, data_dir) for s in shards for e in _examples(data_dir / s.file)
        ]
        for split, shards in manifest.splits.items()
    }
    return manifest, examples


def _examples(path: Path) -> list[dict[str, Any]]:
    content, found, at = path.read_bytes(), [], 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 8], "little")
        found.append(parse_example(content[at + 12 : at + 12 + size]))
        at += 16 + size
    return found


def _readable(problem: Any, example: dict[str, Any], data_dir: Path) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, kind in problem.kinds.items():
        kind = kind.with_labels(problem.labels)
        vocabularies = {
            text: Vocabulary.load(vocabulary_path(text, data_dir))
            for text in filter(None, [kind.text_vocabulary])
        }
        stored = example[name]
        shown[name] = stored[0] if kind.record == BYTES else kind.shown(stored, vocabularies, "")
    if "references" in example:
        shown["references"] = [value.decode() for value in example["references"]]
    return shown


def pixels(encoded: bytes) -> np.ndarray:
    """The pixels of an encoded picture."""
    return np.asarray(Image.open(io.BytesIO(encoded)))


def trained(
    names: Sequence[str], hparams: str, folder: Path, steps: int = 20, eval_steps: int = 1
) -> tuple[TrainResult, LoadedModel]:
    """Trains one multimodel_tiny on problems whose data are in `folder`/data, and loads it.

    Every problem has had steps, and every training loss was finite.
    """
    import t2t_mm

    result = t2t_mm.train(
        names,
        "multi_model",
        "multimodel_tiny",
        hparams,
        data_dir=folder / "data",
        output_dir=folder / "run",
        train_steps=steps,
        eval_steps=eval_steps,
        local_eval_frequency=steps,
        progress=False,
    )
    lines = map(json.loads, (folder / "run" / "metrics.jsonl").read_text().splitlines())
    losses = {
        line["problem"]: line["metrics"]["loss"] for line in lines if line["split"] == "train"
    }
    assert losses.keys() == set(names)
    assert all(map(math.isfinite, losses.values())), losses
    return result, t2t_mm.load(folder / "run")
