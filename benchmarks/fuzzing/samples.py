"""Small whole sounds and pictures in all formats that the libraries write."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np


def pictures() -> dict[str, bytes]:
    """Name with its ending -> an encoded picture of a few pixels."""
    return dict(_pictures())


def _pictures() -> Iterator[tuple[str, bytes]]:
    from PIL import Image

    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (9, 11, 4), np.uint8)
    color = Image.fromarray(noise[..., :3])
    rgba = Image.fromarray(noise)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        picture = (
            rgba if mode == "RGBA" else rgba.convert("LA") if mode == "LA" else color.convert(mode)
        )
        yield f"{mode}.png", _saved(picture, "PNG")
    yield "I16.png", _saved(Image.fromarray(noise[..., 0].astype(np.uint16) * 257), "PNG")
    for mode in ("L", "RGB", "CMYK"):
        yield f"{mode}.jpg", _saved(color.convert(mode), "JPEG", quality=90)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "turned.jpg", _saved(color, "JPEG", exif=exif)
    yield "progressive.jpg", _saved(color, "JPEG", progressive=True)
    yield "one.gif", _saved(color.convert("P"), "GIF")
    frames = [color.convert("P"), color.transpose(0).convert("P")]
    yield "two.gif", _saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    for mode in ("1", "L", "P", "RGB"):
        yield f"{mode}.bmp", _saved(color.convert(mode), "BMP")
    yield "lossy.webp", _saved(color, "WEBP")
    yield "lossless.webp", _saved(rgba, "WEBP", lossless=True)
    for mode in ("L", "RGB", "CMYK"):
        yield f"{mode}.tif", _saved(color.convert(mode), "TIFF")
    yield "lzw.tif", _saved(color, "TIFF", compression="tiff_lzw")
    yield "deflate.tif", _saved(color, "TIFF", compression="tiff_adobe_deflate")
    yield "float.tif", _saved(Image.fromarray(noise[..., 0].astype(np.float32) / 255), "TIFF")
    yield "I16.tif", _saved(Image.fromarray(noise[..., 0].astype(np.uint16) * 257), "TIFF")


def _saved(picture, form: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


_SOUNDS = (
    ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_U8"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"),
    ("WAV", "ULAW"), ("WAV", "IMA_ADPCM"), ("WAV", "GSM610"), ("WAVEX", "PCM_16"), ("RF64",
    "PCM_16"),
    ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AIFF", "FLOAT"), ("AU", "PCM_16"), ("AU", "ULAW"),
    ("NIST", "PCM_16"), ("VOC", "PCM_16"), ("CAF", "PCM_16"), ("FLAC", "PCM_16"), ("FLAC",
    "PCM_24"),
    ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
)  # fmt: skip
UNCOMPRESSED = ("PCM", "FLOAT", "DOUBLE", "LAW")  # whose samples all are in the file one by one


def sounds() -> dict[str, bytes]:
    """Name -> an encoded tone of 0.2 s at 8000 Hz."""
    import soundfile

    found = {}
    for channels in (1, 2):
        times = np.arange(1600) / 8000
        tone = np.stack(
            [0.5 * np.sin(2 * np.pi * 440 * (c + 1) * times) for c in range(channels)], 1
        )
        for form, subtype in _SOUNDS:
            out = io.BytesIO()
            try:
                soundfile.write(out, tone, 8000, subtype, format=form)
            except (RuntimeError, ValueError, TypeError):
                continue  # this libsndfile does not write it
            found[f"{form}-{subtype}-{channels}"] = out.getvalue()
    wav = found["WAV-PCM_16-1"]
    open_end = (
        wav[:4]
        + struct.pack("<I", 0x7FFFFFFF)
        + wav[8:40]
        + struct.pack("<I", 0x7FFFF000)
        + wav[44:]
    )
    return {**found, "WAV-PCM_16-open": open_end}
