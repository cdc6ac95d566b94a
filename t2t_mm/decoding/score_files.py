"""`score_files`: how likely the model finds the answers of a file, one figure a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from t2t_mm.console.progress import Counter
from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.file_decoding import Load
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.output_files import write_lines
from t2t_mm.decoding.settings import DecodeSettings


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
      The natural logarithm of each answer's probability, in their order.
    """
    loaded = load()
    from t2t_mm.decoding.target_scores import scores  # TensorFlow, which load() has brought

    decoder = loaded.decoder_for(settings)
    found: dict[int, float] = {}
    with Counter(len(asked), verb="scoring") as counter:
        for part in scores(decoder, asked, contents, loaded.hparams, loaded.vocabularies):
            found |= part
            counter.add(len(part))
    ordered = [found[index] for index in range(len(asked))]
    if path is not None:
        write_lines(path, (f"{score:.6f}" for score in ordered))
    return ordered
