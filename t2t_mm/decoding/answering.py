"""From checked inputs to answers: batches of one problem and of similar lengths, whole or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from t2t_mm.decoding.batching import batches_by_length
from t2t_mm.decoding.decoder import Decoded, Decoder
from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.inputs import stacked
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.decoding.writing import PREFIX
from t2t_mm.hparam import HParams
from t2t_mm.kinds.kind import features_of
from t2t_mm.problem import LENGTH, Task


def answers(
    decoder: Decoder,
    asked: Sequence[DecodeInput],
    contents: EncodedInputs,
    hparams: HParams,
    done: Mapping[int, Decoded],
) -> Iterator[dict[int, Decoded]]:
    """Answers what is not done.

    A batch that is done in part is answered whole: a score's last bits may depend on what else is
    in a batch, and the batches are then those of a run that was never stopped.

    Args:
      decoder: of a trained model.
      asked: the inputs; problems may be mixed.
      contents: of the same inputs.
      hparams: of the model.
      done: answers by the number of their input.

    Yields:
      The answers of each batch, by the number of their input.
    """
    for task, rows in planned_batches(asked, contents, hparams, decoder.settings):
        if all(row in done for row in rows):
            continue
        batch = batch_of(task, rows, contents, hparams)
        found = decoder(task, batch, np.asarray(rows, np.int32))
        yield dict(zip(rows, found, strict=True))


def planned_batches(
    asked: Sequence[DecodeInput],
    contents: EncodedInputs,
    hparams: HParams,
    settings: DecodeSettings,
) -> Iterator[tuple[Task, list[int]]]:
    """The batches: one problem's after the other's, in the order of their first inputs.

    What `contents` left out is in none.
    """
    of_task: dict[str, list[int]] = {}
    for index, one in enumerate(asked):
        if index in contents.left_out:
            continue
        of_task.setdefault(one.task.name, []).append(index)
    for indices in of_task.values():
        task = asked[indices[0]].task
        sizes = [contents.sizes[index] for index in indices]
        for rows in batches_by_length(sizes, task, hparams, settings):
            yield task, [indices[row] for row in rows]


def batch_of(
    task: Task, rows: Sequence[int], contents: EncodedInputs, hparams: HParams
) -> dict[str, tf.Tensor]:
    """The inputs of these numbers as a batch of the model."""
    stored = [contents[row] for row in rows]
    batch = {}
    for name, kind in task.inputs.items():
        values = stacked(kind, [one[name].value for one in stored])
        batch[name], batch[name + LENGTH] = kind.feed(values, hparams, features_of(kind, hparams))
    if not task.has_inputs:
        prompts = [contents.prompts[row] for row in rows]
        batch[PREFIX] = tf.ragged.constant(prompts, tf.int32, ragged_rank=1).to_tensor()
    return batch
