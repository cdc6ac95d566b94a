"""Tiny recordings for the tests of speech problems: tones, and the files that hold them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

SECONDS = 0.05


def tone(index: int, rate: int = 16_000) -> np.ndarray:
    """int16 [N]: a tone of a pitch of its own."""
    times = np.arange(round(SECONDS * rate)) / rate
    return np.int16(9000 * np.sin(2 * np.pi * (200 + 10 * index) * times))


def encoded(samples: np.ndarray, rate: int = 16_000, form: str = "WAV") -> bytes:
    """The samples as the bytes of a sound file."""
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=form)
    return out.getvalue()


def write(path: Path, content: bytes | str) -> Path:
    """Writes a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def chapter(folder: Path, speaker: int, number: int, texts: list[str], first: int = 0) -> None:
    """A chapter in LibriSpeech's layout; utterance i is tone `first` + i."""
    name = f"{speaker}-{number}"
    inside = folder / str(speaker) / str(number)
    lines = []
    for i, text in enumerate(texts):
        write(inside / f"{name}-{i:04d}.flac", encoded(tone(first + i), form="FLAC"))
        lines.append(f"{name}-{i:04d} {text}\n")
    write(inside / f"{name}.trans.txt", "".join(lines))


def pcm(samples: np.ndarray) -> bytes:
    """The samples as they are stored."""
    return samples.astype("<i2").tobytes()
