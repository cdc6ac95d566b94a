"""NIST SPHERE sound files (.wv1, .sph), as the Linguistic Data Consortium distributes speech.

libsndfile decodes the uncompressed ones. Most of the LDC's are compressed with shorten, inside of
the SPHERE file, which only the LDC's own program `sph2pipe` undoes: where it is installed, it is
used.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from t2t_mm.errors import DataError

_MAGIC = b"NIST_1A"
_CONVERTER = "sph2pipe"


def is_sphere(content: bytes) -> bool:
    """True if it begins as a SPHERE file does."""
    return content.startswith(_MAGIC)


def header(content: bytes) -> Mapping[str, str | int | float]:
    """The fields of a SPHERE file's header, such as "sample_rate" and "sample_coding".

    Args:
      content: the file, or its beginning.

    Raises:
      DataError: if it is not a SPHERE file.
    """
    lines = content[:1024].split(b"\n")
    try:
        if not is_sphere(content) or lines[0].strip() != _MAGIC:
            raise ValueError("it does not begin with NIST_1A")
        size = int(lines[1])
        text = content[:size].decode("latin-1")
        return dict(_fields(text.partition("\nend_head")[0].split("\n")[2:]))
    except (ValueError, IndexError, KeyError) as error:
        raise DataError(f"no SPHERE header ({error}).") from None


def _fields(lines: list[str]) -> Iterator[tuple[str, str | int | float]]:
    """(name, value) of lines as "sample_rate -i 16000" and "sample_coding -s3 pcm"."""
    for line in lines:
        name, _, rest = line.strip().partition(" ")
        kind, _, value = rest.partition(" ")
        if name and not name.startswith(";"):
            yield name, {"-i": int, "-r": float}.get(kind, str)(value.strip())


def read_sound(path: Path) -> bytes:
    """The bytes of a sound file that libsndfile reads.

    Args:
      path: of a SPHERE file, or of any other, which is read as it is.

    Raises:
      DataError: for a SPHERE file that is compressed, unless sph2pipe is installed.
    """
    content = path.read_bytes()
    if not is_sphere(content):
        return content
    try:
        coding = str(header(content).get("sample_coding", "pcm"))
    except DataError as cause:
        raise DataError(f"{path} is damaged: {cause}") from None
    return content if "," not in coding else _decompressed(path, coding)


def _decompressed(path: Path, coding: str) -> bytes:
    program = shutil.which(_CONVERTER)
    if program is None:
        raise DataError(
            f"{path} is compressed ({coding}); install sph2pipe "
            "(https://github.com/burrmill/sph2pipe) and put it on the PATH, or write a WAV file "
            f"beside it: sph2pipe -f wav {path} {path.with_suffix('.wav')}."
        )
    done = subprocess.run([program, "-f", "wav", str(path)], capture_output=True)
    if done.returncode or not done.stdout:
        why = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0][:200].rstrip(".")
        raise DataError(f"sph2pipe cannot convert {path} ({why or 'it wrote nothing'}).")
    return done.stdout
