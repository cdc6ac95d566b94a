"""The table of t2t-eval, and the lines of eval.jsonl."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from t2t_mm.decoding.evaluate import ProblemReport
from t2t_mm.decoding.metrics import METRICS

FILE = "eval.jsonl"

# Teacher-forced figures that are shares; the others (loss, perplexity) are printed as they are.
_SHARES = frozenset({"accuracy", "accuracy_top5", "accuracy_per_sequence"})


def report_table(reports: Sequence[ProblemReport]) -> str:
    """A line per problem and metric: the model's figure beside the trivial one.

    Metrics of decoded outputs come first; those that read the true answer's earlier tokens are
    marked teacher-forced. Shares are printed as percentages.
    """
    lines = [["problem", "examples", "metric", "model", "trivial"]]
    for report in reports:
        rows = [*_decoded_rows(report), *_teacher_forced_rows(report)]
        heads = [[report.problem, str(report.examples)], *[["", ""]] * (len(rows) - 1)]
        lines += [[*head, *row] for head, row in zip(heads, rows, strict=True)]
    return "\n".join([*_aligned(lines), "", *_notes(reports)])


def _aligned(lines: Sequence[Sequence[str]]) -> Iterable[str]:
    """Names to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        problem, examples, metric, *figures = zip(line, widths, strict=True)
        cells = [problem[0].ljust(problem[1]), examples[0].rjust(examples[1])]
        cells += [metric[0].ljust(metric[1]), *(text.rjust(width) for text, width in figures)]
        yield "  ".join(cells).rstrip()


def _decoded_rows(report: ProblemReport) -> Iterable[list[str]]:
    for name, score in report.decoded.items():
        trivial = report.baseline_decoded[name]
        percent = METRICS[name].percent
        mark = " (lower is better)" if METRICS[name].lower_is_better else ""
        yield [name + mark, _figure(score.value, percent), _figure(trivial.value, percent)]
        for part, value in score.parts.items():
            yield [part, _figure(value, percent), _figure(trivial.parts[part], percent)]


def _teacher_forced_rows(report: ProblemReport) -> Iterable[list[str]]:
    for name, value in report.teacher_forced.items():
        trivial = report.baseline_teacher_forced.get(name)
        show = _figure if name in _SHARES else _number
        shown = "-" if trivial is None else show(trivial)
        yield [f"{name} (teacher-forced)", show(value), shown]


def _figure(value: float, percent: bool = False) -> str:
    """A share as "98.4 %"; what is on 0 to 100 already, as BLEU, without the sign."""
    if math.isnan(value):
        return "-"
    return f"{value:.2f}" if percent else f"{100 * value:.1f} %"


def _number(value: float) -> str:
    return f"{value:.4f}"


def _notes(reports: Sequence[ProblemReport]) -> list[str]:
    notes = [
        "trivial: always the most frequent answer of the training split (teacher-forced: the "
        "frequencies of its tokens)."
    ]
    notes += [
        f"{report.problem}: {report.left_out} examples longer than eval_max_length="
        f"{report.eval_max_length} are left out."
        for report in reports
        if report.left_out
    ]
    signatures: dict[str, list[str]] = {}
    for report in reports:
        for name, score in report.decoded.items():
            if score.signature:
                signatures.setdefault(f"{name} {score.signature}", []).append(report.problem)
    return notes + [f"{what} ({', '.join(names)})" for what, names in signatures.items()]


def append(
    output_dir: str | Path, checkpoint: str, step: int, reports: Sequence[ProblemReport]
) -> Path:
    """Adds a line per problem to eval.jsonl.

    Returns:
      Its path.
    """
    path = Path(output_dir).expanduser() / FILE
    head = {"step": step, "checkpoint": checkpoint}
    with open(path, "a", encoding="utf-8") as file:
        for report in reports:
            line = json.dumps(finite({**head, **report.to_dict()}), ensure_ascii=False)
            file.write(line + "\n")
    return path


def finite(value: Any) -> Any:
    """The same structure with None for what is no finite number: JSON knows no NaN."""
    if isinstance(value, dict):
        return {name: finite(inner) for name, inner in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
