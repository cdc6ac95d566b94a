"""`decode` and `score`: what Python calls; `LoadedModel` has them as methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from t2t_mm.decoding.answering import answers
from t2t_mm.decoding.decoder import Decoded
from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.inputs import Raw
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.decoding.target_scores import scores
from t2t_mm.errors import UserError
from t2t_mm.problem import Task

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel


def decode(
    loaded: LoadedModel,
    problem: str | Task,
    inputs: Sequence[Raw],
    settings: DecodeSettings | str | None = None,
    report: Callable[[int], None] | None = None,
) -> list[Decoded]:
    """Answers each input.

    Args:
      loaded: a trained model; see `model_loading.load`.
      problem: one of its problems, or what its `task_between` gave.
      inputs: text (str or UTF-8 bytes); or pictures or sounds, each a path or an encoded file's
        bytes.
      settings: how to search, or text such as "beam_size=1"; None: as t2t-decoder does.
      report: called with the number of newly answered inputs after every batch.

    Returns:
      The answer to each, in the order of the inputs, which are batched by length.

    Raises:
      UnknownNameError: for a problem that the model was not trained on.
      DataError: for an input that cannot be read.
      UserError: if `inputs` is one string, not a list.
    """
    asked = _asked(loaded, problem, inputs)
    contents = EncodedInputs(asked, loaded.vocabularies)
    done: dict[int, Decoded] = {}
    for found in answers(loaded, asked, contents, settings_of(settings), done):
        done |= found
        if report:
            report(len(found))
    return [done[index] for index in range(len(asked))]


def score(
    loaded: LoadedModel, problem: str | Task, inputs: Sequence[Raw], targets: Sequence[str]
) -> list[float]:
    """How likely the model finds given answers.

    Args:
      loaded: a trained model.
      problem, inputs: as for `decode`.
      targets: the answer to each input: a text, or a label's name.

    Returns:
      The natural logarithm of each answer's probability, its end included.

    Raises:
      UserError: as `decode`; for an unknown label; or if there is not one answer an input.
    """
    if isinstance(targets, (str, bytes)) or len(targets) != len(inputs):
        raise UserError(f"score takes one target an input: a list of {len(inputs)}.")
    asked = _asked(loaded, problem, inputs, targets)
    found: dict[int, float] = {}
    for part in scores(loaded, asked, EncodedInputs(asked, loaded.vocabularies)):
        found |= part
    return [found[index] for index in range(len(asked))]


def settings_of(settings: DecodeSettings | str | None) -> DecodeSettings:
    """The settings that are meant: see `decode`.

    Raises:
      HParamError, UnknownNameError: for text that is wrong.
    """
    if isinstance(settings, str):
        return DecodeSettings().override(settings)
    return DecodeSettings() if settings is None else settings


def _asked(
    loaded: LoadedModel,
    problem: str | Task,
    inputs: Sequence[Raw],
    targets: Sequence[str] | None = None,
) -> list[DecodeInput]:
    if isinstance(inputs, (str, bytes)):
        raise UserError("decode takes a list of inputs; put the one input into a list.")
    task = loaded.task(problem) if isinstance(problem, str) else problem
    others: Sequence[str | None] = targets or [None] * len(inputs)
    return [
        DecodeInput(task, raw, None, target) for raw, target in zip(inputs, others, strict=True)
    ]
