"""t2t-bleu: scores translation files against references, with sacrebleu."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from t2t_mm.bin.command_line import comma_separated, common_flags, exit_status, parse
from t2t_mm.errors import UserError

if TYPE_CHECKING:
    from t2t_mm.evaluation.translation_scores import FileScore, Scorer

USAGE = """
usage: t2t-bleu --translation=FILE --reference=FILE[,FILE...] [flags]
       t2t-bleu --translations_dir=DIR --reference=FILE [--event_dir=DIR] [flags]

Scores a translation, a sentence per line and detokenized, by sacrebleu, and prints its signature
and a 95 % confidence interval. With --translations_dir (or wildcards in --translation) every file
whose name ends in its training step, such as DIR/ende-20000, is scored, and written to --event_dir
for TensorBoard.

  t2t-bleu --translation=out.txt --reference=ref.txt --metrics=bleu,chrf,ter
  t2t-bleu --translation=out.txt --reference=ref.txt --tokenize=intl   (Tensor2Tensor's own figure)
"""
COMMAND = "t2t-bleu"


def main(argv: Sequence[str]) -> int:
    """Parses the flags, scores, prints.

    Args:
      argv: the arguments after the program's name.

    Returns:
      The exit status.
    """
    values = _flags()
    if not parse(values, argv, USAGE):
        return 0
    _check(values)
    from t2t_mm.evaluation.translation_scores import Scorer

    scorer = Scorer(
        tuple(comma_separated(values.metrics)),
        values.bleu_variant,
        values.tokenize,
        values.bootstrap_resamples,
    )
    references = [Path(name).expanduser() for name in comma_separated(values.reference)]
    if _scores_series(values):
        _score_series(values, scorer, references)
    else:
        _score_one(values, scorer, references)
    return 0


def _check(values: flags.FlagValues) -> None:
    if bool(values.translation) == bool(values.translations_dir):
        raise UserError("give either --translation=FILE or --translations_dir=DIR, to be scored.")
    if not values.reference:
        raise UserError("give the right translations in --reference=FILE.")
    if values.bootstrap_resamples < 0:
        raise UserError(
            f"--bootstrap_resamples must be 0 or more, got {values.bootstrap_resamples}."
        )
    if not comma_separated(values.metrics):
        raise UserError("--metrics is empty; choose among bleu, chrf, ter.")
    if _scores_series(values) and values.compare_to:
        raise UserError("--compare_to compares one --translation=FILE with another file.")
    for name in ("event_dir", "report_zero"):
        if values[name].value and not _scores_series(values):
            raise UserError(f"--{name} goes with --translations_dir, whose files have steps.")


def _scores_series(values: flags.FlagValues) -> bool:
    if values.translations_dir:
        return True
    wildcards = any(sign in values.translation for sign in "*?[")
    return wildcards and not Path(values.translation).expanduser().is_file()


def _score_one(values: flags.FlagValues, scorer: Scorer, references: list[Path]) -> None:
    translation = Path(values.translation).expanduser()
    scores = scorer(translation, references)
    for name, score in scores.items():
        print(f"{name} = {_figure(score)}")
    if values.compare_to:
        other = Path(values.compare_to).expanduser()
        print(f"less {other}, drawn in pairs:")
        for name, gap in scorer.compare(translation, other, references).items():
            low, high = gap.interval
            shown = f" [{low:+.2f}, {high:+.2f}]" if scorer.resamples else ""
            print(f"{name} {gap.value:+.2f}{shown}")
    _print_signatures(values, scores)


def _print_signatures(values: flags.FlagValues, scores: dict[str, FileScore]) -> None:
    for name, score in scores.items():
        print(f"{name}: {score.signature}")
        for remark in score.remarks:
            print(f"remark on {name}: {remark}.")
    if values.bootstrap_resamples:
        from t2t_mm.evaluation.metrics.bootstrap import SEED

        print(
            f"[low, high]: 95% confidence interval, bootstrap percentiles, "
            f"{values.bootstrap_resamples} resamples, seed {SEED}"
        )


def _figure(score: FileScore) -> str:
    if score.interval is None:
        return f"{score.value:.2f}"
    return f"{score.value:.2f} [{score.interval[0]:.2f}, {score.interval[1]:.2f}]"


def _score_series(values: flags.FlagValues, scorer: Scorer, references: list[Path]) -> None:
    from t2t_mm.evaluation.step_files import step_files

    pattern = values.translations_dir or values.translation
    scores: dict[str, FileScore] = {}
    for step, path in step_files(pattern, values.min_steps, values.wait_minutes):
        first, scores = not scores, scorer(path, references)
        print(f"{path}: " + ", ".join(f"{n} = {_figure(s)}" for n, s in scores.items()), flush=True)
        if values.event_dir:
            figures = {name + values.tag_suffix: score.value for name, score in scores.items()}
            _write_events(values, step, figures, zero=first and values.report_zero)
    if not scores:
        raise UserError(
            f"found no file named NAME-STEP in {pattern} of at least --min_steps="
            f"{values.min_steps} steps, such as ende-20000."
        )
    _print_signatures(values, scores)


def _write_events(
    values: flags.FlagValues, step: int, figures: dict[str, float], zero: bool
) -> None:
    from t2t_mm.evaluation.tensorboard_events import write_scalars

    if zero:
        write_scalars(values.event_dir, 0, dict.fromkeys(figures, 0.0))
    write_scalars(values.event_dir, step, figures)


def _flags() -> flags.FlagValues:
    values = common_flags(COMMAND)
    define: dict[str, Any] = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_string("translation", None, "File to score; wildcards for several.", **define)
    flags.DEFINE_string("translations_dir", None, "Folder of files named NAME-STEP.", **define)
    flags.DEFINE_string(
        "reference", None, "File of right translations; several with commas.", **define
    )
    flags.DEFINE_string(
        "compare_to", None, "Another translation; prints the difference and its interval.", **define
    )
    flags.DEFINE_enum("bleu_variant", "both", ["both", "cased", "uncased"], "Which BLEU.", **define)
    flags.DEFINE_string("metrics", "bleu", "Of bleu, chrf, ter; separated by commas.", **define)
    flags.DEFINE_string(
        "tokenize", "13a", "sacrebleu's tokeniser for BLEU; T2T used that of intl.", **define
    )
    flags.DEFINE_integer(
        "bootstrap_resamples", 1000, "Of the confidence intervals; 0: none.", **define
    )
    flags.DEFINE_string("event_dir", None, "Folder of the TensorBoard events.", **define)
    flags.DEFINE_string("tag_suffix", "", "Appended to the tags of the events.", **define)
    flags.DEFINE_integer("min_steps", 0, "Leave files of fewer steps out.", **define)
    flags.DEFINE_float("wait_minutes", 0.0, "Wait so long for a next file.", **define)
    flags.DEFINE_bool("report_zero", False, "Write 0 for step 0 to the events too.", **define)
    return values


def run() -> None:
    """The console script."""
    sys.exit(exit_status(main))


if __name__ == "__main__":
    run()
