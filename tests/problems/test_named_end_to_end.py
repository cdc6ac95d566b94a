"""One problem of each kind, from a prepared TFDS data set over training to an answer."""

from __future__ import annotations

from pathlib import Path

from t2t_mm.lookup import find_problem
from tests.data.tfds_folders import prepared
from tests.problems.named import SENTENCES, TINY, made, picture, trained

HPARAMS = f"{TINY},batch_images=2"


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
    raw_data(tmp_path / "tfds")
    for name in ("image_mnist", "image_ms_coco_characters", "translate_ende_wmt8k"):
        made(name, tmp_path)
    asked = {
        "image_mnist": picture(60, 28),
        "image_ms_coco_characters": picture(60, 40, "JPEG"),
        "translate_ende_wmt8k": SENTENCES[0],
        "translate_ende_wmt8k_rev": f"auf Deutsch {SENTENCES[0]}",
    }
    _, model = trained(tuple(asked), HPARAMS, tmp_path)
    for name, value in asked.items():
        (answer,) = model.decode(name, [value], "beam_size=1,extra_length=4")
        assert answer.score < 0
        if name == "image_mnist":
            assert answer.output in find_problem(name).labels
