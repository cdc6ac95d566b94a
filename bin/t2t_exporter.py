"""t2t-exporter: writes a trained model as a SavedModel that needs no t2t_mm."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from t2t_mm.bin.command_line import (
    DATA_DIR,
    common_flags,
    exit_status,
    parse,
    problems_flag,
    run_flags,
    trained_run,
)
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import UserError

USAGE = """
usage: t2t-exporter --output_dir=DIR [--export_dir=DIR] [--problems=NAME[,NAME...]] [flags]

Writes DIR/export/VERSION/, a SavedModel with a signature for each problem: text, or the bytes of
PNG, JPEG, GIF, BMP or WAV files in; text, trees or labels and their scores out. Tokenizer,
preprocessing and search are inside. It loads with tensorflow and tensorflow-text alone, and a
server of TensorFlow Serving's layout (t2t-query-server) picks the newest version. See
docs/export.md.

  t2t-exporter --output_dir=RUN
  t2t-exporter --output_dir=RUN --problems=translate_ende_shapes --weights=int8 --eval_examples=500
"""
COMMAND = "t2t-exporter"
_WEIGHTS = ["float32", "float16", "int8"]


def main(argv: Sequence[str]) -> int:
    """Parses the flags, exports, prints.

    Args:
      argv: the arguments after the program's name.

    Returns:
      The exit status.
    """
    values = _flags()
    if not parse(values, argv, USAGE):
        return 0
    record = trained_run(values)
    if values.eval_examples < 0:
        raise UserError(f"--eval_examples must be 0 or more, got {values.eval_examples}.")
    DecodeSettings().override(values.decode_hparams)  # before what takes long
    from t2t_mm.decoding.run_flags import problem_list
    from t2t_mm.serving.export.api import export

    export(
        values.output_dir,
        values.export_dir,
        problem_list(values.problems, record.tasks),
        values.checkpoint_path,
        values.decode_hparams,
        values.weights,
        _data_dir(values),
        values.eval_examples,
    )
    return 0


def _data_dir(values: flags.FlagValues) -> str | None:
    """The default folder only if it exists: data are not needed, but for examples to try."""
    if values.data_dir == DATA_DIR and not Path(DATA_DIR).expanduser().is_dir():
        return None
    return values.data_dir


def _flags() -> flags.FlagValues:
    values = common_flags(COMMAND)
    problems_flag(values, COMMAND)
    run_flags(values, COMMAND)
    define: dict[str, Any] = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_string(
        "export_dir", None, "Folder of the versions; default: export/ in --output_dir.", **define
    )
    flags.DEFINE_string(
        "decode_hparams", "", "How to search, e.g. beam_size=4,alpha=0.6,extra_length=50.", **define
    )
    flags.DEFINE_enum(
        "weights",
        "float32",
        _WEIGHTS,
        "How the weights are stored; computed with is float32 in any case.",
        **define,
    )
    flags.DEFINE_integer(
        "eval_examples",
        0,
        "Answer so many examples of every problem's dev split through the export, and print the "
        "metrics beside those of float32 weights; needs --data_dir.",
        **define,
    )
    return values


def run() -> None:
    """The console script."""
    sys.exit(exit_status(main))


if __name__ == "__main__":
    run()
