"""The endings of the files that are read as images and as sounds: one list for every entrance.

They are those that the libraries which decode give to the formats that are proven here (by
tests/kinds/test_file_endings.py), so that no entrance passes over what another reads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

# Pillow's names. Others it reads are rare, or handed to other programs (EPS).
IMAGE_FORMATS = (
    "JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "DIB", "JPEG2000", "TGA", "PCX", "SGI",
    "AVIF", "ICO",
)  # fmt: skip
# libsndfile's names, which come without endings.
_SOUND_ENDINGS = {
    "WAV": (".wav",),
    "FLAC": (".flac",),
    "OGG": (".ogg", ".oga", ".opus"),
    "MP3": (".mp3",),
    "AIFF": (".aiff", ".aif", ".aifc"),
    "AU": (".au", ".snd"),
    "CAF": (".caf",),
    "W64": (".w64",),
    "RF64": (".rf64",),
    "NIST": (".sph", ".nist"),
    "VOC": (".voc",),
}


class Endings:
    """A class attribute that is found out when it is first asked for: importing costs nothing.

    Args:
      find: gives the endings, lower case.
    """

    def __init__(self, find: Callable[[], tuple[str, ...]]):
        self._find = find

    def __get__(self, owner: object, cls: type | None = None) -> tuple[str, ...]:
        return self._find()


@functools.cache
def image_endings() -> tuple[str, ...]:
    """The endings of images, the most frequent formats first."""
    from PIL import Image

    known = Image.registered_extensions()
    return tuple(
        ending
        for name in IMAGE_FORMATS
        for ending in sorted(known)
        if known[ending] == name and name in Image.OPEN
    )


@functools.cache
def sound_endings() -> tuple[str, ...]:
    """The endings of sounds, the most frequent formats first."""
    import soundfile

    known = soundfile.available_formats()
    return tuple(e for name, endings in _SOUND_ENDINGS.items() if name in known for e in endings)
