"""`answer_split`: a generated split to files of inputs, right answers and the model's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from t2t_mm.console.progress import Counter
from t2t_mm.data.batches.pipeline import evaluation_batches
from t2t_mm.data.records.manifest import manifest_path
from t2t_mm.decoding.batching import decoding_batch_sizes
from t2t_mm.decoding.combinations import Combination
from t2t_mm.decoding.decoder import Decoded, Decoder
from t2t_mm.decoding.file_decoding import identity_of
from t2t_mm.decoding.model_loading import LoadedModel
from t2t_mm.decoding.output_files import write_split
from t2t_mm.decoding.resume_file import ResumeFile, Say
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.decoding.splits import Answered, batches_for, decode_batches, evenly_spread, readable
from t2t_mm.files.writing import file_digest
from t2t_mm.problem import Task


@dataclass(frozen=True)
class SplitAnswers:
    """The answers to a split, and the files that `answer_split` wrote.

    Attributes:
      answers: the examples, in the order of the split.
      paths: of the files.
    """

    answers: list[Answered]
    paths: list[Path]


def answer_split(
    loaded: LoadedModel,
    path: Combination,
    split: str,
    data_dir: str | Path,
    base: Path,
    settings: DecodeSettings,
    num_samples: int | None = None,
    say: Say = print,
) -> SplitAnswers:
    """Answers a split and writes <base>.inputs, <base>.targets and <base>.decodes.

    Args:
      loaded: the model.
      path: the problem, or a combination, which reads the split of the problem of its inputs: the
        right answers are then that problem's, not the combination's.
      split: "dev", "test" or "train".
      data_dir: where the data are.
      base: the beginning of the files' names.
      settings: how to search.
      num_samples: the number of examples to answer, spread over the lengths; None: all.
      say: told what a user should know.

    Raises:
      DataError: if the data are missing, unreadable or of another vocabulary.
      UserError: if the files cannot be written, or another run is writing them.
    """
    task, hparams = loaded.tasks[path.inputs_of], decoding_batch_sizes(loaded.hparams)
    count = batches_for(task, split, data_dir, hparams, num_samples)
    batches = evaluation_batches(task, split, data_dir, hparams, count)
    data = file_digest(manifest_path(task.data_name, Path(data_dir).expanduser()))
    inputs = [path.task.name, split, count, data, hparams.eval_max_length]
    decodes = base.with_name(f"{base.name}.decodes")
    with ResumeFile(decodes, {"inputs": inputs, **identity_of(loaded, settings)}, say) as partial:
        decoder = _Resuming(loaded.decoder_for(settings), path.task, partial)
        with Counter(None) as counter:
            answers = decode_batches(
                decoder,
                task,
                readable(batches, task, data_dir, split),
                hparams,
                loaded.vocabularies,
                counter.add,
            )
        answers = evenly_spread(answers, num_samples)
        paths = write_split(base, answers, settings)
        partial.finish()
    return SplitAnswers(answers, paths)


class _Resuming:
    """A decoder for one task that asks the side file first, and keeps what it answers."""

    def __init__(self, decoder: Decoder, task: Task, partial: ResumeFile):
        self._decoder, self._task, self._partial = decoder, task, partial

    def __call__(
        self, task: Task, batch: Mapping[str, tf.Tensor], rows: np.ndarray
    ) -> list[Decoded]:
        """Answers for the task of its own, `task` being that of the batch's examples."""
        done, numbers = self._partial.done, [int(row) for row in rows]
        if not all(row in done for row in numbers):
            found = self._decoder(self._task, batch, rows)
            self._partial.add(dict(zip(numbers, found, strict=True)))
        return [done[row] for row in numbers]
