"""t2t-trainer: trains one model on all of the named problems, or goes on with such a run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from t2t_mm.bin import t2t_flags, trainer_schedules
from t2t_mm.bin.command_line import (
    access,
    common_flags,
    exit_status,
    parse,
    problems_flag,
    source_flags,
)
from t2t_mm.errors import UserError

USAGE = """
usage: t2t-trainer --problems=NAME[,NAME...] [--model=multi_model] [--hparams_set=NAME] [flags]

Trains ONE model on all of the problems. The same command goes on with a run that was stopped; so
does --output_dir alone (and --data_dir), which reads the rest from the run directory.

  t2t-trainer --problems=shapes8 --model=multi_model --hparams_set=multimodel_tiny --generate_data
"""
COMMAND = "t2t-trainer"


def main(argv: Sequence[str]) -> int:
    """Parses the flags and calls `t2t_mm.train`.

    Args:
      argv: the arguments after the program's name.

    Returns:
      The exit status.
    """
    values = _flags()
    if not parse(values, argv, USAGE, COMMAND):
        return 0
    return trainer_schedules.run(values, _train)


def _train(values: flags.FlagValues) -> None:
    """Trains, or evaluates, as the flags say."""
    import t2t_mm
    from t2t_mm.training.machine import Machine

    t2t_mm.train(
        **{
            name: getattr(values, name)
            for name in (
                "problems",
                "model",
                "hparams_set",
                "hparams",
                "data_dir",
                "output_dir",
                "train_steps",
                "eval_steps",
                "local_eval_frequency",
                "keep_checkpoint_max",
                "generate_data",
                "tmp_dir",
                "random_seed",
                "warm_start_from",
                "schedule",
                "save_checkpoints_secs",
                "keep_checkpoint_every_n_hours",
                "log_step_count_steps",
            )
        }
        | {
            "access": access(values),
            "machine": Machine(
                values.worker_gpu,
                values.inter_op_parallelism_threads,
                values.intra_op_parallelism_threads,
                values.log_device_placement,
            ),
        }
        | _names_of_run(values),
    )


def _names_of_run(values: flags.FlagValues) -> dict[str, Any]:
    """Without --problems: what run.json says, as far as no flag says otherwise.

    Raises:
      UserError: if there is no run to go on with.
    """
    if values.problems:
        return {}
    from t2t_mm.runs.run_record import FILE

    if not values.output_dir or not (Path(values.output_dir).expanduser() / FILE).is_file():
        raise UserError(
            "no problem given; name at least one in --problems "
            "(--registry_help=problems lists them), or in --output_dir a run to go on with."
        )
    from t2t_mm.training.continuation import arguments

    found = arguments(values.output_dir)
    if values["hparams"].present:
        found["hparams"] = ",".join(filter(None, (found["hparams"], values.hparams)))
    given = {name for name in found if name != "hparams" and values[name].present}
    return {name: value for name, value in found.items() if name not in given}


def _flags() -> flags.FlagValues:
    values = common_flags(COMMAND)
    problems_flag(values, COMMAND)
    source_flags(values, COMMAND)
    define: dict[str, Any] = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_string("model", "multi_model", "Registered name of the model.", **define)
    flags.DEFINE_string("hparams_set", "multimodel_base", "Registered hparams set.", **define)
    flags.DEFINE_string("hparams", "", "Changes to the set: name=value,name=value.", **define)
    flags.DEFINE_string(
        "output_dir",
        None,
        "Run directory; default: ~/t2t_train/<problems>/<model>-<hparams_set>.",
        **define,
    )
    flags.DEFINE_integer(
        "train_steps", None, "Steps in all; default: the hparam train_steps.", **define
    )
    flags.DEFINE_integer(
        "eval_steps", 10, "Batches per problem and evaluation; 0: no evaluation.", **define
    )
    flags.DEFINE_integer(
        "local_eval_frequency", 1000, "Steps between evaluations and checkpoints.", **define
    )
    flags.DEFINE_integer("keep_checkpoint_max", 5, "Checkpoints kept; 0 keeps all.", **define)
    flags.DEFINE_bool("generate_data", False, "First generate what data are missing.", **define)
    flags.DEFINE_integer("random_seed", 0, "Seed of everything random.", **define)
    flags.DEFINE_string(
        "warm_start_from",
        None,
        "Run directory or checkpoint: begin with its weights, where name and shape match.",
        **define,
    )
    flags.DEFINE_enum(
        "schedule",
        "continuous_train_and_eval",
        trainer_schedules.SCHEDULES,
        "What to do; see docs/from_t2t.md.",
        **define,
    )
    flags.DEFINE_float(
        "save_checkpoints_secs",
        0.0,
        "Seconds between two checkpoints at most; 0: those of evaluations alone.",
        **define,
    )
    flags.DEFINE_float(
        "keep_checkpoint_every_n_hours",
        None,
        "Keep one checkpoint for good each time that so many hours have gone by.",
        **define,
    )
    flags.DEFINE_integer(
        "log_step_count_steps", 100, "Steps of a problem between two train lines.", **define
    )
    flags.DEFINE_integer(
        "worker_gpu", None, "Use the first N visible GPUs; default: all; 0: none.", **define
    )
    for name in ("inter_op", "intra_op"):
        flags.DEFINE_integer(
            f"{name}_parallelism_threads", 0, "Threads; 0: TensorFlow's choice.", **define
        )
    flags.DEFINE_bool("log_device_placement", False, "Print where operations run.", **define)
    flags.DEFINE_float(
        "eval_timeout_mins",
        240.0,
        "Schedules that follow a run: minutes to wait for a checkpoint; -1: for ever.",
        **define,
    )
    for name in trainer_schedules.DECODING:
        flags.DEFINE_string(name, None, "Schedules that decode: as of t2t-decoder.", **define)
    t2t_flags.define(values, COMMAND)
    return values


def run() -> None:
    """The console script."""
    sys.exit(exit_status(main))


if __name__ == "__main__":
    run()
