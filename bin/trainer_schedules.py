"""t2t-trainer --schedule: Tensor2Tensor's, of which some are handed to other commands here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from absl import flags

from t2t_mm.bin.t2t_mapping import set_flag
from t2t_mm.errors import UserError
from t2t_mm.training.settings import SCHEDULES as TRAINING

Train = Callable[[flags.FlagValues], None]

# The flags of t2t-decoder that schedules that decode hand on.
DECODING = ("decode_hparams", "decode_from_file", "decode_to_file", "decode_reference")

_EVAL = {"continuous_eval": "dev", "continuous_eval_on_train_data": "train"}
_DECODE_SPLIT = {
    "decode": "dev",
    "continuous_decode": "dev",
    "continuous_decode_on_eval_data": "dev",
    "continuous_decode_on_train_data": "train",
}
_FROM_FILE = "continuous_decode_from_file"
_SERVER = "run_std_server"
_AND_DECODE = "train_eval_and_decode"
_TEST, _LOCAL = "test", "local_run"

SCHEDULES = (*TRAINING, _AND_DECODE, _TEST, _LOCAL, *_EVAL, *_DECODE_SPLIT, _FROM_FILE, _SERVER)


def run(values: flags.FlagValues, train: Train) -> int:
    """Does what --schedule says.

    Args:
      values: t2t-trainer's flags.
      train: trains or evaluates as they say.

    Returns:
      The exit status.

    Raises:
      UserError: for a schedule that needs several machines, or decoding flags that nothing reads.
    """
    schedule = values.schedule
    if schedule == _SERVER:
        raise UserError(
            f"--schedule={_SERVER} serves a cluster's variables, and one machine trains here, with "
            "all of its GPUs; start one t2t-trainer without it."
        )
    decodes = schedule in _DECODE_SPLIT or schedule in (_FROM_FILE, _AND_DECODE)
    unread = [f"--{name}" for name in DECODING if values[name].present and not decodes]
    if unread:
        raise UserError(
            f"{', '.join(unread)}: --schedule={schedule} does not decode; give it to t2t-decoder, "
            f"or --schedule={_AND_DECODE}."
        )
    if schedule in _EVAL:
        return _evaluate(values, _EVAL[schedule])
    if schedule in _DECODE_SPLIT or schedule == _FROM_FILE:
        return _decode(values)
    if schedule == _TEST:  # one step and one batch, to see that all fits
        set_flag(values, "train_steps", 1)
        set_flag(values, "eval_steps", 1)
    values["schedule"].value = schedule if schedule in TRAINING else "train_and_evaluate"
    train(values)
    if schedule == _AND_DECODE:
        values["schedule"].value = "decode"
        return _decode(values)
    return 0


def _run_flags(values: flags.FlagValues) -> list[str]:
    """The flags that name the run, for another command."""
    from t2t_mm.training.settings import default_output_dir

    folder = values.output_dir
    if not folder and values.problems:
        folder = default_output_dir(values.problems, values.model, values.hparams_set)
    found = [f"--data_dir={values.data_dir}"]
    if folder:
        found.append(f"--output_dir={folder}")
    if values.problems:
        found.append(f"--problems={values.problems}")
    for name in ("model", "hparams_set"):
        if values[name].present:
            found.append(f"--{name}={values[name].value}")
    return found


def _evaluate(values: flags.FlagValues, split: str) -> int:
    from t2t_mm.bin import t2t_eval

    return t2t_eval.main(
        [
            *_run_flags(values),
            "--schedule=continuous_eval",
            f"--split={split}",
            f"--eval_steps={values.eval_steps}",
            f"--eval_timeout_mins={values.eval_timeout_mins}",
        ]
    )


def _decode(values: flags.FlagValues) -> int:
    from t2t_mm.bin import t2t_decoder

    argv = [*_run_flags(values), *_what_to_decode(values)]
    if values.decode_hparams:
        argv.append(f"--decode_hparams={values.decode_hparams}")
    if values.schedule == "decode":
        target = [f"--decode_to_file={values.decode_to_file}"] if values.decode_to_file else []
        return t2t_decoder.main([*argv, *target])
    from t2t_mm.evaluation.checkpoint_series import new_checkpoints
    from t2t_mm.runs.checkpoints import step_of

    folder = next(f.partition("=")[2] for f in argv if f.startswith("--output_dir="))
    minutes = values.eval_timeout_mins
    for checkpoint in new_checkpoints(folder, None if minutes < 0 else 60 * minutes):
        step = step_of(checkpoint)
        base = values.decode_to_file or str(Path(folder).expanduser() / "decodes")
        more = [f"--checkpoint_path={checkpoint}", f"--decode_to_file={base}-{step}"]
        t2t_decoder.main([*argv, *more])
    return 0


def _what_to_decode(values: flags.FlagValues) -> list[str]:
    if values.schedule == _FROM_FILE and not values.decode_from_file:
        raise UserError(f"--schedule={_FROM_FILE} needs --decode_from_file=FILE.")
    if not values.decode_from_file:
        return [f"--decode_split={_DECODE_SPLIT[values.schedule]}"]
    found = [f"--decode_from_file={values.decode_from_file}"]
    if values.decode_reference:
        found.append(f"--decode_reference={values.decode_reference}")
    return found
