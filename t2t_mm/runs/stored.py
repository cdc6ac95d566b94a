"""The contents of a checkpoint file, read without the model that wrote it.

TensorFlow's object graph names a variable by the path to it, with "/" inside a name written as
".S" and "." as "..". Here names are those that we gave: Keras paths for the model's variables,
"PATH/SLOT" for the optimizer's and the moving average's (t2t_mm 0.1: "GROUP/SLOT", see slots.py).
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.errors import CheckpointError

# What TensorFlow raises for a file that is cut off, or that lacks something.
UNREADABLE = (AssertionError, IndexError, RuntimeError, ValueError, tf.errors.OpError)

VARIABLES, SLOTS = "variables", "slots"
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"

Shapes = dict[str, tuple[int, ...]]


class StoredCheckpoint:
    """A checkpoint's contents; arrays are read when asked for.

    Args:
      checkpoint: its path, such as RUN/checkpoints/model-1000.

    Raises:
      CheckpointError: if it cannot be read.
    """

    def __init__(self, checkpoint: str):
        self.checkpoint = checkpoint
        try:
            self._reader = tf.train.load_checkpoint(checkpoint)
            self._shapes = self._reader.get_variable_to_shape_map()
            self._dtypes = self._reader.get_variable_to_dtype_map()
        except UNREADABLE as cause:
            raise damaged(checkpoint, cause) from cause

    @cached_property
    def variables(self) -> Shapes:
        """Path -> shape of the model's variables."""
        return self._under(VARIABLES)

    @cached_property
    def slots(self) -> Shapes:
        """Name -> shape of the optimizer's and the average's values and counts."""
        return self._under(SLOTS)

    @cached_property
    def state(self) -> dict[str, Any]:
        """The state that the loop saved: at least "step"."""
        return json.loads(self._array(f"state{_SUFFIX}").item().decode())

    def _under(self, kind: str) -> Shapes:
        begin = f"{kind}/"
        return {
            unescape(key[len(begin) : -len(_SUFFIX)]): tuple(shape)
            for key, shape in sorted(self._shapes.items())
            if key.startswith(begin) and key.endswith(_SUFFIX)
        }

    def dtype(self, path: str) -> np.dtype:
        """The dtype of a model's variable."""
        return np.dtype(self._dtypes[_key(VARIABLES, path)].as_numpy_dtype)

    def variable(self, path: str) -> np.ndarray:
        """A model's variable."""
        return self._array(_key(VARIABLES, path))

    def slot(self, name: str) -> np.ndarray:
        """A vector or count."""
        return self._array(_key(SLOTS, name))

    def _array(self, key: str) -> np.ndarray:
        try:
            return np.asarray(self._reader.get_tensor(key))
        except UNREADABLE as cause:
            raise damaged(self.checkpoint, cause) from cause


def stored_variables(checkpoint: str) -> Shapes:
    """Path -> shape of the model's variables in a checkpoint."""
    return StoredCheckpoint(checkpoint).variables


def _key(kind: str, name: str) -> str:
    return f"{kind}/{name.replace('.', '..').replace('/', '.S')}{_SUFFIX}"


def unescape(key: str) -> str:
    """The name that TensorFlow wrote as `key`."""
    return re.sub(r"\.([.S])", lambda found: {".": ".", "S": "/"}[found.group(1)], key)


def first_line(cause: BaseException) -> str:
    """The first line of an error of TensorFlow's."""
    return str(cause).strip().partition("\n")[0][:200]


def damaged(checkpoint: str, cause: BaseException) -> CheckpointError:
    """The error for a checkpoint that cannot be read."""
    advice = "see to that and try again" if is_refused(cause) else "it is damaged: give another one"
    return CheckpointError(
        f"the checkpoint {checkpoint} cannot be read ({first_line(cause)}); {advice}."
    )


def is_refused(cause: BaseException) -> bool:
    """True if the system would not read a file, which says nothing about what is in it."""
    system = (tf.errors.PermissionDeniedError, tf.errors.ResourceExhaustedError)
    return isinstance(cause, (*system, tf.errors.UnavailableError))
