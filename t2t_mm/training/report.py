"""The report of a run: its settings at the beginning, figures and decoded samples at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from t2t_mm.data.batches.pipeline import count_examples
from t2t_mm.decoding.settings import GREEDY
from t2t_mm.evaluation.scoring import DecodedEvaluation
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Split, Task
from t2t_mm.runs.groups import sizes
from t2t_mm.training import metrics_log
from t2t_mm.training.settings import Settings
from t2t_mm.training.table import metrics_table, samples_text

# Examples of each problem whose decoded outputs are scored; t2t-eval scores them all.
EXAMPLES = 64
_SAMPLES = 2

Metrics = dict[str, dict[str, float]]


def opening(settings: Settings, tasks: Sequence[Task], model: JointModel, step: int) -> str:
    """The text before a run's first step: every setting, and the examples that are left out."""
    values = ", ".join(f"{k}={v}" for k, v in settings.hparams.to_dict().items())
    count = sum(sizes(model.groups()).values())
    lines = [
        f"problems: {', '.join(task.name for task in tasks)}",
        f"model: {settings.model}, {count:,} parameters",
        f"hparams {settings.hparams_set}: {values}",
    ]
    for task in tasks:
        counts = count_examples(
            task, Split.TRAIN, settings.data_dir, settings.hparams, training=True
        )
        if counts.dropped or counts.trimmed:
            lines.append(f"{task.name}: trains on {counts}")
    begin = f"going on from step {step}" if step else "a new run"
    return "\n".join([*lines, f"run directory: {settings.output_dir}", begin])


def finished(settings: Settings, step: int) -> str:
    """The reason why a run is not trained further."""
    if step >= settings.total_steps:
        reason = f"has done its {step} steps; to train further, raise --train_steps"
    else:
        reason = f"was stopped early at step {step}; to train further, raise early_stopping_evals"
    return f"this run ({settings.output_dir}) {reason}."


def figures(output_dir: Path) -> Metrics:
    """The latest metrics of each problem in metrics.jsonl: steps, train_loss, dev metrics."""
    found: Metrics = {}
    for line in metrics_log.read(output_dir / metrics_log.FILE):
        row = found.setdefault(line["problem"], {})
        values = {n: math.nan if v is None else v for n, v in line["metrics"].items()}
        if line["split"] == "train":
            row |= {"steps": values["steps"], "train_loss": values["loss"]}
        else:
            row |= values
    return dict(sorted(found.items()))


def decode_samples(
    model: JointModel,
    tasks: Iterable[Task],
    hparams: HParams,
    vocabularies: Mapping[str, Vocabulary],
    data_dir: Path,
    say: Callable[[str], None] = print,
) -> tuple[Metrics, dict[str, list[dict[str, str]]]]:
    """Scores what the model writes by itself on some development examples; no language models.

    What may mislead in the figures is told to `say`.

    Returns:
      Problem -> metrics, without `accuracy`, which teacher forcing gives too; and problem ->
      samples as {"input", "target", "output"}.
    """
    evaluation = DecodedEvaluation(model, hparams, vocabularies, data_dir, GREEDY)
    metrics: Metrics = {}
    samples = {}
    for task in (task for task in tasks if task.has_inputs):
        scored = evaluation(task, Split.DEV, max_examples=EXAMPLES)
        metrics[task.name] = {n: v for n, v in scored.metrics.items() if n != "accuracy"}
        samples[task.name] = scored.samples(_SAMPLES)
        for remark in scored.remarks:
            say(f"remark on {task.name}, {remark}.")
    return metrics, samples


def text(
    rows: Metrics,
    tasks: Iterable[Task],
    samples: Mapping[str, Sequence[Mapping[str, str]]],
    further: Iterable[str] = (),
) -> str:
    """The table, what its columns mean, and the samples.

    Args:
      rows: as `figures` gives them.
      tasks: the problems, whose own metrics are shown, not these metrics' parts.
      samples: as `decode_samples` gives them.
      further: metrics that are shown besides.
    """
    names = {name for task in tasks for name in task.metrics}
    lines = [metrics_table(rows, {*names, *further})]
    if samples:
        lines += [
            f"decoded metrics: of {EXAMPLES} development examples per problem; t2t-eval takes all.",
            "",
            samples_text(samples),
        ]
    return "\n".join(lines)
