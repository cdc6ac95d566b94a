"""Names in one Unicode normal form: "é" is one character on Linux, mostly, and two on a Mac."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def same_form(name: str) -> str:
    """The name in normal form C, in which names are compared."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def decomposed(name: str) -> str:
    """The name in normal form D, as old Macs store it."""
    return name if name.isascii() else unicodedata.normalize("NFD", name)


def in_any_form(path: Path) -> Path:
    """`path`, or the file or folder that is there under that name in another normal form."""
    text = str(path)
    if text.isascii() or os.path.exists(path):
        return path
    for form in ("NFC", "NFD"):
        other = Path(unicodedata.normalize(form, text))
        if os.path.exists(other):
            return other
    return _looked_up(path) or path


def _looked_up(path: Path) -> Path | None:
    """The path part by part, for one whose parts have different forms."""
    found = Path(path.anchor)
    for part in path.parts[bool(path.anchor) :]:
        if not os.path.exists(found / part):
            try:
                names = os.listdir(found)
            except OSError:
                return None
            part = next((name for name in names if same_form(name) == same_form(part)), "")
            if not part:
                return None
        found /= part
    return found
