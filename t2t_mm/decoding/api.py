"""`decode`: what the command line and Python call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from t2t_mm.data.features import prepare
from t2t_mm.decoding.decoder import Decoded
from t2t_mm.decoding.inputs import Raw, Stored, stacked, stored_input
from t2t_mm.errors import UserError
from t2t_mm.hparam import HParams
from t2t_mm.problem import Task

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel

# What a batch of decoding holds at least, whatever that of training was: it keeps no gradients.
_TOKENS, _PICTURES, _SECONDS = 1024, 64, 60.0

Report = Callable[[int], None]


def decode(
    loaded: LoadedModel,
    problem: str,
    inputs: Sequence[Raw],
    places: Sequence[str | None] | None = None,
    report: Report | None = None,
) -> list[Decoded]:
    """Answers each input.

    Args:
      loaded: a trained model; see `model_loading.load`.
      problem: one of its problems.
      inputs: text (str or UTF-8 bytes); or pictures or sounds, each a path or an encoded file's
        bytes.
      places: where each comes from, for errors.
      report: called with the number of newly answered inputs after every batch.

    Returns:
      Output and score of each, in the order of the inputs, which are batched by length.

    Raises:
      UnknownNameError: for a problem that the model was not trained on.
      DataError: for an input that cannot be read.
      UserError: if `inputs` is one string, not a list.
    """
    if isinstance(inputs, (str, bytes)):
        raise UserError("decode takes a list of inputs; put the one input into a list.")
    task = loaded.task(problem)
    places = places or [None] * len(inputs)
    stored = [
        stored_input(raw, task.inputs, loaded.vocabularies, place)
        for raw, place in zip(inputs, places, strict=True)
    ]
    answers: dict[int, Decoded] = {}
    for rows in batches_by_length([item.length for item in stored], task, loaded.hparams):
        answers |= zip(rows, _answer(loaded, task, [stored[i] for i in rows]), strict=True)
        if report:
            report(len(rows))
    return [answers[i] for i in range(len(stored))]


def _answer(loaded: LoadedModel, task: Task, inputs: Sequence[Stored]) -> list[Decoded]:
    values, lengths = prepare(stacked(inputs), task.inputs, loaded.hparams)
    return loaded.decoder(task, {"inputs": values, "inputs_length": lengths})


def batches_by_length(lengths: Sequence[int], task: Task, hparams: HParams) -> Iterator[list[int]]:
    """Which inputs are answered together: similar lengths, the longest first.

    Args:
      lengths: tokens or samples of each; 1 for a picture.
      task: the problem.
      hparams: batch sizes.

    Yields:
      Positions in `lengths`; each once.
    """
    hparams = roomier(hparams)
    budget = hparams.batch_size
    if task.inputs.kind == "image":
        budget = hparams.batch_images
    elif task.inputs.kind == "audio":
        budget = int(hparams.batch_audio_seconds * (task.inputs.sample_rate or 1))
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    while order:
        size = max(1, budget // lengths[order[0]])
        yield order[:size]
        order = order[size:]


def roomier(hparams: HParams) -> HParams:
    """The hparams with the batch sizes of decoding."""
    return hparams.replace(
        batch_size=max(hparams.batch_size, _TOKENS),
        batch_images=max(hparams.batch_images, _PICTURES),
        batch_audio_seconds=max(hparams.batch_audio_seconds, _SECONDS),
    )
