"""`answer_files`: inputs to a file of answers, so that a killed run goes on where it was.

`score_files`: given answers to a file of how likely the model finds them, one figure a line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_mm.console.progress import Counter
from t2t_mm.decoding.bounds import input_bounds
from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.output_files import answer_line, write_lines
from t2t_mm.decoding.resume_file import ResumeFile, Say
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.files.writing import file_digest
from t2t_mm.runs.trained_run import TrainedRun
from t2t_mm.version import __version__

if TYPE_CHECKING:
    from t2t_mm.decoding.decoder import Decoded
    from t2t_mm.decoding.model_loading import LoadedModel

Load = Callable[[], "LoadedModel"]

_NAMED = 10  # inputs that are too large, of many


def checked(
    asked: Sequence[DecodeInput], run: TrainedRun, settings: DecodeSettings, say: Say
) -> EncodedInputs:
    """Reads every input, showing how far it is; names those that are too large to be answered.

    Raises:
      DataError: for the first that cannot be read.
    """
    with Counter(len(asked), verb="reading") as counter:
        bounds = input_bounds(run.hparams, settings)
        contents = EncodedInputs(asked, run.vocabularies, counter.add, bounds=bounds)
    for sentence in [*contents.left_out.values()][:_NAMED]:
        say(f"not answered: {sentence}")
    if len(contents.left_out) > _NAMED:
        say(f"not answered: {len(contents.left_out) - _NAMED} more inputs that are too large.")
    return contents


def answer_files(
    asked: Sequence[DecodeInput],
    contents: EncodedInputs,
    path: Path | None,
    settings: DecodeSettings,
    load: Load,
    say: Say,
) -> list[Decoded]:
    """Answers inputs and writes one line each, in their order.

    Args:
      asked: the inputs; problems may be mixed.
      contents: of the same inputs.
      path: the finished file; what is answered before stands beside it. None: nothing is written.
      settings: how to search.
      load: gives the model.
      say: told what a user should know.

    Returns:
      The answers, in the order of the inputs; `unanswered()` for what is too large.

    Raises:
      UserError: if the file cannot be written, or another run is writing it.
    """
    loaded = load()
    # TensorFlow, which load() has brought
    from t2t_mm.decoding.answering import answers
    from t2t_mm.decoding.decoder import unanswered

    identity = {"inputs": contents.digest, **identity_of(loaded, settings)}
    with ResumeFile(path, identity, say) as partial:
        wanted = len(asked) - len(contents.left_out)
        with Counter(wanted, len(partial.done)) as counter:
            decoder = loaded.decoder_for(settings)
            for found in answers(decoder, asked, contents, loaded.hparams, partial.done):
                counter.add(len(found.keys() - partial.done.keys()))
                partial.add(found)
        partial.done.update(dict.fromkeys(contents.left_out, unanswered()))
        decoded = [partial.done[index] for index in range(len(asked))]
        if path is not None:
            write_lines(path, (answer_line(one, settings) for one in decoded))
            partial.finish()
    return decoded


def score_files(
    asked: Sequence[DecodeInput],
    contents: EncodedInputs,
    path: Path | None,
    settings: DecodeSettings,
    load: Load,
) -> list[float]:
    """Scores given answers and writes one log-probability a line.

    Args:
      asked: inputs and targets; problems may be mixed.
      contents: of the same inputs.
      path: where the figures go; None: nowhere.
      settings: batch_size is read.
      load: gives the model.

    Returns:
      The natural logarithm of each answer's probability, in their order; NaN for what is too large.
    """
    loaded = load()
    from t2t_mm.decoding.target_scores import scores  # TensorFlow, which load() has brought

    decoder = loaded.decoder_for(settings)
    found = dict.fromkeys(contents.left_out, math.nan)
    with Counter(len(asked) - len(found), verb="scoring") as counter:
        for part in scores(decoder, asked, contents, loaded.hparams, loaded.vocabularies):
            found |= part
            counter.add(len(part))
    ordered = [found[index] for index in range(len(asked))]
    if path is not None:
        write_lines(path, (f"{score:.6f}" for score in ordered))
    return ordered


def identity_of(loaded: LoadedModel, settings: DecodeSettings) -> dict[str, Any]:
    """All that answers depend on besides their inputs; see `ResumeFile`.

    The index of a checkpoint holds a checksum of every variable.
    """
    return {
        "weights": file_digest(Path(f"{loaded.checkpoint}.index")),
        "settings": settings.to_dict(),
        "versions of t2t_mm": __version__,
    }
