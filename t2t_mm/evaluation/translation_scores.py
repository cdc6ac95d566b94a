"""Scores of translation files against reference files: what t2t-bleu does."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from t2t_mm.errors import UserError, unknown
from t2t_mm.evaluation.metrics.bootstrap import Difference, difference, intervals
from t2t_mm.evaluation.metrics.statistics import Answers, Interval, Statistics
from t2t_mm.evaluation.metrics.text import (
    DEFAULT_TOKENIZER,
    bleu_tokenizer,
    bleu_variant,
    chrf_variant,
    language_of,
    ter_variant,
)

VARIANTS = {
    "both": ("BLEU_uncased", "BLEU_cased"),
    "uncased": ("BLEU_uncased",),
    "cased": ("BLEU_cased",),
}
METRICS = ("bleu", "chrf", "ter")
OTHER_NAMES = {"chrf": "chrF2", "ter": "TER"}

_DOWNLOAD_SECONDS = 20.0

Make = Callable[[Answers], Statistics]


@dataclass(frozen=True)
class FileScore:
    """One figure of a file.

    Attributes:
      value: of the metric.
      interval: its 95 % confidence interval, None if it was not asked for.
      signature: sacrebleu's.
      remarks: on what may mislead in the figure, a clause each.
    """

    value: float
    interval: Interval | None
    signature: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scorer:
    """The metrics and options that files are scored with.

    Attributes:
      metrics: of bleu, chrf and ter.
      variant: of BLEU: both, uncased or cased.
      tokenize: sacrebleu's tokeniser for BLEU.
      resamples: of the bootstrap; 0: no confidence intervals.
    """

    metrics: Sequence[str] = ("bleu",)
    variant: str = "both"
    tokenize: str = "13a"
    resamples: int = 0

    def __post_init__(self) -> None:
        from sacrebleu.metrics.bleu import BLEU

        for name in self.metrics:
            if name not in METRICS:
                raise unknown("metric", name, METRICS, "--metrics")
        if self.tokenize not in BLEU.TOKENIZERS:
            raise unknown("tokeniser", self.tokenize, BLEU.TOKENIZERS, "--tokenize")
        if "bleu" in self.metrics:
            _check_tokenizer(self.tokenize)

    def __call__(self, translation: Path, references: Sequence[Path]) -> dict[str, FileScore]:
        """Figures by name: BLEU_uncased, BLEU_cased, chrF2, TER.

        Raises:
          UserError: for a file that cannot be read, or has another number of lines.
        """
        return {
            name: self._score(name, statistics)
            for name, statistics in self._statistics(translation, references).items()
        }

    def compare(
        self, translation: Path, other: Path, references: Sequence[Path]
    ) -> dict[str, Difference]:
        """The figures of one file less those of another, drawn in pairs."""
        first = self._statistics(translation, references)
        second = self._statistics(other, references)
        resamples = self.resamples or 1
        return {n: difference(first[n], second[n], resamples)[n] for n in first}

    def _statistics(self, translation: Path, references: Sequence[Path]) -> dict[str, Statistics]:
        answers = read_answers(translation, references)
        return {name: make(answers) for name, make in self._figures().items()}

    def _figures(self) -> dict[str, Make]:
        found: dict[str, Make] = {}
        for metric in self.metrics:
            if metric == "bleu":
                found |= {name: self._bleu(name) for name in VARIANTS[self.variant]}
            else:
                found[OTHER_NAMES[metric]] = _other(metric)
        return found

    def _bleu(self, name: str) -> Make:
        options = {"lowercase": name == "BLEU_uncased", "tokenize": self.tokenize}

        def bleu(answers: Answers) -> Statistics:
            found = bleu_variant(name, answers, **options)
            remarks = (*found.remarks, *self._other_tokenizer(answers))
            return dataclasses.replace(found, remarks=remarks)

        return bleu

    def _other_tokenizer(self, answers: Answers) -> tuple[str, ...]:
        """A remark where sacrebleu's own tokenizer takes a sentence for one word."""
        if self.tokenize != DEFAULT_TOKENIZER:
            return ()
        language = language_of(answers)
        better = bleu_tokenizer(language)
        if better == DEFAULT_TOKENIZER:
            return ()
        return (
            f"by their letters (as of '{language}') the references have no spaces between words, "
            f"which tok:{DEFAULT_TOKENIZER} needs: give --tokenize={better}",
        )

    def _score(self, name: str, statistics: Statistics) -> FileScore:
        value = statistics.figures(statistics.rows.sum(0))[name]
        interval = intervals(statistics, self.resamples)[name] if self.resamples else None
        return FileScore(value, interval, statistics.signature, statistics.remarks)


def _check_tokenizer(name: str) -> None:
    """Tries whether sacrebleu has all that a tokenizer needs: packages, or a file to download.

    Raises:
      UserError: if it has not.
    """
    import socket

    from sacrebleu.metrics.bleu import BLEU

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_SECONDS)
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # its progress
            BLEU(tokenize=name)
    except Exception as cause:  # whatever a package's absence, or a download, raises
        language, mecab, _ = name.partition("-mecab")
        if mecab:
            needs = f"packages that are not installed; pip install 'sacrebleu[{language}]'"
        else:
            needs = (
                "a file that sacrebleu downloads at first use, which failed "
                f"({type(cause).__name__}); run it once where there is a network, and bring "
                "~/.sacrebleu here"
            )
        raise UserError(
            f"the tokeniser '{name}' (from --tokenize) needs {needs}, or take --tokenize=char."
        ) from cause
    finally:
        socket.setdefaulttimeout(before)


def _other(metric: str) -> Make:
    variant = {"chrf": chrf_variant, "ter": ter_variant}[metric]
    return lambda answers: variant(OTHER_NAMES[metric], answers)


def read_answers(translation: Path, references: Sequence[Path]) -> Answers:
    """The lines of a translation with those of its references.

    Raises:
      UserError: for a file that cannot be read, or has another number of lines.
    """
    outputs = _lines(translation)
    columns = [_lines(reference) for reference in references]
    for path, column in zip(references, columns, strict=True):
        if len(column) != len(outputs):
            raise UserError(
                f"{translation} has {len(outputs)} lines and {path} has {len(column)}; each line "
                "of a translation needs the reference's line of the same number."
            )
    if not outputs:
        raise UserError(f"{translation} is empty; give a file with a translation a line.")
    return Answers(outputs, list(zip(*columns, strict=True)))


def _lines(path: Path) -> list[str]:
    """The lines of a file as sacrebleu's command reads them: a line feed alone ends one."""
    from sacrebleu.utils import smart_open

    try:
        with smart_open(str(path)) as file:
            lines = [line.rstrip() for line in file]
    except (OSError, ValueError, EOFError, zlib.error) as cause:  # ValueError: not UTF-8
        raise UserError(f"cannot read {path} ({cause}); give a UTF-8 text file.") from cause
    return [lines[0].removeprefix("\ufeff"), *lines[1:]] if lines else []
