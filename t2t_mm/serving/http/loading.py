"""A version folder to a Servable, with the export contract of docs/architecture.md checked.

A SavedModel is loaded with TensorFlow and tensorflow-text (its tokenizer's operations) alone. An
export that breaks the contract is not served.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_text  # noqa: F401  (registers the tokenizer's operations)

from t2t_mm.errors import UserError
from t2t_mm.files import json_fields
from t2t_mm.registry import KINDS
from t2t_mm.serving.http.request_error import RowError
from t2t_mm.serving.http.servable import EXPLAIN, Servable, ServedSignature, features_of
from t2t_mm.serving.http.tensor_values import sentence

CARD = "assets.extra/t2t_mm.json"
_CARD = {"problems": dict[str, dict[str, Any]]}
_PROBLEM = {"features": dict[str, dict[str, Any]], "labels": list[str], "command": str | None}
_MOST = {"image_size": 1 << 14, "sample_rate": 1 << 20}  # what warming up makes an input of


class BrokenExport(UserError):
    """A version folder that cannot be served, and why."""


def load(folder: Path, version: int) -> Servable:
    """Loads a version folder.

    Raises:
      BrokenExport: if it is not an export of t2t-exporter.
    """
    card = _card(folder)
    try:
        model = tf.saved_model.load(str(folder))
    except Exception as error:  # whatever a damaged file makes TensorFlow raise
        raise BrokenExport(f"the SavedModel cannot be loaded ({sentence(str(error))}).") from None
    found = {}
    for name, problem in card["problems"].items():
        inputs = sorted(features_of(problem))
        found[name] = _signature(model, name, problem, inputs, False)
        if EXPLAIN + name in model.signatures:
            names = sorted([*inputs, "outputs"])
            found[EXPLAIN + name] = _signature(model, EXPLAIN + name, problem, names, True)
    return Servable(version, card, found, model)


def _card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        json_fields.check(card, _CARD)
        features = {name: _checked_features(one) for name, one in card["problems"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenExport(f"{CARD} cannot be read ({type(error).__name__}: {error}).") from None
    if not features:
        raise BrokenExport(f"{CARD} lists no problems.")
    for name, inputs in features.items():
        for feature, description in inputs.items():
            if description["kind"] not in KINDS:
                raise BrokenExport(
                    f"{CARD}: {feature} of {name} are of the kind '{description['kind']}', "
                    f"which is not registered here; known are {', '.join(KINDS)}."
                )
    return card


def _checked_features(problem: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the card says of a problem's inputs.

    Raises:
      TypeError, ValueError: for a value that no export has.
    """
    json_fields.check(problem, _PROBLEM, required=False)
    features = features_of(problem)
    for description in features.values():
        json_fields.check(description, {"kind": str})
        json_fields.check(description, dict.fromkeys(_MOST, int | None), required=False)
        for key, most in _MOST.items():
            value = description.get(key)
            if value is not None and not 0 < value <= most:
                raise ValueError(f"'{key}' must be 1 to {most:,}, got {value!r:.60}")
    return features


def _signature(
    model: Any, name: str, problem: dict[str, Any], inputs: Sequence[str], explains: bool
) -> ServedSignature:
    if name not in model.signatures:
        raise BrokenExport(f"the SavedModel has no signature '{name}', which {CARD} lists.")
    found = ServedSignature(name, problem, model.signatures[name], explains)
    specs = found.function.structured_input_signature[1]
    if found.inputs != tuple(inputs) or any(s.dtype != tf.string for s in specs.values()):
        taken = ", ".join(f"{key} ({spec.dtype.name})" for key, spec in specs.items())
        raise BrokenExport(f"signature '{name}' takes {taken}; strings {inputs} are expected.")
    return found


def warm_up(servable: Servable) -> None:
    """Calls each signature once with made-up inputs, and explains with the answer to them.

    The first call of a graph is slow, and shows that it works.

    Raises:
      BrokenExport: if one fails.
    """
    for name in servable.problems:
        signature = servable.signatures[name]
        try:
            columns = {
                feature: [KINDS.get(description["kind"]).sample_row(description)]
                for feature, description in signature.features.items()
            }
            answer = signature.answer(columns)[0]["outputs"][0]
            explain = servable.signatures.get(f"explain_{name}")
            if explain:
                explain.answer({**columns, "outputs": [answer.encode()]})
        except (RowError, RuntimeError, LookupError, TypeError, ValueError) as error:
            raise BrokenExport(f"a first call of '{name}' failed ({error}).") from None
