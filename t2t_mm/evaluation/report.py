"""The table of t2t-eval, the lines of eval.jsonl, and TensorBoard's scalars."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_mm.console.table import aligned
from t2t_mm.evaluation.evaluate import ProblemReport
from t2t_mm.evaluation.metrics import Interval, Metric, find_metric, remarks_on
from t2t_mm.evaluation.metrics.bootstrap import SEED
from t2t_mm.evaluation.perplexity import WORDS

FILE = "eval.jsonl"

_NAMES = (0, 2)  # columns of a table that hold names, not figures

# Teacher-forced figures that are shares; the others (loss, perplexity) are printed as they are.
_SHARES = frozenset({"accuracy", "accuracy_top5", "accuracy_per_sequence"})


def report_table(reports: Sequence[ProblemReport]) -> str:
    """A line per problem and metric: the model's figure, its interval, and the trivial one.

    Metrics of decoded outputs come first; those that read the true answer's earlier tokens are
    marked teacher-forced. Shares are printed as percentages.
    """
    lines = [["problem", "examples", "metric", "model", "95% interval", "trivial"]]
    for report in reports:
        rows = [*_decoded_rows(report), *_teacher_forced_rows(report)]
        heads = [[report.problem, str(report.examples)], *[["", ""]] * (len(rows) - 1)]
        lines += [[*head, *row] for head, row in zip(heads, rows, strict=True)]
    return "\n".join([aligned(lines, _NAMES), "", *_notes(reports)])


def series_table(series: Mapping[int, Sequence[ProblemReport]]) -> str:
    """A line per checkpoint: the first metric of each problem.

    Args:
      series: training steps -> reports, of the same problems.
    """
    reports = next(iter(series.values()))
    main = {report.problem: next(iter(report.decoded), WORDS) for report in reports}
    lines = [["step", "", "", *(f"{problem} {name}" for problem, name in main.items())]]
    for step, found in series.items():
        by_problem = {report.problem: report for report in found}
        cells = [_main(by_problem[problem], name) for problem, name in main.items()]
        lines.append([str(step), "", "", *cells])
    return aligned(lines, _NAMES)


def _main(report: ProblemReport, name: str) -> str:
    if name in report.decoded:
        return _shown(find_metric(name), name, report.decoded[name].value)
    return _number(report.teacher_forced.get(name, math.nan))


def _decoded_rows(report: ProblemReport) -> Iterable[list[str]]:
    for name, score in report.decoded.items():
        trivial = report.baseline_decoded[name]
        metric = find_metric(name)
        figures = {name: (score.value, trivial.value)}
        figures |= {part: (value, trivial.parts[part]) for part, value in score.parts.items()}
        for figure, (value, other) in figures.items():
            mark = " (lower is better)" if not metric.higher_is_better and figure == name else ""
            interval = _interval(metric, figure, score.intervals.get(figure))
            yield [
                figure + mark,
                _shown(metric, figure, value),
                interval,
                _shown(metric, figure, other),
            ]


def _teacher_forced_rows(report: ProblemReport) -> Iterable[list[str]]:
    for name, value in report.teacher_forced.items():
        trivial = report.baseline_teacher_forced.get(name)
        show = _share if name in _SHARES else _number
        yield [
            f"{name} (teacher-forced)",
            show(value),
            "",
            "-" if trivial is None else show(trivial),
        ]


def _shown(metric: Metric, figure: str, value: float) -> str:
    """A share as "98.4 %"; what is on 0 to 100 already, as BLEU, without the sign."""
    if math.isnan(value):
        return "-"
    if metric.percent:
        return f"{value:.2f}"
    return f"{value:.3f}" if figure in metric.numbers else _share(value)


def _interval(metric: Metric, figure: str, interval: Interval | None) -> str:
    if interval is None:
        return ""
    low, high = (_shown(metric, figure, value).removesuffix(" %") for value in interval)
    return f"[{low}, {high}]"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _number(value: float) -> str:
    return f"{value:.4f}"


def _notes(reports: Sequence[ProblemReport]) -> list[str]:
    notes = [
        "trivial: always the most frequent answer of the training split (teacher-forced: the "
        "frequencies of its tokens).",
        "teacher-forced: each token is predicted from the right ones before it, as in training.",
    ]
    resamples = max((report.resamples for report in reports), default=0)
    if resamples:
        notes.append(
            f"95% interval: bootstrap percentiles over the examples, {resamples} resamples, "
            f"seed {SEED}."
        )
    if reports:
        notes.append(f"decode_hparams: {_settings(reports[0])}")
    notes += [
        f"{report.problem}: {report.left_out} examples longer than eval_max_length="
        f"{report.eval_max_length} are left out."
        for report in reports
        if report.left_out
    ]
    notes += [
        f"remark on {report.problem}, {remark}."
        for report in reports
        for remark in remarks_on(report.decoded)
    ]
    signatures: dict[str, list[str]] = {}
    for report in reports:
        for name, score in report.decoded.items():
            if score.signature:
                signatures.setdefault(f"{name} {score.signature}", []).append(report.problem)
    return notes + [f"{what} ({', '.join(names)})" for what, names in signatures.items()]


def _settings(report: ProblemReport) -> str:
    return ",".join(f"{name}={value}" for name, value in report.settings.to_dict().items())


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


def scalars(reports: Sequence[ProblemReport]) -> dict[str, float]:
    """The figures by TensorBoard tag.

    Teacher-forced ones have T2T's tags, "metrics-PROBLEM/NAME"; those of what the model writes by
    itself are "decoded-PROBLEM/NAME".
    """
    found: dict[str, float] = {}
    for report in reports:
        named = report.to_dict()
        for prefix, values in (("metrics", "teacher_forced"), ("decoded", "decoded")):
            found |= {f"{prefix}-{report.problem}/{n}": v for n, v in named[values].items()}
    return found


def finite(value: Any) -> Any:
    """The same structure with None for what is not a finite number: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
