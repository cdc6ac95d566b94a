"""Scores of given answers, for --score_file and Python: nothing is searched for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from t2t_mm.decoding.answering import batch_of, planned
from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.inputs import stacked
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import DataError
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import TARGETS

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
      DataError: for a target that is no value of its kind, before anything is scored.
    """
    for one, prompt in zip(asked, contents.prompts, strict=True):
        if prompt:
            raise DataError(
                f"{one.place or 'the input'}: problem '{one.task.name}' reads nothing; leave its "
                "input empty to score a text."
            )
    targets = [stored_target(one, loaded.vocabularies) for one in asked]
    settings = settings or DecodeSettings()
    decoder = loaded.decoder_for(settings)
    for task, rows in planned(asked, contents, loaded.hparams, settings):
        batch = batch_of(task, rows, contents, loaded.hparams)
        stored = stacked(task.targets, [targets[row] for row in rows])
        batch[TARGETS], _ = task.targets.feed(stored, loaded.hparams)
        found = decoder.score(task, batch)
        yield {row: float(one) for row, one in zip(rows, found, strict=True)}


def stored_target(one: DecodeInput, vocabularies: Mapping[str, Vocabulary]) -> Any:
    """A target as records hold it: token ids with EOS, a label's number, ...

    Raises:
      DataError: if it is no value of the targets' kind.
    """
    place = one.place or "the target"
    kind, target = one.task.targets, one.target or ""
    try:
        return kind.parse_target(target, vocabularies)
    except BrokenValue as error:
        raise DataError(f"{place}: the target {error.detail}.") from None
