"""Scores of given answers, for --score_file and Python: nothing is searched for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from t2t_mm.decoding.answering import batch_of, planned_batches
from t2t_mm.decoding.decoder import Decoder
from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.inputs import stacked
from t2t_mm.errors import DataError
from t2t_mm.hparam import HParams
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import TARGETS


def scores(
    decoder: Decoder,
    asked: Sequence[DecodeInput],
    contents: EncodedInputs,
    hparams: HParams,
    vocabularies: Mapping[str, Vocabulary],
) -> Iterator[dict[int, float]]:
    """Scores the targets of what is asked.

    Args:
      decoder: of a trained model; the batch_size of its settings is read.
      asked: inputs with their targets.
      contents: of the same inputs.
      hparams: of the model.
      vocabularies: by name.

    Yields:
      For each batch of what `contents` has not left out: the natural logarithm of each target's
      probability, by its number.

    Raises:
      DataError: for a target that is not a value of its kind, before anything is scored.
    """
    for one, prompt in zip(asked, contents.prompts, strict=True):
        if prompt:
            raise DataError(
                f"{one.place or 'the input'}: problem '{one.task.name}' reads nothing; leave its "
                "input empty to score a text."
            )
    targets = [
        None if index in contents.left_out else stored_target(one, vocabularies)
        for index, one in enumerate(asked)
    ]
    for task, rows in planned_batches(asked, contents, hparams, decoder.settings):
        batch = batch_of(task, rows, contents, hparams)
        stored = stacked(task.targets, [targets[row] for row in rows])
        batch[TARGETS], _ = task.targets.feed(stored, hparams)
        found = decoder.score(task, batch)
        yield {row: float(one) for row, one in zip(rows, found, strict=True)}


def stored_target(one: DecodeInput, vocabularies: Mapping[str, Vocabulary]) -> Any:
    """A target as records hold it: token ids with EOS, a label's number, ...

    Raises:
      DataError: if it is not a value of the targets' kind.
    """
    place = one.place or "the target"
    kind, target = one.task.targets, one.target or ""
    try:
        return kind.parse_target(target, vocabularies)
    except BrokenValue as error:
        raise DataError(f"{place}: the target {error.detail}.") from None
