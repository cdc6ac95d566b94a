"""One loaded version of an export: its signatures as functions of columns of bytes.

A SavedModel is loaded with TensorFlow and tensorflow-text (its tokenizer's operations) alone. What
docs/architecture.md promises of an export is checked here: an export that breaks it is not served.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  (registers the tokenizer's operations)

from t2t_mm.errors import UserError
from t2t_mm.serving.request_error import RequestError, RowError, bad_request, not_found
from t2t_mm.serving.rest import Row

CARD = "assets.extra/t2t_mm.json"
KINDS = ("text", "image", "audio")
_DEFAULT = "serving_default"
_EXPLAIN = "explain_"


class BrokenExport(UserError):
    """A version folder that cannot be served, and why."""


@dataclass(frozen=True, eq=False)  # one object for each signature and version
class Signature:
    """A function of the SavedModel.

    Attributes:
      name: as in the SavedModel.
      problem: what t2t_mm.json says of its problem.
      function: takes string [B] for each input.
      explains: whether it is explain_NAME, whose answers have one length per call.
    """

    name: str
    problem: dict[str, Any]
    function: Any
    explains: bool

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs."""
        return tuple(sorted(self.function.structured_input_signature[1]))

    @property
    def whole(self) -> frozenset[str]:
        """The outputs without an axis of rows, such as the size of a grid."""
        specs = self.function.structured_outputs.items()
        return frozenset(
            name for name, spec in specs if spec.shape.rank == 0 or _fixed_first(spec.shape)
        )

    def answer(self, columns: dict[str, list[bytes]]) -> list[Row]:
        """Runs the function.

        Args:
          columns: B values for each input.

        Returns:
          For each of the B rows its outputs as JSON values; those in `whole` are the same in all.

        Raises:
          RowError: if the graph refuses an input.
        """
        count = len(columns[self.inputs[0]])
        try:
            tensors = self.function(
                **{name: tf.constant(column, tf.string) for name, column in columns.items()}
            )
        except tf.errors.InvalidArgumentError as error:
            raise RowError(_refusal(error.message)) from None
        lists = {name: _json_values(tensor.numpy()) for name, tensor in tensors.items()}
        whole = self.whole
        for name, values in lists.items():
            if name not in whole and len(values) != count:
                raise RuntimeError(
                    f"signature {self.name} answered {count} rows with {len(values)} of '{name}'"
                )
        return [
            {name: values if name in whole else values[row] for name, values in lists.items()}
            for row in range(count)
        ]

    def definition(self) -> dict[str, Any]:
        """Its part of TensorFlow Serving's signature_def."""
        inputs = self.function.structured_input_signature[1]
        return {
            "inputs": {name: _tensor_info(name, spec) for name, spec in inputs.items()},
            "outputs": {
                name: _tensor_info(name, spec)
                for name, spec in self.function.structured_outputs.items()
            },
            "method_name": "tensorflow/serving/predict",
        }


@dataclass(eq=False)
class Servable:
    """A loaded version.

    Attributes:
      version: its folder's number.
      card: the content of t2t_mm.json.
      signatures: by name.
      in_flight: requests that use it.
    """

    version: int
    card: dict[str, Any]
    signatures: dict[str, Signature]
    model: Any = None  # the functions hold only weak references to its variables
    in_flight: int = field(default=0)

    @property
    def problems(self) -> list[str]:
        """Their names, as the export lists them."""
        return list(self.card["problems"])

    def signature(self, name: str | None) -> Signature:
        """The signature that a request means.

        Args:
          name: what it says; None or "serving_default" stand for the only problem, if there is one.

        Raises:
          RequestError: 400 if there are several problems, 404 for an unknown name.
        """
        names = ", ".join(self.problems)
        if name in (None, "", _DEFAULT):
            if len(self.problems) > 1:
                raise bad_request(f"several problems are served; signature_name is one of {names}.")
            name = self.problems[0]
        if name not in self.signatures:
            raise _unknown_signature(name, names)
        return self.signatures[name]


def _unknown_signature(name: str, names: str) -> RequestError:
    return not_found(
        f"unknown signature_name {json.dumps(name[:80])}; the problems are {names}, each with "
        f"{_EXPLAIN}NAME where the export has it."
    )


