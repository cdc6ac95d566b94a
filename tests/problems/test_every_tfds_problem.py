"""Every problem that TFDS has the data of: generated, trained jointly for 20 steps each, asked.

Not part of the usual run, as 50 problems take some minutes: `pytest -m every`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from t2t_mm.data.generation.api import generate
from t2t_mm.lookup import find_problem
from t2t_mm.problem import Problem
from t2t_mm.provenance import DataAccess, TfdsData
from t2t_mm.registry import PROBLEMS
from tests.data.tfds_folders import prepared
from tests.problems.named import SENTENCES, TINY, picture, trained
from tests.problems.recordings import encoded, tone

HPARAMS = f"{TINY},batch_images=2,batch_audio_seconds=1,audio_blocks=2,image_small_blocks=1"
STEPS = 20
INPUTS = {
    "text": SENTENCES[0],
    "image": picture(60, 40, "JPEG"),
    "audio": encoded(tone(3), form="FLAC"),
}


def tfds_problems() -> list[Problem]:
    names = PROBLEMS.names()
    names += [f"{name}_rev" for name in names if name.startswith("translate_")]
    problems = map(find_problem, names)
    return [p for p in problems if getattr(p, "provenance", None) and p.provenance.tfds]


def example(problem: Problem, data: TfdsData, i: int) -> Mapping[str, Any]:
    """A record with every feature that a data set of this name has and a problem reads."""
    text, label = SENTENCES[i % len(SENTENCES)], None
    if problem.targets.has_labels:
        label = problem.labels[i % len(problem.labels)]
    if data.name == "coco_captions":
        return {"image": picture(5 * i, 40, "JPEG"), "captions/text": [text, f"{text} again"]}
    if problem.source == "image":
        return {"image": picture(5 * i, 32), "label": label}
    if data.name == "common_voice":
        return {"voice": tone(i, 48_000).tolist(), "sentence": text}
    if data.name == "librispeech":
        return {"speech": encoded(tone(i), form="FLAC"), "text": text.upper(), "id": f"1-2-{i}"}
    if data.name == "ljspeech":
        spoken = {"text": text, "text_normalized": text}
        return {"id": f"LJ{1 + i % 50:03d}-{i:04d}", "speech": tone(i, 22_050).tolist(), **spoken}
    if data.name == "ted_multi_translate":
        told = [f"vi {text}", text]
        return {"translations/language": ["vi", "en"], "translations/translation": told}
    if data.name == "cnn_dailymail":
        return {"article": f"{text}. {text}.", "highlights": text}
    if "wmt" in data.name:
        return {language: f"{language} {text}" for language in (data.config or "").split("-")}
    pair = ("sentence", "sentence1", "sentence2", "question", "question1", "question2",
            "premise", "hypothesis", "text")  # fmt: skip
    features: dict[str, Any] = dict.fromkeys(pair, text)
    return features | ({} if label is None else {"label": label})


def write_data_sets(folder: Path, problems: list[Problem]) -> None:
    found: dict[tuple[str, str | None], tuple[Problem, TfdsData, set[str]]] = {}
    for problem in problems:
        data = problem.provenance.tfds[0]
        parts = {part.split("[")[0] for value in data.splits.values() for part in value.split("+")}
        found.setdefault((data.name, data.config), (problem, data, set()))[2].update(parts)
    for problem, data, parts in found.values():
        count = 12 if problem.source == "image" else 200
        splits = {part: [example(problem, data, i) for i in range(count)] for part in sorted(parts)}
        labels = {"label": problem.labels} if problem.targets.has_labels else None
        version = ".".join(f"{data.version}0.0.0".split(".")[:3])
        prepared(folder, data.name, version, splits, data.config, labels)


@pytest.mark.every
def test_every_problem_is_generated_trained_and_asked(tmp_path: Path) -> None:
    problems = tfds_problems()
    assert len(problems) > 50
    write_data_sets(tmp_path / "tfds", problems)
    generate(
        problems,
        tmp_path / "data",
        tmp_path / "raw",
        num_shards=1,
        shared_vocab="vocab.tiny:600",
        access=DataAccess(tfds_data_dir=str(tmp_path / "tfds"), offline=True),
        log=lambda line: None,
    )
    names = [problem.name for problem in problems]
    _, model = trained(names, HPARAMS, tmp_path, steps=STEPS * len(names), eval_steps=0)
    for problem in problems:
        value = INPUTS[problem.source] if model.tasks[problem.name].has_inputs else ""
        (answer,) = model.decode(problem.name, [value], "beam_size=1,extra_length=4")
        assert answer.score < 0, problem.name
        if problem.targets.has_labels:
            assert answer.output in problem.labels
