"""t2t-decoder: answers text, pictures, sounds or a split with a trained model."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from t2t_mm.bin import t2t_flags
from t2t_mm.bin.command_line import (
    common_flags,
    exit_status,
    parse,
    problems_flag,
    run_flags,
    trained_run,
)
from t2t_mm.errors import UserError

if TYPE_CHECKING:
    from t2t_mm.decoding.splits import Answered
    from t2t_mm.problem import Task
    from t2t_mm.runs.run_record import RunRecord

USAGE = """
usage: t2t-decoder --output_dir=DIR --problem=NAME --decode_from_file=FILE [flags]
       t2t-decoder --output_dir=DIR --problem=NAME --decode_split=dev [flags]
       t2t-decoder --output_dir=DIR --problem=NAME --score_file=FILE [flags]
       t2t-decoder --output_dir=DIR --decode_interactive [flags]

FILE holds one text per line. For a problem over pictures or sounds it is such a file, a folder of
them, several separated by commas, or a text file that lists them. Without --problem, a FILE that
ends in .tsv mixes problems: "problem<TAB>input" a line. - is standard input. Answers are written in
the order of the inputs to FILE.<model>.<hparams_set>.<problem>.<search>.decodes; after a kill the
same command goes on where it was. Model and hparams are read from DIR/run.json.

  t2t-decoder --output_dir=RUN --problem=translate_ende_shapes --decode_from_file=english.txt
  t2t-decoder --output_dir=RUN --problem=caption_shapes --decode_from_file=pictures/
  t2t-decoder --output_dir=RUN --input_problem=speech_shapes \\
      --target_problem=translate_ende_shapes --decode_from_file=spoken.wav
"""
COMMAND = "t2t-decoder"
_MODES = ("decode_from_file", "decode_split", "decode_interactive", "score_file")


def main(argv: Sequence[str]) -> int:
    """Parses the flags, decodes, writes.

    Args:
      argv: the arguments after the program's name.

    Returns:
      The exit status.
    """
    values = _flags()
    with _answers_alone_on_stdout(argv):
        if not parse(values, argv, USAGE, COMMAND):
            return 0
    _check(values)
    _check_hparams(trained_run(values), values)
    from t2t_mm.decoding.command import DecodeRequest, run_request

    flag_values: dict[str, Any] = {
        name: values[name].value for name in DecodeRequest.__dataclass_fields__
    }
    written = run_request(
        DecodeRequest(**flag_values),
        _figures,
    )
    if written is not None:
        _finish(values, written)
    return 0


def _finish(values: flags.FlagValues, written: Path) -> None:
    """Does what --decode_reference and --keep_timestamp ask for."""
    if values.decode_reference:
        from t2t_mm.bin import t2t_bleu

        t2t_bleu.main([f"--translation={written}", f"--reference={values.decode_reference}"])
    if values.keep_timestamp:
        from t2t_mm.runs.checkpoints import resolve_checkpoint

        folder = Path(values.output_dir).expanduser()
        index = Path(f"{resolve_checkpoint(folder, values.checkpoint_path)}.index")
        os.utime(written, (index.stat().st_atime, index.stat().st_mtime))


def _check_hparams(record: RunRecord, values: flags.FlagValues) -> None:
    """Refuses --hparams that are not the run's: Tensor2Tensor had to be told them again."""
    if not values.hparams:
        return
    own = record.bound_hparams()
    changed = own.override(values.hparams).differences(own)
    if changed:
        shown = "; ".join(f"{name}: {old}, not {new}" for name, (new, old) in changed.items())
        raise UserError(
            f"--hparams contradicts the run in {values.output_dir} ({shown}); leave --hparams out: "
            "they are read from the run. How to search is said by --decode_hparams."
        )


def _figures(task: Task, answers: list[Answered]) -> dict[str, float]:
    """A split's metrics by name."""
    from t2t_mm.evaluation.metrics import flatten, remarks_on
    from t2t_mm.evaluation.scoring import score

    found = score(task, answers)
    for remark in remarks_on(found):
        print(f"remark on {task.name}, {remark}.", file=sys.stderr)
    return flatten(found)


