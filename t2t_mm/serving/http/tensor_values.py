"""TensorFlow's values, types and errors, in JSON's words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import tensorflow as tf


def tensor_info(name: str, spec: tf.TensorSpec) -> dict[str, Any]:
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


def json_values(array: np.ndarray) -> Any:
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


def refusal(message: str) -> str:
    """The export's own checks complete "inputs[0] ..."; anything else is quoted."""
    line = sentence(message)
    checked = _CHECKED.match(line)
    return checked[1] if checked else f"cannot be read ({line})"


def sentence(message: str) -> str:
    """The one line of TensorFlow's message that says what is wrong."""
    lines = [line for line in message.splitlines() if line.strip() and not _NOISE.match(line)]
    words = (_TAGS.sub("", line).strip().rstrip(".:") for line in lines)
    return next((line[:300] for line in words if line), "no reason given")
