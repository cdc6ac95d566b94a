"""Whether a row is of its problem's modality, and its bytes as the exported graph reads them.

Pictures and sounds pass through the same functions as t2t-decoder's, so every format that it reads
is allowed here, and sounds are resampled alike.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

from t2t_mm.data.generation.examples import checked_text, no_text
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.image_files import stored_picture
from t2t_mm.kinds.sound_files import stored_sound
from t2t_mm.kinds.wav_files import pcm_file
from t2t_mm.serving.http.limits import Limits
from t2t_mm.serving.http.request_error import RequestError, bad_request
from t2t_mm.serving.http.rest import Value

# Named, because Pillow would hand some others to external programs.
_PICTURES = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")


def checked_row(
    value: Value,
    kind: str,
    sample_rate: int | None,
    limits: Limits,
    where: str,
    absent: bool = False,
) -> bytes:
    """The bytes to give to the model.

    Args:
      value: str, or bytes where the request has base64.
      kind: "text", "image" or "audio".
      sample_rate: Hz, of an audio problem.
      limits: bounds of its size.
      where: names the value in an error.
      absent: nothing is read, as by a language model: the text has to be empty.

    Raises:
      RequestError: 400, if it is of another modality, damaged, or beyond a limit.
    """
    try:
        if kind == "text":
            return _text(value, limits, no_text if absent else checked_text)
        if isinstance(value, str):
            raise BrokenValue("text", _WANTED[kind])
        return _picture(value, limits) if kind == "image" else _sound(value, sample_rate, limits)
    except BrokenValue as error:
        raise _refused(where, error) from None


_WANTED = {
    "image": 'is text, but this problem takes a picture; send its file as {"b64": "..."}',
    "audio": 'is text, but this problem takes a sound; send its file as {"b64": "..."}',
}


def _refused(where: str, error: BrokenValue) -> RequestError:
    return bad_request(f"{where} {error.detail}.")


def _text(value: Value, limits: Limits, checked: Callable[[str], str]) -> bytes:
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BrokenValue(
                "invalid UTF-8",
                f"is not valid UTF-8 ({error.reason} at byte {error.start}), but this problem "
                "takes text",
            ) from None
    encoded = checked(value).encode("utf-8")
    if len(encoded) > limits.text_bytes:
        raise BrokenValue(
            "long text",
            f"has {len(encoded):,} bytes of text; at most {limits.text_bytes:,} are allowed "
            "(--max_text_bytes)",
        )
    return encoded


def _picture(content: bytes, limits: Limits) -> bytes:
    width, height = _picture_size(content)
    if width * height > limits.pixels:
        raise BrokenValue(
            "large picture",
            f"has {width} x {height} pixels; at most {limits.pixels:,} are allowed (--max_pixels)",
        )
    return stored_picture(content)


def _picture_size(content: bytes) -> tuple[int, int]:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(content), formats=_PICTURES).size
    except Exception:  # decoders raise what they like over damaged bytes
        names = ", ".join(_PICTURES[:-1]) + f" or {_PICTURES[-1]}"
        raise BrokenValue(
            "no picture", f"is no picture, but this problem takes one; give a whole {names} file"
        ) from None


def _sound(content: bytes, sample_rate: int | None, limits: Limits) -> bytes:
    import soundfile

    try:
        seconds = soundfile.info(io.BytesIO(content)).duration
    except (RuntimeError, OSError, TypeError, ValueError):
        raise BrokenValue(
            "no sound", "is no sound, but this problem takes one; give a whole WAV or FLAC file"
        ) from None
    if seconds > limits.audio_seconds:
        raise BrokenValue(
            "long sound",
            f"has {seconds:.2f} seconds; at most {limits.audio_seconds:g} are allowed "
            "(--max_audio_seconds)",
        )
    rate = sample_rate or 16_000
    return pcm_file(stored_sound(content, rate), rate)
