"""t2t-datagen: makes the data of problems, or verifies them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from t2t_mm.bin import command_line, problem_list, t2t_flags
from t2t_mm.data.generation.runners import LOCAL, RUNNERS
from t2t_mm.errors import DataError, UserError
from t2t_mm.lookup import find_problems, problem_names
from t2t_mm.problem import Problem

USAGE = """
t2t-datagen --problems=NAME[,NAME...] [--data_dir=DIR] [--tmp_dir=DIR] [flags]
t2t-datagen --list[=PREFIX or MIXTURE] [--format=text|markdown]

Makes the vocabularies and the TFRecord shards of problems. A run that was stopped goes on where
it stopped when it is started again; data that are complete are left alone.
"""
_PROGRAM = "t2t-datagen"
_SHOWN = 20  # damaged files named in the error


def _flags() -> flags.FlagValues:
    values = command_line.common_flags(_PROGRAM)
    command_line.problems_flag(values, _PROGRAM)
    define: dict[str, Any] = {"flag_values": values, "module_name": _PROGRAM}
    flags.DEFINE_integer(
        "random_seed", None, "Seed of the generators; 0 for new data.", lower_bound=0, **define
    )
    flags.DEFINE_integer(
        "num_workers",
        None,
        "Processes; one a processor if not given. The data do not depend on it. With another "
        "--runner: the least number of work items of a split.",
        lower_bound=1,
        **define,
    )
    flags.DEFINE_integer(
        "num_shards",
        None,
        "Files of the training split; as each problem says if not given.",
        lower_bound=1,
        **define,
    )
    flags.DEFINE_string(
        "shared_vocab",
        None,
        "NAME:SIZE, one vocabulary built over all of --problems, used for all of their text.",
        **define,
    )
    command_line.source_flags(values, _PROGRAM)
    flags.DEFINE_enum(
        "runner",
        LOCAL,
        RUNNERS,
        "Where shards are made: on this machine, or by Apache Beam (pip install 't2t_mm[beam]'), "
        "all of whose workers must see --data_dir and --tmp_dir under these paths.",
        **define,
    )
    flags.DEFINE_string(
        "beam_pipeline_options",
        None,
        "Options of --runner, separated by commas, e.g. project=P,region=R.",
        **define,
    )
    flags.DEFINE_string(
        "list",
        None,
        "Print problems, their size, licence and source, and whether they are ready here; "
        "=PREFIX or =MIXTURE narrows it.",
        **define,
    )
    flags.DEFINE_enum("format", "text", problem_list.FORMATS, "Of --list.", **define)
    flags.DEFINE_bool("verify", False, "Make nothing: recheck every byte of the data.", **define)
    flags.DEFINE_bool(
        "overwrite",
        False,
        "Make the data again, also over some that were made otherwise.",
        **define,
    )
    flags.DEFINE_bool(
        "skip_broken",
        False,
        "Leave out, count and name broken examples instead of stopping.",
        **define,
    )
    flags.DEFINE_integer(
        "max_cases",
        None,
        "Make the first N examples of each split alone; 0: all.",
        lower_bound=0,
        **define,
    )
    flags.DEFINE_string(
        "exclude_problems", None, "Leave out problems whose names hold one of these.", **define
    )
    flags.DEFINE_bool("only_list", False, "Print the names of the problems; make none.", **define)
    t2t_flags.define(values, _PROGRAM)
    return values


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
      argv: the arguments after the program's name.

    Returns:
      The exit status.

    Raises:
      UserError: for the user's mistakes.
    """
    values = _flags()
    if not command_line.parse(values, argv, USAGE, _PROGRAM):
        return 0
    if values.list is not None:
        print(_list(values))
        return 0
    if not values.problems:
        raise UserError(
            "no problem given; name at least one in --problems. Known: "
            f"{', '.join(problem_names())}."
        )
    problems = _wanted(values)
    if values.only_list:
        print("\n".join(problem.name for problem in problems))
        return 0
    return _verify(problems, values) if values.verify else _generate(problems, values)


def _wanted(values: flags.FlagValues) -> list[Problem]:
    """The problems that --problems names, but for those with a part of --exclude_problems."""
    parts = command_line.comma_separated(values.exclude_problems)
    found = find_problems(values.problems)
    wanted = [problem for problem in found if not any(part in problem.name for part in parts)]
    if not wanted:
        raise UserError(
            f"--exclude_problems={values.exclude_problems} leaves nothing of "
            f"--problems={values.problems}."
        )
    return wanted


def _list(values: flags.FlagValues) -> str:
    return problem_list.problem_list(
        values.list,
        values.format,
        Path(values.data_dir).expanduser(),
        Path(command_line.tmp_dir(values)).expanduser(),
        command_line.access(values),
    )


def _generate(problems: list[Problem], values: flags.FlagValues) -> int:
    from t2t_mm.data.generation.api import generate
    from t2t_mm.data.generation.progress import report
    from t2t_mm.data.generation.runners.beam import parse_options

    if values.beam_pipeline_options and values.runner == LOCAL:
        raise UserError(
            "--beam_pipeline_options needs a --runner of Apache Beam, e.g. DirectRunner."
        )
    start = time.monotonic()
    rows = generate(
        problems,
        values.data_dir,
        values.tmp_dir,
        seed=values.random_seed,
        num_workers=values.num_workers,
        num_shards=values.num_shards,
        shared_vocab=values.shared_vocab,
        overwrite=values.overwrite,
        skip_broken=values.skip_broken,
        max_cases=values.max_cases,
        access=command_line.access(values),
        runner=values.runner,
        beam_options=parse_options(values.beam_pipeline_options),
    )
    print(report(rows))
    print(f"complete in {values.data_dir} after {time.monotonic() - start:.1f} s")
    return 0


def _verify(problems: list[Problem], values: flags.FlagValues) -> int:
    from t2t_mm.data.generation.verification import verify

    damages = verify(problems, values.data_dir)
    if damages:
        names = ",".join(problem.name for problem in problems)
        shown = ", ".join(map(str, damages[:_SHOWN]))
        more = f" and {len(damages) - _SHOWN} more" if len(damages) > _SHOWN else ""
        raise DataError(
            f"the data in {values.data_dir} are not what t2t-datagen wrote: {shown}{more}; delete "
            f"what is damaged and run `t2t-datagen --problems={names} "
            f"--data_dir={values.data_dir}`, which makes what is missing."
        )
    print(f"verified: {', '.join(problem.name for problem in problems)} in {values.data_dir}")
    return 0


def run() -> None:
    """The console script."""
    sys.exit(command_line.exit_status(main))


if __name__ == "__main__":
    run()
