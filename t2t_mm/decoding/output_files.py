"""The files that t2t-decoder writes: one input a line, each file whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from t2t_mm.decoding.combinations import Combination
from t2t_mm.decoding.settings import BEAM_SEARCH, GREEDY_SEARCH, DecodeSettings
from t2t_mm.errors import UserError
from t2t_mm.files.writing import write_atomically
from t2t_mm.runs.run_record import RunRecord

if TYPE_CHECKING:
    from t2t_mm.decoding.decoder import Decoded
    from t2t_mm.decoding.splits import Answered

MIXED = "mixed"  # stands for the problem where a table mixes several


def suffix(record: RunRecord, name: str) -> str:
    """Tensor2Tensor's: "<model>.<hparams_set>.<problem>"."""
    return f"{record.model}.{record.hparams_set}.{name}"


def path_name(path: Combination) -> str:
    """The problem's name; marked where the model was never trained on it."""
    return f"{path.task.name}.zero_shot" if path.zero_shot else path.task.name


def search_name(settings: DecodeSettings) -> str:
    """The search's name as Tensor2Tensor has it, "beam4.alpha0.6"; or a user's search's name."""
    if settings.samples:
        return f"random.temp{settings.sampling_temp:g}.seed{settings.seed}"
    if settings.strategy not in (GREEDY_SEARCH, BEAM_SEARCH):
        return settings.strategy
    beams = 1 if settings.strategy == GREEDY_SEARCH else settings.beam_size
    return f"beam{beams}.alpha{settings.alpha:g}"


def check_writable(path: Path) -> None:
    """Refuses a place that cannot be written to, before anything is decoded.

    Raises:
      UserError: if its folder does not exist or takes no files, or it is a folder.
    """
    if not os.path.isdir(path.parent):
        raise UserError(
            f"the folder {path.parent} does not exist; create it or change --decode_to_file."
        )
    try:
        folder = path.is_dir()
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); name another in --decode_to_file."
        ) from None
    if folder:
        raise UserError(f"{path} is a folder; name a file in --decode_to_file.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(
            f"the folder {path.parent} cannot be written to; name another in --decode_to_file."
        )


def inputs_beside(decodes: Path) -> Path:
    """The path of the inputs' file: NAME.inputs beside NAME.decodes, and beside NAME."""
    return decodes.with_name(f"{decodes.name.removesuffix('.decodes')}.inputs")


def answer_line(decoded: Decoded, settings: DecodeSettings) -> str:
    """The line of one answer: the output, or Tensor2Tensor's n best between tabs.

    With write_beam_scores every output is followed by its log-probability, again after a tab.
    """
    several = settings.return_beams or settings.num_decodes > 1
    if not (several or settings.write_beam_scores):
        return one_line(decoded.output)
    answers = decoded.alternatives if several else (decoded,)
    if settings.num_decodes > 1:
        answers = answers[: settings.num_decodes]  # of labels there may be more
    cells = []
    for answer in answers:
        cells.append(one_line(answer.output).replace("\t", " "))
        if settings.write_beam_scores:
            cells.append(f"{answer.score:.4f}")
    return "\t".join(cells)


def one_line(text: str) -> str:
    """A line break inside an answer would shift all lines after it."""
    return " ".join(text.splitlines())


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Writes a file in one step."""
    write_atomically(path, "".join(line + "\n" for line in lines))


def write_split(base: Path, answers: Sequence[Answered], settings: DecodeSettings) -> list[Path]:
    """Writes <base>.inputs, <base>.targets and <base>.decodes of a split, aligned by line."""
    columns = {
        "inputs": [one_line(one.inputs) for one in answers],
        "targets": [one_line(one.targets) for one in answers],
        "decodes": [answer_line(one.decoded, settings) for one in answers],
    }
    paths = []
    for name, lines in columns.items():
        paths.append(base.with_name(f"{base.name}.{name}"))
        write_lines(paths[-1], lines)
    return paths
