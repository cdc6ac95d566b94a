"""t2t-decoder: answers a file, pictures, sounds or a split with a trained model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from t2t_mm.bin.command_line import common_flags, exit_status, parse, problems_flag
from t2t_mm.errors import UserError

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel

USAGE = """
usage: t2t-decoder --output_dir=DIR --problem=NAME --decode_from_file=FILE [flags]
       t2t-decoder --output_dir=DIR --problem=NAME --decode_split=dev [flags]

FILE holds one text a line; for a problem over pictures or sounds it is such a file, several
separated by commas, or a text file that lists them. Answers are written in the same order to
FILE.<model>.<hparams_set>.<problem>.decodes. Model and hparams are read from DIR/run.json.

  t2t-decoder --output_dir=RUN --problem=translate_ende_shapes --decode_from_file=english.txt
  t2t-decoder --output_dir=RUN --problem=caption_shapes --decode_from_file=picture.png
"""
COMMAND = "t2t-decoder"
Load = Callable[[], "LoadedModel"]
_SHOWN = 10  # answers printed


def main(argv: Sequence[str]) -> int:
    """Parses the flags, decodes, writes.

    Args:
      argv: the arguments after the program's name.

    Returns:
      The exit status.
    """
    values = _flags()
    if not parse(values, argv, USAGE):
        return 0
    if values.decode_from_dev:
        values.decode_split = values.decode_split or "dev"
    _check(values)
    from t2t_mm.decoding.model_loading import load
    from t2t_mm.decoding.run_flags import check_run, one_problem

    record = check_run(values.output_dir, values.model, values.hparams_set)
    problem = one_problem(values.problems, record.tasks)
    decode = _decode_split if values.decode_split else _decode_file
    decode(values, problem, lambda: load(values.output_dir, values.checkpoint_path))
    return 0


def _check(values: flags.FlagValues) -> None:
    if not values.output_dir:
        raise UserError("no model given; name the folder that t2t-trainer wrote in --output_dir.")
    if bool(values.decode_from_file) == bool(values.decode_split):
        raise UserError(
            "give either --decode_from_file=FILE or --decode_split=dev|test, to say what to decode."
        )
    if values.num_samples is not None and values.num_samples < 1:
        raise UserError(f"--num_samples must be 1 or more, got {values.num_samples}.")


def _decode_file(values: flags.FlagValues, problem: str, load: Load) -> None:
    from t2t_mm.decoding.api import decode
    from t2t_mm.decoding.inputs import read_inputs
    from t2t_mm.decoding.output_files import check_writable, decodes_path, write_decodes
    from t2t_mm.decoding.progress import Counter
    from t2t_mm.problem import Task
    from t2t_mm.runs.run_record import RunRecord

    record = RunRecord.read(values.output_dir)
    inputs = read_inputs(Task.from_dict(record.tasks[problem]), values.decode_from_file)
    inputs = inputs[: values.num_samples]
    path = decodes_path(values.decode_from_file, record, problem)
    if values.decode_to_file:
        path = Path(values.decode_to_file).expanduser()
    check_writable(path)
    loaded = load()
    with Counter(len(inputs)) as counter:
        decoded = decode(
            loaded, problem, [raw for raw, _ in inputs], [place for _, place in inputs], counter.add
        )
    write_decodes(path, decoded)
    for (raw, _), one in list(zip(inputs, decoded, strict=True))[:_SHOWN]:
        print(f"{raw}\n  -> {one.output}   (log-probability {one.score:.2f})")
    print(f"wrote {len(decoded)} answers to {path}")


def _decode_split(values: flags.FlagValues, problem: str, load: Load) -> None:
    from t2t_mm.decoding.output_files import check_writable, suffix, write_split
    from t2t_mm.decoding.progress import Counter
    from t2t_mm.decoding.scoring import DecodedEvaluation
    from t2t_mm.decoding.splits import check_data

    loaded = load()
    task, split = loaded.tasks[problem], values.decode_split
    base = Path(values.output_dir) / f"{split}.{suffix(loaded.record, problem)}"
    base = Path(values.decode_to_file or base).expanduser()
    check_writable(base.with_name(base.name + ".decodes"))
    check_data(task, split, values.data_dir, loaded.vocabularies)
    evaluation = DecodedEvaluation(
        loaded.model, loaded.hparams, loaded.vocabularies, values.data_dir
    )
    with Counter(None) as counter:
        scored = evaluation(task, split, values.num_samples, counter.add)
    for path in write_split(base, scored.answers):
        print(f"wrote {path}")
    for sample in scored.samples(_SHOWN):
        print("\n".join(f"{side:<7}{text}" for side, text in sample.items()) + "\n")
    figures = ", ".join(f"{name} {value:.4g}" for name, value in scored.metrics.items())
    print(f"{problem}, {split}, {len(scored.answers)} examples: {figures}")


def _flags() -> flags.FlagValues:
    values = common_flags(COMMAND)
    problems_flag(values, COMMAND)
    define = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_string("output_dir", None, "Run directory of the trained model.", **define)
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
    flags.DEFINE_integer(
        "num_samples",
        None,
        "Decode at most so many inputs: the first of a file; of a split, spread over the lengths.",
        **define,
    )
    flags.DEFINE_string(
        "checkpoint_path", "latest", "latest, best, or a checkpoint's path.", **define
    )
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
