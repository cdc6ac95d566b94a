"""Trivial baselines: what a model scores that never looks at its input.

They are learnt from the training split's targets alone: the most frequent target as the answer to
everything, and the frequencies of single tokens (or classes) for the teacher-forced figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from t2t_mm.data.binding import shard_paths
from t2t_mm.data.records.index import parse_spec, unreadable
from t2t_mm.evaluation.metrics import Answers, References, Score, compute
from t2t_mm.evaluation.metrics.classes import TOP
from t2t_mm.kinds import Kind
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import TARGETS, Split, Task

_BATCH = 512  # records parsed at once


@dataclass(frozen=True)
class Baseline:
    """A blind answer, from the training targets of a problem alone.

    Attributes:
      answer: the most frequent target; the first one, where several are.
      share: of the training examples that have it.
      counts: int64 [V], how often each token (EOS too), tag or class occurs; None where targets do
        not consist of ids.
      ranked: of class labels the five most frequent, with the logarithm of their share.
      language: of the targets; see `Task.language`.
    """

    answer: str
    share: float
    counts: np.ndarray | None
    ranked: tuple[tuple[str, float], ...] = ()
    language: str = ""

    def decoded(self, names: Iterable[str], references: References) -> dict[str, Score]:
        """Metrics of giving `answer` always."""
        count = len(references)
        ranked = [self.ranked] * count if self.ranked else None
        return compute(names, Answers([self.answer] * count, references, ranked, self.language))

    def teacher_forced(self, targets: Sequence[np.ndarray]) -> dict[str, float]:
        """Metrics of the unigram distribution, with one added to every count.

        Args:
          targets: token ids with EOS, or classes, of the evaluated examples, int [T] each.

        Returns:
          accuracy: the share of tokens that are the most frequent one of training.
          neg_log_perplexity: the mean log-probability of a token, natural logarithm.
          Nothing where targets do not consist of ids.
        """
        if self.counts is None:
            return {}
        tokens = np.concatenate(targets)
        smoothed = self.counts + 1.0
        log_probability = np.log(smoothed / smoothed.sum())
        return {
            "accuracy": float(np.mean(tokens == np.argmax(self.counts))),
            "neg_log_perplexity": float(np.mean(log_probability[tokens])),
        }


def learn_baseline(
    task: Task, data_dir: str | Path, vocabularies: Mapping[str, Vocabulary]
) -> Baseline:
    """Reads the training split's targets once.

    Args:
      task: the problem.
      data_dir: where its data are.
      vocabularies: by name.

    Raises:
      DataError: if there is no training split, or a file of it is missing, cut off or altered.
    """
    paths = [str(path) for path in shard_paths(task, Split.TRAIN, data_dir)]
    kind = task.targets
    counts = None if kind.count_ids is None else np.zeros(kind.count_ids, np.int64)
    answers: Counter[bytes] = Counter()
    try:
        for target in _targets(task, paths):
            if counts is not None:
                counts += np.bincount(target, minlength=len(counts))
            answers[target.tobytes()] += 1
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError) as e:
        raise unreadable(task.name, paths, e) from None
    best, share = kind.typical(answers)
    if counts is None or not kind.is_ranked:
        answer = kind.shown(best, vocabularies, task.name)
        return Baseline(answer, share, counts, language=task.language)
    ranked = _ranked(kind, counts, int(best[0]))
    return Baseline(ranked[0][0], share, counts, ranked, task.language)


def _ranked(kind: Kind, counts: np.ndarray, best: int) -> tuple[tuple[str, float], ...]:
    """The five most frequent labels that occur at all, `best` first."""
    order = sorted(np.flatnonzero(counts), key=lambda i: (-counts[i], i != best))[:TOP]
    shares = counts / counts.sum()
    return tuple((kind.shown(i, {}, ""), float(np.log(shares[i]))) for i in order)


def _targets(task: Task, paths: list[str]) -> Iterable[np.ndarray]:
    """The stored targets of all records, [T] each; images and sounds are not decoded."""
    stored = task.stored[TARGETS]
    spec = {stored: parse_spec(task, references=False)[stored]}
    records = tf.data.TFRecordDataset(paths).batch(_BATCH)
    for batch in records.map(lambda record: tf.io.parse_example(record, spec)[stored]):
        values = batch.numpy() if isinstance(batch, tf.Tensor) else None
        if values is None:
            values, ends = batch.values.numpy(), batch.row_splits.numpy()
            yield from np.split(values, ends[1:-1])
        else:
            yield from values[:, None]
