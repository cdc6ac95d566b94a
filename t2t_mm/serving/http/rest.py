"""The shape of TensorFlow Serving's REST API: bodies to columns of inputs, rows to answers.

Nothing here knows HTTP, a model or a modality. A body holds `instances` (row format: a list of
values, or of objects of named values) or `inputs` (column format: a list of values, or an object of
lists), and optionally `signature_name`. Bytes are {"b64": "..."}.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from t2t_mm.serving.http.request_error import bad_request

Value = str | bytes
Columns = dict[str, list[Value]]
Row = dict[str, Any]

_KEYS = ("signature_name", "instances", "inputs")
_JSON_NAMES = {dict: "an object", list: "a list", str: "a string", bool: "true or false",
               int: "a number", float: "a number", type(None): "null"}  # fmt: skip


@dataclass(frozen=True)
class PredictRequest:
    """The body of a :predict request.

    Attributes:
      signature_name: None if the body has none.
      by_rows: row format (`instances`) instead of column format (`inputs`).
      content: what `instances` or `inputs` held.
    """

    signature_name: str | None
    by_rows: bool
    content: Any


def parse(body: bytes) -> PredictRequest:
    """Reads a body.

    Raises:
      RequestError: 400, for what is not JSON, or not of this shape.
    """
    fields = _json(body)
    if not isinstance(fields, dict):
        raise bad_request(f"the body must be a JSON object, got {_kind(fields)}.")
    for key in fields:
        if key not in _KEYS:
            raise bad_request(f"unknown key {_quote(key)} in the body; known: {', '.join(_KEYS)}.")
    if ("instances" in fields) == ("inputs" in fields):
        raise bad_request(
            'give either "instances" (row format) or "inputs" (column format) in the body.'
        )
    name = fields.get("signature_name")
    if name is not None and not isinstance(name, str):
        raise bad_request(f"signature_name must be a string, got {_kind(name)}.")
    by_rows = "instances" in fields
    return PredictRequest(name, by_rows, fields["instances" if by_rows else "inputs"])


def columns(request: PredictRequest, names: Sequence[str]) -> Columns:
    """The request's values by input.

    Args:
      request: a parsed body.
      names: the inputs that the signature takes.

    Returns:
      For each name a list of values, all of the same length, not empty: str, or bytes where the
      request has base64.

    Raises:
      RequestError: 400, for missing or unknown inputs, wrong types, nothing, or invalid base64.
    """
    found = (_from_rows if request.by_rows else _from_columns)(request.content, names)
    if len({len(values) for values in found.values()}) > 1:
        sizes = ", ".join(f"{name} has {len(values)}" for name, values in found.items())
        raise bad_request(f"all inputs must have the same number of values; {sizes}.")
    return found


def predictions(rows: Sequence[Row]) -> dict[str, Any]:
    """The answer in row format; one output stands alone, several are an object."""
    alone = all(len(row) == 1 for row in rows)
    return {"predictions": [next(iter(row.values())) if alone else row for row in rows]}


def outputs(rows: Sequence[Row], whole: Collection[str]) -> dict[str, Any]:
    """The answer in column format.

    Args:
      rows: an object of outputs for each row.
      whole: outputs that belong to the request as a whole, the same in all rows.
    """
    named = {n: rows[0][n] if n in whole else [row[n] for row in rows] for n in rows[0]}
    return {"outputs": next(iter(named.values())) if len(named) == 1 else named}


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise bad_request(
            f"the body is not UTF-8 text ({error.reason} at byte {error.start}); send JSON, "
            'pictures and sounds inside it as {"b64": "..."}.'
        ) from None
    except RecursionError:
        raise bad_request("the body is nested too deeply.") from None
    except ValueError as error:
        raise bad_request(f"the body is not valid JSON ({error}).") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _from_rows(content: Any, names: Sequence[str]) -> Columns:
    rows = _checked_list(content, "instances")
    found: Columns = {name: [] for name in names}
    for index, row in enumerate(rows):
        where = f"instances[{index}]"
        named = row if _is_named(row) else {_single(names, where): row}
        _check_names(named, names, where)
        for name in names:
            found[name].append(_value(named[name], where))
    return found


def _from_columns(content: Any, names: Sequence[str]) -> Columns:
    named = content if _is_named(content) else {_single(names, "inputs"): content}
    _check_names(named, names, "inputs")
    return {
        name: [
            _value(value, f"inputs[{name}][{index}]")
            for index, value in enumerate(_checked_list(named[name], name))
        ]
        for name in names
    }


def _is_named(value: Any) -> bool:
    """An object of named values; {"b64": ...} alone is one value."""
    return isinstance(value, dict) and set(value) != {"b64"}


def _single(names: Sequence[str], where: str) -> str:
    if len(names) != 1:
        raise bad_request(f"{where} must be an object with {_joined(names)}.")
    return names[0]


def _check_names(named: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    for name in named:
        if name not in names:
            raise bad_request(f"unknown input {_quote(name)} in {where}; give {_joined(names)}.")
    for name in names:
        if name not in named:
            raise bad_request(f"{where} lacks {_quote(name)}; give {_joined(names)}.")


def _checked_list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise bad_request(f"{name} must be a list, got {_kind(value)}.")
    if not value:
        raise bad_request(f"{name} is empty; give at least one value.")
    return value


def _value(value: Any, where: str) -> Value:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError) as error:
            raise bad_request(f"{where} holds invalid base64 ({error}).") from None
    raise bad_request(f'{where} must be a string or {{"b64": "..."}}, got {_kind(value)}.')


def _kind(value: Any) -> str:
    return _JSON_NAMES[type(value)]


def _quote(name: str) -> str:
    return json.dumps(name if len(name) <= 80 else name[:80] + "...")


def _joined(names: Sequence[str]) -> str:
    return " and ".join(f'"{name}"' for name in names)
