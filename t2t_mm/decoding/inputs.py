"""What a user hands in, as a problem stores it, or a sentence on what is wrong with it.

No TensorFlow: what is stored is turned into a model's input by the kinds, as in training.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2t_mm.data.generation.examples import checked_text, no_text
from t2t_mm.errors import DataError
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.image_files import stored_picture
from t2t_mm.kinds.sound_files import stored_sound
from t2t_mm.kinds.vocabulary import EOS, Vocabulary
from t2t_mm.problem import FeatureSpec

Raw = str | bytes | Path

NOUNS = {"image": "picture", "audio": "sound"}


@dataclass(frozen=True)
class StoredInput:
    """An input as the problem's records hold it.

    Attributes:
      value: token ids with EOS, an encoded picture, or PCM.
      length: tokens, or samples; 1 for a picture.
    """

    value: list[int] | bytes
    length: int


def stored_input(
    raw: Raw, spec: FeatureSpec, vocabularies: Mapping[str, Vocabulary], place: str | None = None
) -> StoredInput:
    """Checks one input and encodes it.

    Args:
      raw: of a text problem: the text, or its UTF-8 bytes. Of pictures and sounds: a file's path
        (str or Path), or the bytes of an encoded file.
      spec: the problem's inputs.
      vocabularies: by name.
      place: where it comes from, for the error; None: its path, or "the input".

    Raises:
      DataError: names the place, and says what is wrong and what is allowed.
    """
    readers: dict[str, Callable[[Raw], StoredInput]] = {
        "text": lambda raw: _text(raw, spec, vocabularies[spec.vocabulary or ""]),
        "image": lambda raw: StoredInput(stored_picture(_content(raw)), 1),
        "audio": lambda raw: _sound(_content(raw), spec.sample_rate or 16_000),
    }
    if spec.kind not in readers:
        raise DataError(
            f"a problem whose inputs are of modality '{spec.modality}' cannot be decoded from "
            "files; decode a split of its data with --decode_split."
        )
    try:
        return readers[spec.kind](raw)
    except BrokenValue as error:
        raise DataError(f"{place or _place(raw, spec)} {error.detail}.") from None


def _text(raw: Raw, spec: FeatureSpec, vocabulary: Vocabulary) -> StoredInput:
    if isinstance(raw, bytes):
        try:
            raw = raw.decode()
        except UnicodeDecodeError as error:
            raise BrokenValue(
                "invalid UTF-8",
                f"is not valid UTF-8 ({error.reason} at byte {error.start}); convert it to UTF-8",
            ) from None
    text = no_text(raw) if spec.absent else checked_text(raw)
    ids = [*vocabulary.encode(text), EOS]
    return StoredInput(ids, len(ids))


def _sound(content: bytes, sample_rate: int) -> StoredInput:
    pcm = stored_sound(content, sample_rate)
    return StoredInput(pcm, len(pcm) // 2)


def _content(raw: Raw) -> bytes:
    if isinstance(raw, bytes):
        return raw
    try:
        return expanded(raw).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = f"cannot be read ({_reason(error)}); check the path"
        raise BrokenValue("unreadable file", reason) from None


def expanded(path: str | Path) -> Path:
    """The path with "~" resolved, or as it is where there is no such home."""
    return Path(os.path.expanduser(path))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _place(raw: Raw, spec: FeatureSpec) -> str:
    if spec.kind == "text" or isinstance(raw, bytes):
        return "the input"
    return f"the {NOUNS[spec.kind]} {raw}"


def read_lines(path: str | Path, empty: bool = False) -> list[str]:
    """The lines of a UTF-8 text file, none of them empty unless `empty` allows it.

    Raises:
      DataError: for a file that cannot be read or holds nothing, an empty line, or invalid UTF-8.
    """
    try:
        content = expanded(path).read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({_reason(error)}); check the path.") from None
    return text_lines(content, path, empty)


def text_lines(content: bytes, path: str | Path, empty: bool = False) -> list[str]:
    """The lines of what was read from `path`; see `read_lines`."""
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise DataError(f"{path} is empty; give it one input a line.")
    return [_line(line, number, path, empty) for number, line in enumerate(lines, 1)]


def _line(line: bytes, number: int, path: str | Path, empty: bool) -> str:
    try:
        text = line.removesuffix(b"\r").decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"line {number} of {path} is not valid UTF-8 ({error.reason} at its byte "
            f"{error.start + 1}); convert the file to UTF-8."
        ) from None
    if not text.strip() and not empty:
        raise DataError(f"line {number} of {path} is empty; give one input a line.")
    return text


def stacked(inputs: Sequence[StoredInput]) -> Any:
    """StoredInput inputs of one kind as `data.features.prepare` takes them; imports TensorFlow."""
    import tensorflow as tf

    values = [item.value for item in inputs]
    if isinstance(values[0], bytes):
        return tf.constant(values, tf.string)
    return tf.ragged.constant(values, tf.int64, row_splits_dtype=tf.int64)
