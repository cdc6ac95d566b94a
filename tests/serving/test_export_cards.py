"""The card of an export that somebody has changed: not served, with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t2t_mm.serving.http.loading import CARD, BrokenExport, load, warm_up
from t2t_mm.serving.http.servable import Servable, ServedSignature

GOOD = {"inputs": "image", "features": {"inputs": {"kind": "image", "image_size": 8}}}


def refusal(folder: Path, card: Any) -> str:
    (folder / CARD).parent.mkdir(exist_ok=True)
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(BrokenExport) as error:
        load(folder, 1)
    return str(error.value)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (0.5, "TypeError: 'problems' must be an object, got {'p': 0.5}"),
        ({**GOOD, "features": [1]}, "'features' must be an object, got [1]"),
        ({**GOOD, "features": {"inputs": 2}}, "'features' must be an object"),
        ({**GOOD, "features": {"inputs": {"kind": {}}}}, "'kind' must be text, got {}"),
        ({**GOOD, "features": {"inputs": {}}}, "'kind' is missing"),
        ({**GOOD, "labels": "ab"}, "'labels' must be a list, got 'ab'"),
    ],
)
def test_values_of_another_type(tmp_path: Path, problem: Any, message: str) -> None:
    said = refusal(tmp_path, {"problems": {"p": problem}})
    assert said.startswith(f"{CARD} cannot be read (") and message in said


@pytest.mark.parametrize("size", [0, -8, 10**30])
def test_sizes_that_no_picture_has(tmp_path: Path, size: int) -> None:
    features = {"inputs": {"kind": "image", "image_size": size}}
    said = refusal(tmp_path, {"problems": {"p": {**GOOD, "features": features}}})
    assert "'image_size' must be 1 to 16,384, got" in said


def test_a_good_card_lacks_the_graph_alone(tmp_path: Path) -> None:
    assert refusal(tmp_path, {"problems": {"p": GOOD}}).startswith("the SavedModel cannot be loade")


def test_a_description_that_lacks_what_warming_up_needs() -> None:
    problem = {"inputs": "label", "features": {"inputs": {"kind": "label"}}}
    signature = ServedSignature("p", problem, None, False)
    with pytest.raises(BrokenExport, match="a first call of 'p' failed .'labels'."):
        warm_up(Servable(1, {"problems": {"p": problem}}, {"p": signature}))
