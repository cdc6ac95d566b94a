"""Several checkpoints of one run, one after another: all that there are, or each new one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from t2t_mm.errors import CheckpointError
from t2t_mm.runs.checkpoints import LATEST, step_of
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.weights import load_weights

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel

_INDEX = re.compile(r"(.+-(\d+))\.index")
POLL = 1.0  # seconds between looks for a new checkpoint


def saved_checkpoints(output_dir: str | Path) -> list[str]:
    """The checkpoints in checkpoints/ that are there now, by step.

    Raises:
      CheckpointError: if there is none.
    """
    found = _list_checkpoints(Path(output_dir).expanduser())
    if not found:
        raise CheckpointError(
            f"found no checkpoint in {output_dir}/{LATEST}; t2t-trainer writes them there."
        )
    return found


def _list_checkpoints(output_dir: Path) -> list[str]:
    # TensorFlow writes the index last, under another name until it is whole.
    names = [_INDEX.fullmatch(path.name) for path in (output_dir / LATEST).glob("*.index")]
    steps = sorted((int(name[2]), name[1]) for name in names if name)
    return [str(output_dir / LATEST / name) for _, name in steps]


def new_checkpoints(
    output_dir: str | Path,
    timeout: float | None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[str]:
    """Each newest checkpoint, while a run is trained; those that it overtakes are left out.

    Ends after the run's last step, or when no new checkpoint has come for a while.

    Args:
      output_dir: the run directory; run.json says how long it is trained.
      timeout: seconds to wait for the next checkpoint; None: for ever.
      sleep, clock: of the process.
    """
    output_dir = Path(output_dir).expanduser()
    done, since = -1, clock()
    while True:
        newest = _list_checkpoints(output_dir)[-1:]
        if newest and step_of(newest[0]) > done:
            done = step_of(newest[0])
            yield newest[0]
            since = clock()
            continue
        if done >= RunRecord.read(output_dir).train_steps:
            return
        if timeout is not None and clock() - since >= timeout:
            return
        sleep(POLL)


def restore(loaded: LoadedModel, checkpoint: str) -> None:
    """Gives a loaded model the weights of another checkpoint of its run.

    Raises:
      CheckpointError: if it cannot be read; a run removes its oldest checkpoints.
    """
    load_weights(checkpoint, loaded.model, list(loaded.tasks.values()))
