"""Checkpoints of a run: everything that exact resumption needs, and the best weights apart.

`checkpoints/` holds the latest ones: variables, optimizer slots, the iterators of all problems
and the loop's state as one JSON string, so that a checkpoint is whole or not there. `best/` holds
variables alone. TensorFlow writes the data first and then renames the small file that names the
latest checkpoint; a killed run therefore leaves at worst files that nobody reads.

Variables are stored under their Keras paths: that is what warm starts and decoding go by.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from t2t_mm.errors import CheckpointError

LATEST = "checkpoints"
BEST = "best"
_PREFIX = "model"
_VARIABLES = "variables/"
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"

# What TensorFlow raises for a file that is cut off, or that lacks something.
_UNREADABLE = (AssertionError, IndexError, RuntimeError, ValueError, tf.errors.OpError)


class Checkpoints:
    """Saves and restores one run.

    Args:
      output_dir: the run directory.
      variables: path -> variable, of the model; see `by_path`.
      slots: name -> variable, of the optimizer.
      iterators: problem -> iterator over its training batches.
      keep: checkpoints kept in checkpoints/; 0 keeps all.
    """

    def __init__(
        self,
        output_dir: Path,
        variables: Mapping[str, tf.Variable],
        slots: Mapping[str, tf.Variable],
        iterators: Mapping[str, Any],
        keep: int = 5,
    ):
        self._state = tf.Variable("", dtype=tf.string, trainable=False)
        weights = dict(variables)
        whole = tf.train.Checkpoint(
            variables=weights, slots=dict(slots), iterators=dict(iterators), state=self._state
        )
        best = tf.train.Checkpoint(variables=weights, state=self._state)
        self._latest = _manager(whole, output_dir / LATEST, keep)
        self._best = _manager(best, output_dir / BEST, 1)

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        """Writes a checkpoint that `restore` continues from.

        Args:
          step: steps done.
          state: JSON-ready.
        """
        self._write(self._latest, step, state)

    def latest(self) -> str | None:
        """The path of the latest checkpoint."""
        return self._latest.latest_checkpoint

    def save_best(self, step: int, state: Mapping[str, Any]) -> None:
        """Keeps the present weights as the best so far."""
        self._write(self._best, step, state)

    def _write(
        self, manager: tf.train.CheckpointManager, step: int, state: Mapping[str, Any]
    ) -> None:
        self._state.assign(json.dumps({"step": step, **state}))
        manager.save(checkpoint_number=step)

    def restore(self) -> dict[str, Any] | None:
        """Restores the latest checkpoint, if there is one.

        Returns:
          The state that was saved, with "step"; None for a fresh run.

        Raises:
          CheckpointError: if the checkpoint lacks something that this run needs.
        """
        path = self._latest.latest_checkpoint
        if path is None:
            return None
        try:
            status = self._latest.checkpoint.restore(path)
            status.assert_existing_objects_matched()
        except _UNREADABLE as cause:
            raise CheckpointError(
                f"the checkpoint {path} does not fit this run ({_first_line(cause)}); "
                "it was written by another version of the program or is damaged: give another "
                "--output_dir, or remove the damaged checkpoint to go on from the one before it."
            ) from cause
        return json.loads(self._state.numpy().decode())


def _manager(
    checkpoint: tf.train.Checkpoint, folder: Path, keep: int
) -> tf.train.CheckpointManager:
    return tf.train.CheckpointManager(
        checkpoint, str(folder), max_to_keep=keep or None, checkpoint_name=_PREFIX
    )


def _first_line(cause: BaseException) -> str:
    return str(cause).strip().partition("\n")[0][:200]


def exists(output_dir: Path) -> bool:
    """Whether a run directory holds a checkpoint to go on from."""
    return tf.train.latest_checkpoint(str(output_dir / LATEST)) is not None


def by_path(variables: Iterable[keras.Variable]) -> dict[str, tf.Variable]:
    """Keras path -> the TensorFlow variable behind it.

    Raises:
      ValueError: if two variables have one path.
    """
    found: dict[str, tf.Variable] = {}
    for variable in variables:
        if found.setdefault(variable.path, variable.value) is not variable.value:
            raise ValueError(f"two variables are named '{variable.path}'")
    return found


def find(place: str | Path, best: bool = False) -> str:
    """The checkpoint that a user means.

    Args:
      place: a run directory, its checkpoints/ or best/, or one checkpoint, e.g.
        "run/checkpoints/model-1000".
      best: in a run directory, prefer best/.

    Raises:
      CheckpointError: if there is none.
    """
    path = Path(place).expanduser()
    folders = [path / BEST, path / LATEST] if best else [path / LATEST, path / BEST]
    for folder in [*folders, path]:
        latest = tf.train.latest_checkpoint(str(folder)) if folder.is_dir() else None
        if latest:
            return latest
    if path.with_name(path.name + ".index").is_file():
        return str(path)
    raise CheckpointError(
        f"found no checkpoint at '{place}': give a run directory (--output_dir of a training run) "
        "or one checkpoint, such as RUN/checkpoints/model-1000."
    )


def stored_variables(checkpoint: str) -> dict[str, tuple[int, ...]]:
    """Path -> shape of the model's variables in a checkpoint."""
    try:
        shapes = tf.train.load_checkpoint(checkpoint).get_variable_to_shape_map()
    except _UNREADABLE as cause:
        raise _damaged(checkpoint, cause) from cause
    return {
        _path(key): tuple(shape)
        for key, shape in shapes.items()
        if key.startswith(_VARIABLES) and key.endswith(_SUFFIX)
    }


def _path(key: str) -> str:
    # TensorFlow's object graph writes "/" inside a name as ".S" and "." as "..".
    name = key[len(_VARIABLES) : -len(_SUFFIX)]
    return "/".join(part.replace("..", ".") for part in name.split(".S"))


def load_variables(checkpoint: str, variables: Mapping[str, tf.Variable]) -> None:
    """Restores variables by path; the checkpoint may hold more.

    Raises:
      CheckpointError: if it lacks one, or has it in another shape.
    """
    stored = stored_variables(checkpoint)
    for path, variable in variables.items():
        if stored.get(path) != tuple(variable.shape):
            have = f"has shape {stored[path]}" if path in stored else "is not in it"
            raise CheckpointError(
                f"the checkpoint {checkpoint} does not fit this model: '{path}' of shape "
                f"{tuple(variable.shape)} {have}; the problems, model or hparams differ."
            )
    reader = tf.train.Checkpoint(variables=dict(variables))
    try:
        reader.read(checkpoint).assert_existing_objects_matched().expect_partial()
    except _UNREADABLE as cause:
        raise _damaged(checkpoint, cause) from cause


def _damaged(checkpoint: str, cause: BaseException) -> CheckpointError:
    return CheckpointError(
        f"the checkpoint {checkpoint} cannot be read ({_first_line(cause)}); it is damaged: give "
        "another one."
    )
