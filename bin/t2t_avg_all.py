"""t2t-avg-all: averages the last checkpoints of a run."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from t2t_mm.bin.command_line import comma_separated, common_flags, exit_status, parse
from t2t_mm.errors import CheckpointError, UserError
from t2t_mm.files.paths import literal_path

USAGE = """
usage: t2t-avg-all --model_dir=RUN [--output_dir=AVERAGES] [--n=8] [flags]

Averages the weights of the last checkpoints of a run: for each checkpoint that has n - 1 before it,
the mean of these n. Where there are fewer than n in all, one mean of all. What it writes is a run
directory:

  t2t-avg-all --model_dir=RUN --n=5
  t2t-eval --output_dir=RUN/averaged --data_dir=DATA
"""
COMMAND = "t2t-avg-all"
_PAUSE = 5.0  # seconds between two looks for a new checkpoint


def main(argv: Sequence[str]) -> int:
    """Parses the flags, writes the averages, prints their paths.

    Args:
      argv: the arguments after the program's name.

    Returns:
      The exit status.
    """
    values = _flags()
    if not parse(values, argv, USAGE):
        return 0
    if not values.model_dir:
        raise UserError("no model given; name the folder that t2t-trainer wrote in --model_dir.")
    for name, least in (("n", 1), ("min_steps", 0), ("wait_minutes", 0)):
        if getattr(values, name) < least:
            raise UserError(f"--{name} must be {least} or more, got {getattr(values, name)}.")
    model_dir = literal_path(values.model_dir, "--model_dir")
    output_dir = literal_path(values.output_dir or model_dir / "averaged", "--output_dir")
    if output_dir == model_dir:
        raise UserError("--output_dir is --model_dir; name another folder for the averages.")
    if values.checkpoints:
        _average_named(comma_separated(values.checkpoints), model_dir, output_dir)
        return 0
    deadline = time.monotonic() + 60 * values.wait_minutes
    while True:
        if _average_all(values, model_dir, output_dir):
            deadline = time.monotonic() + 60 * values.wait_minutes
        if time.monotonic() >= deadline:
            return 0
        time.sleep(_PAUSE)


def _average_named(places: Sequence[str], model_dir: Path, output_dir: Path) -> None:
    from t2t_mm.runs.checkpoints import find
    from t2t_mm.runs.stored import StoredCheckpoint
    from t2t_mm.runs.surgery.averaging import write_average

    paths = [find(place) for place in places]
    if not paths:
        raise UserError("--checkpoints is empty; name checkpoints, separated by commas.")
    step = max(int(StoredCheckpoint(path).state["step"]) for path in paths)
    _say(write_average(output_dir, model_dir, step, paths), paths)


def _average_all(values: flags.FlagValues, model_dir: Path, output_dir: Path) -> bool:
    """Writes what averages are missing; True if there was one."""
    from t2t_mm.runs.checkpoints import LATEST
    from t2t_mm.runs.surgery.averaging import steps, windows, write_average

    folder = model_dir / LATEST
    found = steps(folder, values.prefix, values.min_steps)
    if not found and not values.wait_minutes:
        raise CheckpointError(
            f"found no checkpoint {folder}/{values.prefix}N with N of {values.min_steps} or more; "
            "--model_dir names a run directory (--output_dir of a training run)."
        )
    wrote = False
    for step, window in windows(list(found), values.n).items():
        paths = [found[number] for number in window]
        try:
            path = write_average(output_dir, model_dir, step, paths, values.n)
        except CheckpointError as cause:  # a run in training removes its oldest ones
            if not values.wait_minutes or all(Path(f"{one}.index").is_file() for one in paths):
                raise
            print(f"left out: {cause}", file=sys.stderr, flush=True)
            continue
        if path and len(found) < values.n:
            print(f"{len(found)} checkpoints, fewer than --n={values.n}: one average of all.")
        wrote |= path is not None
        _say(path, paths)
    return wrote


def _say(path: str | None, paths: Sequence[str]) -> None:
    if path:
        print(f"{path}: the average of {', '.join(Path(one).name for one in paths)}", flush=True)


def _flags() -> flags.FlagValues:
    values = common_flags(COMMAND)
    define: dict[str, Any] = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_string("model_dir", None, "Run directory of the trained model.", **define)
    flags.DEFINE_string(
        "output_dir", None, "Run directory to write; default: <model_dir>/averaged.", **define
    )
    flags.DEFINE_integer("n", 8, "Checkpoints in an average.", **define)
    flags.DEFINE_integer("min_steps", 0, "Leave out checkpoints of fewer steps.", **define)
    flags.DEFINE_float(
        "wait_minutes", 0.0, "Go on until no new checkpoint has come for so long.", **define
    )
    flags.DEFINE_string("prefix", "model-", "What the checkpoints' names begin with.", **define)
    flags.DEFINE_string(
        "checkpoints", None, "Average these, separated by commas, instead of the last.", **define
    )
    return values


def run() -> None:
    """The console script."""
    sys.exit(exit_status(main))


if __name__ == "__main__":
    run()
