"""Encoded images: decoded once to prove them, stored as they are where TensorFlow shows the same.

What is stored has the pixels that people's viewers show: turned as its tags say, transparent parts
over white, the first picture of several. Every entrance reads an image by these functions;
`graph/images.py` does as they do.
"""

from __future__ import annotations

import functools
import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.file_endings import IMAGE_FORMATS
from t2t_mm.kinds.image_structure import is_plain_jpeg, is_plain_png

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

_KEPT = {"PNG": {"1", "L", "LA", "P", "RGB", "RGBA"}, "JPEG": {"L", "RGB"}}  # format: modes
_PLAIN = {"PNG": is_plain_png, "JPEG": is_plain_jpeg}
_ORIENTATION = 0x0112  # EXIF's tag; 1 is upright
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # TIFF's tags
_WHITE_IS_ZERO = 0  # of the latter; Pillow minds it for 8 bits and less
_DARKEST = 16  # of 256: what 16-bit numbers of at most 12 bits would leave


def stored_image(content: bytes) -> bytes:
    """The bytes to store: `content`, or a PNG where tf.io.decode_image would show something else.

    Raises:
      BrokenValue: if it cannot be decoded to its last line, by Pillow or by TensorFlow, or if its
        numbers have no meaning as brightness.
    """
    try:
        image = opened_image(content)
        image.load()
        bits, tags = _bits(image, content), getattr(image, "tag_v2", {})
        _check_brightness(image, bits)
        upright = _upright(image)
        over_white = _over_white(upright)
        kept = image.mode in _KEPT.get(image.format or "", ()) and not _has_ambiguous_palette(image)
        if not (kept and over_white is image):
            return _as_png(over_white, bits, tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)
    except BrokenValue:
        raise
    except Exception as error:  # decoders raise what they like over damaged bytes
        raise _broken(str(error).partition("<_io")[0].strip() or type(error).__name__) from None
    if not _PLAIN[str(image.format)](content) and not is_read_by_tensorflow(content):
        raise _broken("it is damaged: Pillow reads it, but TensorFlow does not")
    return content


def opened_image(content: bytes) -> PillowImage:
    """An image whose header is read, and not yet its pixels.

    Raises:
      Exception: of any kind, for what is not an image of one of `formats`.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about damaged tags
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(content), formats=formats())


@functools.cache
def formats() -> tuple[str, ...]:
    """Pillow's names of the formats that are read."""
    from PIL import Image

    Image.init()
    return tuple(name for name in IMAGE_FORMATS if name in Image.OPEN)


def is_read_by_tensorflow(content: bytes) -> bool:
    """Shows an image to the decoder that reads it in training."""
    import tensorflow as tf

    try:
        with tf.device("CPU:0"):
            tf.io.decode_image(content, channels=3, expand_animations=False)
    except tf.errors.InvalidArgumentError:
        return False
    return True


def _upright(image: PillowImage) -> PillowImage:
    """Turned and mirrored as its EXIF tag says; itself without one. TIFF files are already."""
    from PIL.Image import Transpose

    turns = (
        Transpose.FLIP_LEFT_RIGHT, Transpose.ROTATE_180, Transpose.FLIP_TOP_BOTTOM,
        Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90,
    )  # fmt: skip
    told = orientation(image.info.get("exif", b"")) if image.format != "TIFF" else 1
    return image.transpose(turns[told - 2]) if told > 1 else image


def orientation(exif: bytes) -> int:
    """EXIF's orientation, 1 (upright) to 8; 1 where it is not told."""
    from PIL import Image

    if not exif:
        return 1
    found = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.load(exif)
            told = found.get(_ORIENTATION, 1)
    except Exception:  # of damaged tags
        return 1
    return told if told in range(2, 9) else 1


def _over_white(image: PillowImage) -> PillowImage:
    """Over a white page; the same image if no pixel is transparent."""
    from PIL import Image

    if not image.has_transparency_data:
        return image
    seen = image.convert("RGBA")
    if seen.getchannel("A").getextrema() == (255, 255):
        return image
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)


def _has_ambiguous_palette(image: PillowImage) -> bool:
    """A palette with transparency: decoders disagree about its colors."""
    return image.mode == "P" and "transparency" in image.info


def _check_brightness(image: PillowImage, bits: int) -> None:
    """Refuses numbers that would become black or mean nothing as 8 bits.

    Floats must lie between 0 and 1; of whole numbers the upper 8 bits are taken.
    """
    if bits <= 8:
        return
    extrema = np.reshape(image.getextrema(), (-1, 2))
    low, high = extrema.min(), extrema.max()
    if image.mode == "F":
        if not 0 <= low <= high <= 1:
            raise _meaningless(f"floats from {low:.4g} to {high:.4g}; give them from 0 to 1")
        return
    if image.mode == "I" and image.format == "TIFF":
        raise _meaningless(f"whole numbers of 32 bits from {low} to {high}; give 8 or 16 bits")
    scale = 1 << (bits - 8)
    high = high if image.mode.startswith("I") else high * scale
    if high < _DARKEST * scale:
        raise _meaningless(
            f"{bits}-bit numbers up to {high} of {256 * scale - 1}, which would be next to black; "
            "spread them over all of that, or give 8 bits"
        )


def _bits(image: PillowImage, content: bytes) -> int:
    """The bits of a color of a pixel."""
    if image.format == "PNG":
        return content[24]
    tags = getattr(image, "tag_v2", {})  # of TIFF
    deep = image.mode == "F" or image.mode.startswith("I")
    return max(tags.get(_BITS_PER_SAMPLE, (16 if deep else 8,)))


def _as_png(image: PillowImage, bits: int, inverted: bool) -> bytes:
    if image.mode == "F":
        image = image.point(lambda value: value * 255 + 0.5).convert("L")
    elif image.mode.startswith("I"):  # 12 or 16 bits: the upper eight
        scale = 1 << (bits - 8)
        image = image.convert("I").point(lambda value: value / scale).convert("L")
        image = image.point(lambda value: 255 - value) if inverted else image
    elif "transparency" in image.info:
        image = image.convert("RGBA")
    out = io.BytesIO()
    image.convert("RGB").save(out, "PNG")
    return out.getvalue()


def _meaningless(what: str) -> BrokenValue:
    return BrokenValue("brightness unknown", f"is an image of {what}")


def _broken(why: str) -> BrokenValue:
    return BrokenValue(
        "broken image",
        f"is not an image that can be decoded ({why.rstrip('.')}); give a whole PNG or JPEG file",
    )
