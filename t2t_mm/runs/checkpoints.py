"""Checkpoints of a run: everything that exact resumption needs, and the best weights apart.

`checkpoints/` holds the latest ones: variables, optimizer slots, the iterators of all problems
and the loop's state as one JSON string, so that a checkpoint is whole or not there. `best/` holds
variables alone. TensorFlow writes the data first and then renames the small file that names the
latest checkpoint; a killed run therefore leaves at worst files that nobody reads.

Variables are stored under their Keras paths: that is what warm starts and decoding go by. Slots are
stored by variable too, whatever their layout in memory (slots.py).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from t2t_mm.errors import CheckpointError
from t2t_mm.files.paths import literal_path
from t2t_mm.runs.groups import Groups
from t2t_mm.runs.slots import Slot, stored_slots
from t2t_mm.runs.stored import (
    UNREADABLE,
    StoredCheckpoint,
    damaged,
    first_line,
    is_refused,
    stored_variables,
)

LATEST = "checkpoints"
BEST = "best"
_PREFIX = "model"
_NAMES = "checkpoint"  # TensorFlow's file that names those of a folder

# In the state of a checkpoint that a run begins with: it has weights, perhaps slots, no iterators.
BEGINNING = "beginning"
FRESH_SLOTS = "fresh_slots"


class Checkpoints:
    """Saves and restores one run.

    Args:
      output_dir: the run directory.
      variables: path -> variable, of the model; see `by_path`.
      slots: of the optimizer, the loss scale and the moving average.
      iterators: problem -> iterator over its training batches.
      keep: checkpoints kept in checkpoints/; 0 keeps all.
      groups: of the whole model, by which a checkpoint of t2t_mm 0.1 is read.
      every_hours: besides those, one is kept for good each time that this many hours have gone by.
    """

    def __init__(
        self,
        output_dir: Path,
        variables: Mapping[str, tf.Variable],
        slots: Sequence[Slot],
        iterators: Mapping[str, Any],
        keep: int = 5,
        groups: Groups | None = None,
        every_hours: float | None = None,
    ):
        self._state = tf.Variable("", dtype=tf.string, trainable=False)
        self._weights, self._slots, self._groups = dict(variables), list(slots), groups or {}
        self._iterators = dict(iterators)
        self._whole = self._checkpoint()
        best = tf.train.Checkpoint(variables=self._weights, state=self._state)
        for folder in (LATEST, BEST):
            _remove_leftovers(output_dir / folder)
        self._latest = _manager(self._whole, output_dir / LATEST, keep, every_hours)
        self._best = _manager(best, output_dir / BEST, 1)

    def _checkpoint(self) -> tf.train.Checkpoint:
        """All but the slots, which are put in to be saved and read apart."""
        return tf.train.Checkpoint(
            variables=self._weights, iterators=self._iterators, state=self._state
        )

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        """Writes a checkpoint that `restore` continues from.

        Args:
          step: steps done.
          state: JSON-ready.
        """
        with tf.device("CPU:0"):
            self._whole.slots = {
                name: tf.Variable(value, trainable=False)
                for slot in self._slots
                for name, value in slot.pieces().items()
            }
        try:
            self._write(self._latest, step, state)
        finally:
            self._whole.slots = {}  # their memory goes

    def last_sound(self, unsound: Collection[int]) -> str | None:
        """The path of the latest checkpoint that a diverged run can go back to.

        Args:
          unsound: steps whose evaluation was no number; of others, the weights are looked at.
        """
        for path in reversed(self._latest.checkpoints):
            if step_of(path) not in unsound and _is_finite(StoredCheckpoint(path)):
                return path
        return None

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

        One that only begins a run (see `write_beginning`) leaves the iterators where they are, and
        the slots that it lacks; the state names those under FRESH_SLOTS.

        Returns:
          The state that was saved, with "step"; None for a fresh run.

        Raises:
          CheckpointError: if the checkpoint lacks something that this run needs.
        """
        path = latest_in(Path(self._latest.directory))
        if path is None:
            return None
        try:
            stored = StoredCheckpoint(path)
            if BEGINNING not in stored.state:
                # Another object than what is saved: it would fill later slots from this checkpoint.
                status = self._checkpoint().read(path)
                status.assert_existing_objects_matched().expect_partial()
                if missing := self._read_slots(stored):
                    raise ValueError(f"it lacks the slot '{missing[0]}'")
                return stored.state
        except UNREADABLE as cause:
            if isinstance(cause, CheckpointError):
                raise
            if is_refused(cause):
                raise damaged(path, cause) from cause
            raise CheckpointError(
                f"the checkpoint {path} does not fit this run ({first_line(cause)}); "
                "it was written by another version of the program, or is damaged; give another "
                f"--output_dir, or move {path}.* away to go on from the checkpoint before it."
            ) from cause
        return self._begin(stored)

    def _begin(self, stored: StoredCheckpoint) -> dict[str, Any]:
        load_variables(stored.checkpoint, self._weights)
        return {**stored.state, FRESH_SLOTS: self._read_slots(stored)}

    def _read_slots(self, stored: StoredCheckpoint) -> list[str]:
        """Restores the slots; gives the names of those that are not there."""
        values = stored_slots(stored, self._groups)
        return [name for slot in self._slots for name in slot.assign(values)]


