"""Speech heard in both ways, and parsing: from raw data over training to an answer."""

from __future__ import annotations

import json
from pathlib import Path

from t2t_mm import trees
from tests.problems.named import SENTENCES, made
from tests.problems.recordings import chapter, encoded, tone, write
from tests.problems.test_named_parsing import forest

HPARAMS = (
    "hidden_size=16,filter_size=16,num_heads=2,encoder_blocks=1,decoder_blocks=1,mixer_blocks=1,"
    "num_experts=2,batch_size=256,batch_audio_seconds=1,audio_blocks=2,max_length=600,"
    "learning_rate_warmup_steps=4,problem_choice=round_robin"
)
PROBLEMS = "librispeech,librispeech_waveform,parsing_english_ptb8k"


def raw_data(folder: Path) -> None:
    chapter(folder, 9001, 1, SENTENCES[:12])
    lines = [f"{trees.linearise(tree)}\n" for tree in forest(30)]
    write(folder / "parsing_train.trees", "".join(lines[:25]))
    write(folder / "parsing_dev.trees", "".join(lines[25:]))


def test_trains_and_answers(tmp_path: Path) -> None:
    import t2t_mm

    raw_data(tmp_path / "raw")
    for name in ("librispeech", "parsing_english_ptb8k"):
        made(name, tmp_path)
    t2t_mm.train(
        PROBLEMS,
        "multi_model",
        "multimodel_tiny",
        HPARAMS,
        data_dir=tmp_path / "data",
        output_dir=tmp_path / "run",
        train_steps=20,
        eval_steps=1,
        local_eval_frequency=20,
        progress=False,
    )
    lines = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    trained = {line["problem"] for line in lines if line["split"] == "train"}
    assert trained >= set(PROBLEMS.split(","))
    model = t2t_mm.load(tmp_path / "run")
    heard = encoded(tone(3), form="FLAC")
    for name, value in zip(PROBLEMS.split(","), (heard, heard, "w1 w2 w3"), strict=True):
        (answer,) = model.decode(name, [value], "beam_size=1,extra_length=4")
        assert isinstance(answer.output, str)
