"""Encoded pictures: decoded once to prove them, stored as they are where TensorFlow reads them."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from t2t_mm.kinds.broken import BrokenValue

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_KEPT = {"PNG": {"1", "L", "LA", "P", "RGB", "RGBA"}, "JPEG": {"L", "RGB"}}  # format: modes


def stored_image(content: bytes) -> bytes:
    """The bytes to store: `content`, or a PNG where tf.io.decode_image could not read it.

    Raises:
      BrokenValue: if it cannot be decoded to its last line.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content))
            picture.load()
    except Exception as error:  # decoders raise what they like over damaged bytes
        raise _broken(error) from None
    if picture.mode in _KEPT.get(picture.format or "", ()) and not _is_odd(picture):
        return content
    return _as_png(picture)


def _is_odd(picture: Picture) -> bool:
    """A palette with transparency: decoders disagree about its colours."""
    return picture.mode == "P" and "transparency" in picture.info


def _as_png(picture: Picture) -> bytes:
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits and more: the upper eight
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    elif "transparency" in picture.info:
        picture = picture.convert("RGBA")
    out = io.BytesIO()
    picture.convert("RGB").save(out, "PNG")
    return out.getvalue()


def _broken(error: Exception) -> BrokenValue:
    detail = str(error).partition("<_io")[0].strip() or type(error).__name__
    return BrokenValue(
        "broken image",
        f"is not an image that can be decoded ({detail.rstrip('.')}); give a whole PNG or JPEG "
        "file",
    )
