"""The files that t2t-decoder writes: one answer a line, each file whole or not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from t2t_mm.data.records import write_atomically
from t2t_mm.decoding.decoder import Decoded
from t2t_mm.decoding.splits import Answered
from t2t_mm.errors import UserError
from t2t_mm.runs.run_record import RunRecord


def suffix(record: RunRecord, problem: str) -> str:
    """Tensor2Tensor's: "<model>.<hparams_set>.<problem>"."""
    return f"{record.model}.{record.hparams_set}.{problem}"


def decodes_path(decode_from_file: str, record: RunRecord, problem: str) -> Path:
    """Where the answers to a file go, if --decode_to_file does not say: beside the (first) file."""
    path = Path(decode_from_file).expanduser()
    if not path.exists():  # several, separated by commas
        path = Path(decode_from_file.split(",")[0].strip()).expanduser()
    return path.with_name(f"{path.name}.{suffix(record, problem)}.decodes")


def check_writable(path: Path) -> None:
    """Refuses a place that cannot be written to, before anything is decoded.

    Raises:
      UserError: if its folder does not exist, or it is a folder.
    """
    if not path.parent.is_dir():
        raise UserError(
            f"the folder {path.parent} does not exist; create it or change --decode_to_file."
        )
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file in --decode_to_file.")


def write_decodes(path: Path, decoded: Sequence[Decoded]) -> None:
    """Writes the outputs of a file."""
    _write(path, (one.output for one in decoded))


def write_split(base: Path, answers: Sequence[Answered]) -> list[Path]:
    """Writes <base>.inputs, <base>.targets and <base>.decodes of a split, aligned by line."""
    columns = {
        "inputs": [one.inputs for one in answers],
        "targets": [one.targets for one in answers],
        "decodes": [one.decoded.output for one in answers],
    }
    paths = []
    for name, texts in columns.items():
        paths.append(base.with_name(f"{base.name}.{name}"))
        _write(paths[-1], texts)
    return paths


def _write(path: Path, texts: Iterable[str]) -> None:
    # A line break inside an answer would shift all lines after it.
    lines = [" ".join(text.splitlines()) + "\n" for text in texts]
    write_atomically(path, "".join(lines).encode())