def load(folder: Path, version: int) -> Servable:
    """Loads a version folder.

    Raises:
      BrokenExport: if it is no export of t2t-exporter.
    """
    card = _card(folder)
    try:
        model = tf.saved_model.load(str(folder))
    except Exception as error:  # whatever a damaged file makes TensorFlow raise
        raise BrokenExport(f"the SavedModel cannot be loaded ({_sentence(str(error))}).") from None
    found = {}
    for name, problem in card["problems"].items():
        found[name] = _signature(model, name, problem, ["inputs"], False)
        if _EXPLAIN + name in model.signatures:
            names = ["inputs", "outputs"]
            found[_EXPLAIN + name] = _signature(model, _EXPLAIN + name, problem, names, True)
    return Servable(version, card, found, model)


def _card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        kinds = {name: problem["inputs"] for name, problem in card["problems"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenExport(f"{CARD} cannot be read ({type(error).__name__}: {error}).") from None
    if not kinds:
        raise BrokenExport(f"{CARD} lists no problems.")
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise BrokenExport(f"{CARD}: inputs of {name} are '{kind}', not {', '.join(KINDS)}.")
    return card


def _signature(
    model: Any, name: str, problem: dict[str, Any], inputs: Sequence[str], explains: bool
) -> Signature:
    if name not in model.signatures:
        raise BrokenExport(f"the SavedModel has no signature '{name}', which {CARD} lists.")
    found = Signature(name, problem, model.signatures[name], explains)
    specs = found.function.structured_input_signature[1]
    if found.inputs != tuple(inputs) or any(s.dtype != tf.string for s in specs.values()):
        taken = ", ".join(f"{key} ({spec.dtype.name})" for key, spec in specs.items())
        raise BrokenExport(f"signature '{name}' takes {taken}; strings {inputs} are expected.")
    return found


def _fixed_first(shape: tf.TensorShape) -> bool:
    return shape.rank is not None and shape[0] is not None


def _tensor_info(name: str, spec: tf.TensorSpec) -> dict[str, Any]:
    rank = spec.shape.rank
    dims = [] if rank is None else [-1 if size is None else size for size in spec.shape]
    return {
        "dtype": f"DT_{'FLOAT' if spec.dtype == tf.float32 else spec.dtype.name.upper()}",
        "tensor_shape": {
            "dim": [{"size": str(size), "name": ""} for size in dims],
            "unknown_rank": rank is None,
        },
        "name": name,
    }


def _json_values(array: np.ndarray) -> Any:
    """Nested lists of str, int and float; what is not finite becomes null, as JSON has no word."""
    if array.dtype == object:
        flat = [value.decode("utf-8", "replace") for value in array.ravel()]
    elif array.dtype.kind == "f":
        # The shortest decimal that reads back as the same float32.
        numbers = map(float, array.ravel().astype("U").tolist())
        flat = [number if np.isfinite(number) else None for number in numbers]
    else:
        return array.tolist()
    boxed = np.empty(array.size, object)
    boxed[:] = flat
    return boxed.reshape(array.shape).tolist()


_NOISE = re.compile(r"^\s*(Graph execution error|Detected at node|<stack traces|File |\d+ root)")
_TAGS = re.compile(r"\{\{[^}]*\}\}|\[Op:[^\]]*\]|^\s*\(\d+\)\s*[A-Z_]+:\s*|\s*\[\[.*")


_CHECKED = re.compile(r"assertion failed: \[inputs\[\d+\] (.*?)\.?\]$")


def _refusal(message: str) -> str:
    """The export's own checks complete "inputs[0] ..."; anything else is quoted."""
    sentence = _sentence(message)
    checked = _CHECKED.match(sentence)
    return checked[1] if checked else f"cannot be read ({sentence})"


def _sentence(message: str) -> str:
    """The one line of TensorFlow's message that says what is wrong."""
    lines = [line for line in message.splitlines() if line.strip() and not _NOISE.match(line)]
    words = (_TAGS.sub("", line).strip().rstrip(".:") for line in lines)
    return next((line[:300] for line in words if line), "no reason given")
