"""Speech heard in both ways, and parsing: from raw data over training to an answer."""

from __future__ import annotations

from pathlib import Path

from t2t_mm.kinds import trees
from tests.problems.named import SENTENCES, TINY, made, trained
from tests.problems.recordings import chapter, encoded, tone, write
from tests.problems.test_named_parsing import forest

HPARAMS = f"{TINY},batch_audio_seconds=1,audio_blocks=2,max_length=600"
PROBLEMS = ("librispeech", "librispeech_waveform", "parsing_english_ptb8k")


def raw_data(folder: Path) -> None:
    chapter(folder, 9001, 1, SENTENCES[:12])
    lines = [f"{trees.linearise(tree)}\n" for tree in forest(30)]
    write(folder / "parsing_train.trees", "".join(lines[:25]))
    write(folder / "parsing_dev.trees", "".join(lines[25:]))


def test_trains_and_answers(tmp_path: Path) -> None:
    raw_data(tmp_path / "raw")
    for name in ("librispeech", "parsing_english_ptb8k"):
        made(name, tmp_path)
    _, model = trained(PROBLEMS, HPARAMS, tmp_path)
    heard = encoded(tone(3), form="FLAC")
    for name, value in zip(PROBLEMS, (heard, heard, "w1 w2 w3"), strict=True):
        (answer,) = model.decode(name, [value], "beam_size=1,extra_length=4")
        assert answer.score < 0
