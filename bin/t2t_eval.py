"""t2t-eval: how well a trained model does its problems, beside trivial baselines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from t2t_mm.bin.command_line import (
    comma_separated,
    common_flags,
    exit_status,
    parse,
    problems_flag,
    run_flags,
    trained_run,
)
from t2t_mm.errors import CheckpointError, UserError

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel
    from t2t_mm.evaluation.evaluate import Evaluator, ProblemReport

USAGE = """
usage: t2t-eval --output_dir=DIR [--problems=NAME[,NAME...]] [--split=dev|test] [flags]
       t2t-eval --output_dir=DIR --eval_all [flags]
       t2t-eval --output_dir=DIR --schedule=continuous_eval [flags]

Decodes a split of every problem of a trained model and prints its metrics with 95 % confidence
intervals, those of teacher forcing, and those of trivial baselines. The figures are appended to
DIR/eval.jsonl and written to DIR/tb/eval_SPLIT for TensorBoard. What each metric is:
docs/metrics.md. Answers are searched for with a beam of 4 and alpha 0.6 unless --decode_hparams
says otherwise.

  t2t-eval --output_dir=~/t2t_train/shapes8/multi_model-multimodel_tiny --split=test
  t2t-eval --output_dir=RUN --decode_hparams=beam_size=1 --metrics=chrf,ter
"""
COMMAND = "t2t-eval"
EVALUATE, CONTINUOUS = "evaluate", "continuous_eval"


def main(argv: Sequence[str]) -> int:
    """Parses the flags, evaluates, prints.

    Args:
      argv: the arguments after the program's name.

    Returns:
      The exit status.
    """
    values = _flags()
    if not parse(values, argv, USAGE):
        return 0
    record = trained_run(values)
    _check(values)
    from t2t_mm.decoding.model_loading import load
    from t2t_mm.decoding.run_flags import problem_list
    from t2t_mm.decoding.settings import DecodeSettings
    from t2t_mm.evaluation.evaluate import Evaluator

    problems = problem_list(values.problems, record.tasks)
    settings = DecodeSettings().override(values.decode_hparams)
    several = values.eval_all or values.schedule == CONTINUOUS
    checkpoints = iter(_checkpoints(values) if several else [values.checkpoint_path])
    first = next(checkpoints, None)
    if first is None:
        raise CheckpointError(
            f"no checkpoint came in {values.output_dir} within --eval_timeout_mins="
            f"{values.eval_timeout_mins:g} minutes; is it being trained?"
        )
    loaded = load(values.output_dir, first)
    evaluator = Evaluator(
        loaded,
        values.data_dir,
        problems,
        values.split,
        values.eval_steps or None,
        settings,
        comma_separated(values.metrics),
        values.bootstrap_resamples,
    )
    _evaluate_series(values, loaded, evaluator, checkpoints)
    return 0


def _check(values: flags.FlagValues) -> None:
    for name in ("eval_steps", "bootstrap_resamples"):
        number = getattr(values, name)
        if number < 0:
            raise UserError(f"--{name} must be 0 or more, got {number}.")
    if values.eval_use_test_set:
        if values["split"].present and values.split != "test":
            raise UserError(f"--eval_use_test_set contradicts --split={values.split}.")
        values["split"].value = "test"
    if values.eval_all or values.schedule == CONTINUOUS:
        several = "--eval_all" if values.eval_all else f"--schedule={CONTINUOUS}"
        if values.eval_all and values.schedule == CONTINUOUS:
            raise UserError(f"give --eval_all or --schedule={CONTINUOUS}, not both.")
        if values["checkpoint_path"].present:
            raise UserError(f"{several} chooses the checkpoints; leave --checkpoint_path out.")
    from t2t_mm.evaluation.metrics import find_metric

    for name in comma_separated(values.metrics):
        find_metric(name, "--metrics")


def _checkpoints(values: flags.FlagValues) -> Iterable[str]:
    from t2t_mm.evaluation.checkpoint_series import new_checkpoints, saved_checkpoints

    if values.eval_all:
        return saved_checkpoints(values.output_dir)
    minutes = values.eval_timeout_mins
    return new_checkpoints(values.output_dir, None if minutes < 0 else 60 * minutes)


def _evaluate_series(
    values: flags.FlagValues, loaded: LoadedModel, evaluator: Evaluator, further: Iterable[str]
) -> None:
    """Evaluates the loaded checkpoint, then the further ones, with the same model."""
    from t2t_mm.evaluation.checkpoint_series import restore
    from t2t_mm.evaluation.report import series_table
    from t2t_mm.runs.checkpoints import step_of

    series = {loaded.step: _evaluate(values, evaluator, loaded.checkpoint, loaded.step)}
    for checkpoint in further:
        try:
            restore(loaded, checkpoint)
        except CheckpointError as cause:  # a run in training removes its oldest ones
            print(f"left out: {cause}", file=sys.stderr, flush=True)
            continue
        step = step_of(checkpoint)
        series[step] = _evaluate(values, evaluator, checkpoint, step)
    if len(series) > 1:
        print(f"\n{len(series)} checkpoints:\n\n{series_table(series)}")


def _evaluate(
    values: flags.FlagValues, evaluator: Evaluator, checkpoint: str, step: int
) -> list[ProblemReport]:
    from t2t_mm.evaluation.report import append, report_table, scalars
    from t2t_mm.evaluation.tensorboard_events import write_scalars

    reports = evaluator(lambda line: print(line, file=sys.stderr, flush=True))
    print(f"{checkpoint}, step {step}, split {values.split}:\n")
    print(report_table(reports))
    path = append(values.output_dir, checkpoint, step, reports)
    events = Path(values.output_dir).expanduser() / "tb" / f"eval_{values.split}"
    write_scalars(events, max(step, 0), scalars(reports))
    print(f"appended to {path}", flush=True)
    return reports


def _flags() -> flags.FlagValues:
    values = common_flags(COMMAND)
    problems_flag(values, COMMAND)
    run_flags(values, COMMAND)
    define: dict[str, Any] = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_enum("split", "dev", ["dev", "test", "train"], "Which examples.", **define)
    flags.DEFINE_bool("eval_use_test_set", False, "The same as --split=test.", **define)
    flags.DEFINE_integer(
        "eval_steps", 0, "Batches per problem at most; 0: the whole split.", **define
    )
    flags.DEFINE_string(
        "decode_hparams", "", "How to search, e.g. beam_size=4,alpha=0.6.", **define
    )
    flags.DEFINE_string(
        "metrics",
        None,
        "Further metrics of decoded outputs, such as chrf,ter,cer; see docs/metrics.md.",
        **define,
    )
    flags.DEFINE_integer(
        "bootstrap_resamples", 1000, "Of the confidence intervals; 0: none.", **define
    )
    flags.DEFINE_enum(
        "schedule",
        EVALUATE,
        [EVALUATE, CONTINUOUS],
        "evaluate: what is there; continuous_eval: each new checkpoint, until the run's last step.",
        **define,
    )
    flags.DEFINE_bool(
        "eval_all", False, "Every checkpoint in checkpoints/, one after another.", **define
    )
    flags.DEFINE_float(
        "eval_timeout_mins",
        240.0,
        "continuous_eval: minutes to wait for a new checkpoint; -1: for ever.",
        **define,
    )
    return values


def run() -> None:
    """The console script."""
    sys.exit(exit_status(main))


if __name__ == "__main__":
    run()
