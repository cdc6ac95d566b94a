"""Scores of given answers, for --score_file and Python: nothing is searched for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

from t2t_mm.data.generation.examples import checked_text
from t2t_mm.decoding.answering import batch_of, planned
from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import DataError, unknown
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.vocabulary import EOS, Vocabulary
from t2t_mm.problem import Task

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel


def scores(
    loaded: LoadedModel,
    asked: Sequence[DecodeInput],
    contents: EncodedInputs,
    settings: DecodeSettings | None = None,
) -> Iterator[dict[int, float]]:
    """Scores the targets of what is asked.

    Args:
      loaded: a trained model.
      asked: inputs with their targets.
      contents: of the same inputs.
      settings: batch_size is read.

    Yields:
      For each batch: the natural logarithm of each target's probability, by its number.

    Raises:
      DataError: for a target that is no text, before anything is scored.
      UnknownNameError: for an unknown label, likewise.
    """
    targets = [stored_target(one, loaded.vocabularies) for one in asked]
    settings = settings or DecodeSettings()
    decoder = loaded.decoder_for(settings)
    for task, rows in planned(asked, contents, loaded.hparams, settings):
        batch = batch_of(task, rows, contents, loaded.hparams)
        batch["targets"] = _stacked(task, [targets[row] for row in rows])
        found = decoder.score(task, batch)
        yield {row: float(one) for row, one in zip(rows, found, strict=True)}


def stored_target(one: DecodeInput, vocabularies: Mapping[str, Vocabulary]) -> list[int]:
    """The token ids of a target with EOS, or its label's number."""
    place = one.place or "the target"
    target, task = one.target or "", one.task
    if task.targets.kind == "label":
        if target not in task.labels:
            raise unknown(f"label of problem '{task.name}'", target, task.labels, place)
        return [task.labels.index(target)]
    try:
        text = checked_text(target) if target else ""  # nothing at all is an answer too
    except BrokenValue as error:
        raise DataError(f"{place}: the target {error.detail}.") from None
    return [*vocabularies[task.targets.vocabulary or ""].encode(text), EOS]


def _stacked(task: Task, targets: Sequence[Sequence[int]]) -> tf.Tensor:
    """int32 [B, T] padded with 0; or [B] for labels."""
    if task.targets.kind == "label":
        return tf.constant([target[0] for target in targets], tf.int32)
    return tf.ragged.constant(targets, tf.int32).to_tensor()
