"""Speech heard in both ways, and parsing: from raw data over training to an answer."""

from __future__ import annotations

import shutil
from pathlib import Path

from t2t_mm.decoding.model_loading import LoadedModel
from t2t_mm.kinds import trees
from t2t_mm.kinds.kind import features_of
from tests.problems.named import SENTENCES, TINY, made, trained
from tests.problems.recordings import chapter, encoded, tone, write
from tests.problems.test_named_parsing import forest

HPARAMS = f"{TINY},batch_audio_seconds=1,audio_blocks=2,max_length=600"
HEARD = "librispeech"
PARSED = "parsing_english_ptb8k"


def raw_data(folder: Path) -> None:
    chapter(folder, 9001, 1, SENTENCES[:12])
    lines = [f"{trees.linearize(tree)}\n" for tree in forest(30)]
    write(folder / "parsing_train.trees", "".join(lines[:25]))
    write(folder / "parsing_dev.trees", "".join(lines[25:]))


def answer(model: LoadedModel, name: str, value: str | bytes) -> None:
    (found,) = model.decode(name, [value], "beam_size=1,extra_length=4")
    assert found.score < 0


def test_trains_and_answers(tmp_path: Path) -> None:
    raw_data(tmp_path / "raw")
    for name in (HEARD, PARSED):
        made(name, tmp_path)
    recording = encoded(tone(3), form="FLAC")
    _, model = trained((HEARD, PARSED), HPARAMS, tmp_path)
    answer(model, HEARD, recording)
    answer(model, PARSED, "w1 w2 w3")
    shutil.rmtree(tmp_path / "run")
    _, model = trained((HEARD,), f"{HPARAMS},audio_modality=audio", tmp_path)
    answer(model, HEARD, recording)
    assert features_of(model.tasks[HEARD].input, model.hparams) == "waveform"
