"""One problem of each kind, from a prepared TFDS data set over training to an answer."""

from __future__ import annotations

import json
from pathlib import Path

from t2t_mm.lookup import find_problem
from tests.data.tfds_folders import prepared
from tests.problems.named import SENTENCES, made, picture

HPARAMS = (
    "hidden_size=16,filter_size=16,num_heads=2,encoder_blocks=1,decoder_blocks=1,mixer_blocks=1,"
    "num_experts=2,batch_size=64,batch_images=2,class_exit_filters=[8,8],"
    "learning_rate_warmup_steps=4,problem_choice=round_robin"
)
PROBLEMS = "image_mnist,image_ms_coco_characters,translate_ende_wmt8k,translate_ende_wmt8k_rev"


def raw_data(tfds: Path) -> None:
    pairs = [{"en": s, "de": f"auf Deutsch {s}"} for s in SENTENCES]
    prepared(tfds, "wmt_t2t_translate", "1.0.0",
             {"train": pairs, "validation": pairs[:4], "test": pairs[:4]}, "de-en")  # fmt: skip
    digits = [{"image": picture(20 * i, 28), "label": i} for i in range(10)]
    prepared(tfds, "mnist", "3.0.1", {"train": digits, "test": digits})
    photos = [
        {"image": picture(50 * i, 40, "JPEG"), "captions/text": [f"grey {i}", f"shade {i}"]}
        for i in range(4)
    ]
    splits = {"train": photos, "val": photos, "test": [], "restval": []}
    prepared(tfds, "coco_captions", "1.1.0", splits, "2014")


def test_trains_and_answers(tmp_path: Path) -> None:
    import t2t_mm

    raw_data(tmp_path / "tfds")
    for name in ("image_mnist", "image_ms_coco_characters", "translate_ende_wmt8k"):
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
    asked = {
        "image_mnist": picture(60, 28),
        "image_ms_coco_characters": picture(60, 40, "JPEG"),
        "translate_ende_wmt8k": SENTENCES[0],
        "translate_ende_wmt8k_rev": f"auf Deutsch {SENTENCES[0]}",
    }
    for name, value in asked.items():
        (answer,) = model.decode(name, [value], "beam_size=1,extra_length=4")
        assert isinstance(answer.output, str)
        if name == "image_mnist":
            assert answer.output in find_problem(name).labels