def _answers_alone_on_stdout(argv: Sequence[str]) -> contextlib.AbstractContextManager:
    """Redirects to standard error all but the answers, where the input is "-"."""
    if any(argument == "-" or argument.endswith("=-") for argument in argv):
        return contextlib.redirect_stdout(sys.stderr)
    return contextlib.nullcontext()


def _check(values: flags.FlagValues) -> None:
    """Refuses what contradicts itself, before anything is read."""
    if not values.output_dir:
        raise UserError("no model given; name the folder that t2t-trainer wrote in --output_dir.")
    if values.decode_from_dev:
        if values.decode_split not in (None, "dev"):
            raise UserError(f"--decode_from_dev contradicts --decode_split={values.decode_split}.")
        values["decode_split"].value = "dev"
    given = [f"--{name}" for name in _MODES if values[name].value]
    if len(given) != 1:
        raise UserError(
            f"{' and '.join(given)} contradict each other; give one of them."
            if given
            else f"say what to decode with one of {', '.join(f'--{name}' for name in _MODES)}."
        )
    if bool(values.input_problem) != bool(values.target_problem):
        raise UserError(
            "--input_problem and --target_problem go together: the one names what is read, the "
            "other what is written."
        )
    if values.input_problem and values.problems:
        raise UserError(
            "--problem contradicts --input_problem and --target_problem; give the one or the two."
        )
    if values.num_samples is not None and values.num_samples < 1:
        raise UserError(f"--num_samples must be 1 or more, got {values.num_samples}.")
    for name in ("decode_reference", "keep_timestamp"):
        if values[name].value and not values.decode_from_file:
            raise UserError(f"--{name} goes with --decode_from_file, whose answers are a file.")
    for name in ("decode_to_file", "num_samples"):
        if values.decode_interactive and values[name].value is not None:
            raise UserError(
                f"--decode_interactive answers each line on the terminal; leave --{name} out."
            )


def _flags() -> flags.FlagValues:
    values = common_flags(COMMAND)
    problems_flag(values, COMMAND)
    run_flags(values, COMMAND)
    define: dict[str, Any] = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_string("decode_from_file", None, "What to answer; see above.", **define)
    flags.DEFINE_string(
        "decode_to_file",
        None,
        "Where the answers go; with --decode_split the beginning of three files' names.",
        **define,
    )
    flags.DEFINE_enum(
        "decode_split",
        None,
        ["dev", "test", "train"],
        "Answer these generated examples; writes .inputs, .targets and .decodes.",
        **define,
    )
    flags.DEFINE_bool("decode_from_dev", False, "The same as --decode_split=dev.", **define)
    flags.DEFINE_bool(
        "decode_interactive", False, "Answer what is typed; h tells what can be.", **define
    )
    flags.DEFINE_string(
        "score_file",
        None,
        "Lines input<TAB>target: writes the log-probability of each target, nothing is searched.",
        **define,
    )
    flags.DEFINE_string(
        "decode_hparams",
        "",
        "How to search, e.g. beam_size=4,alpha=0.6,return_beams=True; see docs/decoding.md.",
        **define,
    )
    flags.DEFINE_string(
        "input_problem", None, "Zero-shot: the problem whose kind of inputs is read.", **define
    )
    flags.DEFINE_string(
        "target_problem",
        None,
        "Zero-shot: the problem whose command and kind of targets is written.",
        **define,
    )
    flags.DEFINE_string(
        "command", None, "Another command of the model than the problem's own.", **define
    )
    flags.DEFINE_integer(
        "num_samples",
        None,
        "Decode at most N inputs: the first of a file; of a split, spread over the lengths.",
        **define,
    )
    flags.DEFINE_string(
        "decode_reference", None, "Then score the answers against this file, by BLEU.", **define
    )
    flags.DEFINE_bool(
        "keep_timestamp", False, "Give the answers' file the time of the checkpoint.", **define
    )
    flags.DEFINE_string(
        "hparams", None, "Not needed; an error if the run has other ones.", **define
    )
    t2t_flags.define(values, COMMAND)
    return values


def run() -> None:
    """The console script."""
    sys.exit(exit_status(main))


if __name__ == "__main__":
    run()
