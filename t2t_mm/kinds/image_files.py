"""Encoded images: decoded once to prove them, stored as they are where TensorFlow reads them."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from t2t_mm.kinds.broken import BrokenValue

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

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
            image = Image.open(io.BytesIO(content))
            image.load()
    except Exception as error:  # decoders raise what they like over damaged bytes
        raise _broken(error) from None
    if image.mode in _KEPT.get(image.format or "", ()) and not _has_ambiguous_palette(image):
        return content
    return _as_png(image)


def _has_ambiguous_palette(image: PillowImage) -> bool:
    """A palette with transparency: decoders disagree about its colors."""
    return image.mode == "P" and "transparency" in image.info


def _as_png(image: PillowImage) -> bytes:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits and more: the upper eight
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    elif "transparency" in image.info:
        image = image.convert("RGBA")
    out = io.BytesIO()
    image.convert("RGB").save(out, "PNG")
    return out.getvalue()


def _broken(error: Exception) -> BrokenValue:
    detail = str(error).partition("<_io")[0].strip() or type(error).__name__
    return BrokenValue(
        "broken image",
        f"is not an image that can be decoded ({detail.rstrip('.')}); give a whole PNG or JPEG "
        "file",
    )
