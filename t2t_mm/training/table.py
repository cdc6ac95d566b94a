"""The table and the samples that a run ends with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from t2t_mm.console.table import aligned

# Metric name -> heading; decoded metrics are headed by their own names, after these.
_HEADINGS = {
    "steps": "steps",
    "train_loss": "train loss",
    "loss": "dev loss",
    "accuracy": "accuracy (teacher-forced)",
    "neg_log_perplexity": "neg_log_perplexity",
}

# Characters of a sample that are shown; a half-trained model may never stop writing.
_WIDEST = 200


def metrics_table(rows: Mapping[str, Mapping[str, float]], decoded: Collection[str] = ()) -> str:
    """A line per problem.

    Args:
      rows: problem -> metric -> value; steps, train_loss and the development metrics.
      decoded: the metrics of decoded outputs to show.

    Returns:
      Aligned columns; "-" where a problem lacks a metric.
    """
    found = {name for row in rows.values() for name in row}
    names = [name for name in _HEADINGS if name in found]
    names += sorted(found & set(decoded) - set(_HEADINGS))
    header = ["problem", *(_HEADINGS.get(name, name) for name in names)]
    body = [[problem, *(_cell(row.get(n)) for n in names)] for problem, row in rows.items()]
    return aligned([header, *body])


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(int(value)) if float(value).is_integer() and abs(value) >= 10 else f"{value:.4g}"


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 4] + " ..."


def samples_text(samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Decoded examples: problem -> [{"input", "target", "output"}], each a few lines of text."""
    lines = []
    for problem, examples in samples.items():
        lines.append(f"{problem}:")
        for example in examples:
            lines += [
                f"  {side:<7}{_shortened(example[side])}" for side in ("input", "target", "output")
            ]
            lines.append("")
    return "\n".join(lines).rstrip()