def write_beginning(
    output_dir: Path,
    step: int,
    variables: Mapping[str, np.ndarray],
    slots: Mapping[str, np.ndarray],
    beginning: Mapping[str, Any],
) -> str:
    """Writes a checkpoint that a run begins with; its iterators and its mixing begin anew.

    Args:
      output_dir: the run directory.
      step: where its training begins to count.
      variables: path -> value.
      slots: name, by variable -> value; those left out begin as in a fresh run.
      beginning: JSON-ready: where the values come from.

    Returns:
      The checkpoint's path.
    """
    state = json.dumps({"step": step, BEGINNING: dict(beginning)})
    checkpoint = tf.train.Checkpoint(
        variables={path: tf.Variable(value) for path, value in variables.items()},
        slots={name: tf.Variable(value) for name, value in slots.items()},
        state=tf.Variable(state, dtype=tf.string, trainable=False),
    )
    return _manager(checkpoint, output_dir / LATEST, 0).save(checkpoint_number=step)


def _manager(
    checkpoint: tf.train.Checkpoint, folder: Path, keep: int, every_hours: float | None = None
) -> tf.train.CheckpointManager:
    return tf.train.CheckpointManager(
        checkpoint,
        str(folder),
        max_to_keep=keep or None,
        keep_checkpoint_every_n_hours=every_hours,
        checkpoint_name=_PREFIX,
    )


def _remove_leftovers(folder: Path) -> None:
    """Removes what TensorFlow had begun to write when a run was killed."""
    for path in folder.glob(f"{_PREFIX}-*_temp"):
        shutil.rmtree(path, ignore_errors=True)


def _is_finite(stored: StoredCheckpoint) -> bool:
    """True if every weight is a number."""
    values = map(stored.variable, stored.variables)
    return all(np.isfinite(v).all() for v in values if np.issubdtype(v.dtype, np.floating))


def exists(output_dir: Path) -> bool:
    """True if a run directory holds a checkpoint to resume from.

    Raises:
      CheckpointError: as `latest_in`.
    """
    return latest_in(output_dir / LATEST) is not None


def latest_in(folder: Path) -> str | None:
    """The latest checkpoint of a folder whose files are there.

    Its file `checkpoint` names them all, and is written last: without it there is none yet.

    Raises:
      CheckpointError: if that file cannot be read, or names nothing that is there though
        checkpoints are: to begin anew would write over them.
    """
    named = folder / _NAMES
    if not named.is_file():
        return None
    try:
        state = tf.train.get_checkpoint_state(str(folder))
    except (ValueError, tf.errors.OpError) as cause:
        raise _unnamed(folder) from cause
    names = [*state.all_model_checkpoint_paths, state.model_checkpoint_path] if state else []
    there = next((name for name in reversed(names) if Path(f"{name}.index").is_file()), None)
    if there is None and (not names or any(folder.glob("*.index"))):
        raise _unnamed(folder)
    return there


def _unnamed(folder: Path) -> CheckpointError:
    found = sorted((path.stem for path in folder.glob("*.index")), key=step_of)
    last = found[-1] if found else "model-1000"
    return CheckpointError(
        f"{folder / _NAMES}, which names the latest checkpoint, is damaged; write into it: "
        f'model_checkpoint_path: "{last}" (there are: {", ".join(found) or "none"}).'
    )


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


def step_of(checkpoint: str) -> int:
    """Training steps of a checkpoint; -1 if its name does not tell."""
    found = re.search(r"-(\d+)$", checkpoint)
    return int(found.group(1)) if found else -1


def find(place: str | Path, best: bool = False, flag: str = "--checkpoint_path") -> str:
    """The checkpoint that a user means.

    Args:
      place: a run directory, its checkpoints/ or best/, or one checkpoint, e.g.
        "run/checkpoints/model-1000".
      best: in a run directory, prefer best/.
      flag: where the place comes from, for errors.

    Raises:
      UserError: for a path that TensorFlow takes for a pattern.
      CheckpointError: if there is none.
    """
    path = literal_path(place, flag)
    folders = [path / BEST, path / LATEST] if best else [path / LATEST, path / BEST]
    for folder in [*folders, path]:
        latest = latest_in(folder)
        if latest:
            return latest
    if path.with_name(path.name + ".index").is_file():
        return str(path)
    raise CheckpointError(
        f"found no checkpoint at '{place}': give a run directory (--output_dir of a training run) "
        "or one checkpoint, such as RUN/checkpoints/model-1000."
    )


def resolve_checkpoint(output_dir: Path, checkpoint: str | Path | None) -> str:
    """The checkpoint that a flag means: None or "latest", "best", or the path of one.

    Raises:
      CheckpointError: if there is none.
    """
    if checkpoint in (None, "", "latest"):
        return find(output_dir, flag="--output_dir")
    return find(output_dir / BEST if checkpoint == "best" else checkpoint)


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
    except UNREADABLE as cause:
        raise damaged(checkpoint, cause) from cause
