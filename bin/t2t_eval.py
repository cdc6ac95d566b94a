"""t2t-eval: how well a trained model does its problems, beside trivial baselines."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

from t2t_mm.bin.command_line import common_flags, exit_status, parse, problems_flag
from t2t_mm.errors import UserError

USAGE = """
usage: t2t-eval --output_dir=DIR [--problems=NAME[,NAME...]] [--split=dev|test] [flags]

Decodes a split of every problem of a trained model and prints its metrics, those of teacher
forcing, and those of trivial baselines. The figures are appended to DIR/eval.jsonl too.

  t2t-eval --output_dir=~/t2t_train/shapes8/multi_model-multimodel_tiny --split=test
"""
COMMAND = "t2t-eval"


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
    if not values.output_dir:
        raise UserError("no model given; name the folder that t2t-trainer wrote in --output_dir.")
    if values.eval_steps < 0:
        raise UserError(f"--eval_steps must be 0 or more, got {values.eval_steps}.")
    from t2t_mm.decoding.evaluate import evaluate
    from t2t_mm.decoding.model_loading import load
    from t2t_mm.decoding.report import append, report_table
    from t2t_mm.decoding.run_flags import check_run, problem_list

    check_run(values.output_dir, values.model, values.hparams_set)
    loaded = load(values.output_dir, values.checkpoint)
    reports = evaluate(
        loaded,
        values.data_dir,
        problem_list(values.problems, loaded.tasks),
        values.split,
        values.eval_steps or None,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(f"{loaded.checkpoint}, step {loaded.step}, split {values.split}:\n")
    print(report_table(reports))
    path = append(values.output_dir, loaded.checkpoint, loaded.step, reports)
    print(f"appended to {path}")
    return 0


def _flags() -> flags.FlagValues:
    values = common_flags(COMMAND)
    problems_flag(values, COMMAND)
    define = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_string("output_dir", None, "Run directory of the trained model.", **define)
    flags.DEFINE_enum("split", "dev", ["dev", "test", "train"], "Which examples.", **define)
    flags.DEFINE_integer(
        "eval_steps", 0, "Batches per problem at most; 0: the whole split.", **define
    )
    flags.DEFINE_string("checkpoint", "latest", "latest, best, or a checkpoint's path.", **define)
    flags.DEFINE_alias("checkpoint_path", "checkpoint", flag_values=values, module_name=COMMAND)
    flags.DEFINE_string("model", None, "Not needed; an error if the run has another.", **define)
    flags.DEFINE_string(
        "hparams_set", None, "Not needed; an error if the run has another.", **define
    )
    return values


def run() -> None:
    """The console script."""
    sys.exit(exit_status(main))


if __name__ == "__main__":
    run()
