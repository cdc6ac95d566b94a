"""Image files: what viewers show is stored, what has no brightness or is damaged is refused."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.image_files import formats, stored_image
from t2t_mm.kinds.image_structure import is_plain_jpeg, is_plain_png

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
COLORS = Image.fromarray(PIXELS)
DEEP = np.random.default_rng(1).integers(0, 65536, (6, 5), np.uint16)
DEEP[0, :2] = 32, 65_000


def saved(image: Image.Image | np.ndarray, form: str, **how: Any) -> bytes:
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, form, **how)
    return out.getvalue()


def seen(content: bytes) -> np.ndarray:
    """What training sees, int [H, W, 3]."""
    stored = stored_image(content)
    return tf.io.decode_image(stored, channels=3, expand_animations=False).numpy().astype(int)


def refusal(content: bytes) -> str:
    with pytest.raises(BrokenValue) as error:
        stored_image(content)
    return error.value.detail


def turned(told: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = told
    return tags


TURNS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: p.transpose(1, 0, 2)[:, ::-1],
    7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda p: p.transpose(1, 0, 2)[::-1],
}


@pytest.mark.parametrize("told", TURNS)
def test_images_are_turned_as_their_tags_say(told: int) -> None:
    for form, how in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
        content = saved(COLORS, form, exif=turned(told), **how)
        np.testing.assert_array_equal(seen(content), TURNS[told](PIXELS), err_msg=form)
    plain = np.asarray(Image.open(io.BytesIO(saved(COLORS, "JPEG", quality=95))))
    found = seen(saved(COLORS, "JPEG", quality=95, exif=turned(told)))
    assert abs(found - TURNS[told](plain).astype(int)).max() <= (8 if told == 1 else 0)


def test_upright_jpegs_and_opaque_pngs_keep_their_bytes() -> None:
    for told in (0, 1, 9):
        content = saved(COLORS, "JPEG", exif=turned(told))
        assert stored_image(content) == content
    damaged = saved(COLORS, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert stored_image(damaged) == damaged
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        content = saved(COLORS.convert(mode), "PNG")
        assert stored_image(content) == content


def test_transparent_parts_lie_over_white() -> None:
    clear = COLORS.convert("RGBA")
    clear.putpixel((0, 0), (1, 2, 3, 0))
    clear.putpixel((1, 0), (0, 100, 200, 51))
    expected = PIXELS.astype(int)
    expected[0, :2] = [[255, 255, 255], [204, 224, 244]]
    for form, how in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
        np.testing.assert_array_equal(seen(saved(clear, form, **how)), expected, err_msg=form)
    gray = COLORS.convert("L")
    level = gray.getpixel((0, 0))
    white = np.where(np.asarray(gray) == level, 255, np.asarray(gray))
    for content in (saved(gray, "PNG", transparency=level), saved(gray, "GIF", transparency=level)):
        np.testing.assert_array_equal(seen(content)[..., 0], white)
    keyed = saved(COLORS, "PNG", transparency=tuple(PIXELS[0, 0].tolist()))
    assert seen(keyed)[0, 0].tolist() == [255] * 3
    np.testing.assert_array_equal(seen(keyed)[1:], PIXELS[1:])


def test_floats_from_0_to_1_are_scaled() -> None:
    content = saved((DEEP / 65535).astype(np.float32), "TIFF")
    expected = np.rint(DEEP / 65535 * 255)
    np.testing.assert_array_equal(seen(content)[..., 0], expected)
    zeros = saved(np.zeros((3, 3), np.float32), "TIFF")
    assert not seen(zeros).any()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (DEEP.astype(np.float32), "is an image of floats from 32 to 6.5e+04; give them from 0"),
        (np.full((3, 3), -0.5, np.float32), "floats from -0.5 to -0.5; give them from 0 to 1"),
        (np.full((3, 3), np.nan, np.float32), "floats from nan to nan"),
        (DEEP.astype(np.int32), "whole numbers of 32 bits from 32 to 65000; give 8 or 16 bits"),
        (DEEP >> 5, "16-bit numbers up to 2031 of 65535, which would be next to black"),
        (DEEP >> 8, "16-bit numbers up to 253 of 65535, which would be next to black"),
    ],
)
def test_numbers_without_brightness_are_refused(values: np.ndarray, words: str) -> None:
    assert words in refusal(saved(values, "TIFF"))


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_become_their_upper_eight(form: str) -> None:
    np.testing.assert_array_equal(seen(saved(DEEP, form))[..., 0], DEEP // 256)
    assert "next to black" in refusal(saved(DEEP >> 5, form))


def deep_color_png(values: np.ndarray) -> bytes:
    """An RGB image of 16 bits, which Pillow cannot write."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return png_of([(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


def test_sixteen_bits_of_color() -> None:
    values = np.random.default_rng(2).integers(0, 65536, (4, 3, 3), np.uint16)
    np.testing.assert_array_equal(seen(deep_color_png(values)), values // 256)
    assert "16-bit numbers up to " in refusal(deep_color_png(values >> 4))


def test_other_color_spaces_and_several_pictures() -> None:
    for mode in ("CMYK", "YCbCr"):
        assert abs(seen(saved(COLORS.convert(mode), "TIFF")) - PIXELS).max() <= 3
    black = saved(COLORS.convert("1"), "TIFF")
    np.testing.assert_array_equal(seen(black)[..., 0], np.asarray(COLORS.convert("1")) * 255)
    frames = [Image.new("RGB", (4, 4), name) for name in ("red", "blue")]
    for form in ("GIF", "PNG", "TIFF"):
        content = saved(frames[0], form, save_all=True, append_images=frames[1:])
        assert (seen(content) == [255, 0, 0]).all(), form


def test_formats_that_run_programs_are_not_read() -> None:
    assert {"PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM"} < set(formats())
    assert not {"EPS", "WMF"} & set(formats())
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 3 3\n%%EndComments\n"
    assert "cannot identify image file" in refusal(postscript)


# Damaged.


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Chunks with right checksums."""
    parts = (
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunks_of(content: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        found.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


LARGER = Image.fromarray(np.random.default_rng(3).integers(0, 256, (30, 41, 3), np.uint8))
WHOLE = {
    "PNG": saved(LARGER, "PNG", dpi=(72, 72)),
    "PNG with a palette": saved(LARGER.quantize(16), "PNG"),
    "PNG of 1 bit": saved(LARGER.convert("1"), "PNG"),
    "JPEG": saved(LARGER, "JPEG", comment=b"hello"),
    "gray JPEG": saved(LARGER.convert("L"), "JPEG", restart_marker_rows=1),
    "progressive JPEG": saved(LARGER, "JPEG", progressive=True),
}


def damaged(content: bytes, count: int) -> Iterator[bytes]:
    """Bytes and chunks altered, lacking, twice and out of order; every one another."""
    rng = np.random.default_rng(len(content))
    for number in range(count):
        if content[1:4] == b"PNG" and number % 2:
            yield png_of(changed(chunks_of(content), rng, number // 2 % 5))
            continue
        altered, place = bytearray(content), int(rng.integers(2, len(content)))
        if number % 4 == 0:
            altered[place] ^= 1 << int(rng.integers(8))
        elif number % 4 == 1:
            altered[place:place] = b"\xff" + bytes([int(rng.choice([0xD9, 0xDA, 0xFE, 0xE1]))])
        elif number % 4 == 2:
            del altered[place]
        else:
            del altered[place:]
        yield bytes(altered)


def changed(
    chunks: list[tuple[bytes, bytes]], rng: np.random.Generator, how: int
) -> list[tuple[bytes, bytes]]:
    """A chunk taken out, twice there, longer, shorter, or at another place."""
    first, second = (int(place) for place in rng.integers(0, len(chunks), 2))
    name, data = chunks.pop(first)
    place = int(rng.integers(0, len(data) + 1))
    again = {
        1: [(name, data)] * 2,
        2: [(name, data[:place] + b"\7" + data[place:])],
        3: [(name, data[:place] + data[place + 1 :])],
        4: [(name, data)],
    }.get(how, [])
    at = second if how == 4 else first
    return [*chunks[:at], *again, *chunks[at:]]


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_taken_of_damaged_files_is_read_by_tensorflow(name: str) -> None:
    refused = 0
    for content in damaged(WHOLE[name], 120):
        try:
            stored = stored_image(content)
        except BrokenValue as error:
            assert error.reason == "broken image"
            refused += 1
            continue
        assert tf.io.decode_image(stored, channels=3, expand_animations=False).shape[2] == 3
    assert 30 < refused <= 120


def test_a_png_without_its_last_chunk_is_refused() -> None:
    """The pixels are all there, and Pillow says nothing."""
    for name, content in WHOLE.items():
        if name.startswith("PNG"):
            assert "Pillow reads it, but TensorFlow does not" in refusal(content[:-12])


def test_whole_files_need_no_proof() -> None:
    for name, content in WHOLE.items():
        assert (is_plain_png if "PNG" in name else is_plain_jpeg)(content), name
    chunks = chunks_of(WHOLE["PNG"])
    data = next(data for name, data in chunks if name == b"IDAT")
    halves = [(b"IDAT", data[:100]), (b"IDAT", data[100:])]
    assert is_plain_png(png_of([chunks[0], *halves, chunks[-1]]))
    for bad in ([chunks[0], halves[0], chunks[-1]], [chunks[0], *chunks], [*chunks[1:]], []):
        assert not is_plain_png(png_of(bad))
    assert not is_plain_jpeg(WHOLE["JPEG"][:-2])


def test_sixteen_bits_of_which_0_is_white() -> None:
    """Pillow turns such images only if they have 8 bits or less."""
    content = saved(DEEP, "TIFF", tiffinfo={262: 0})
    np.testing.assert_array_equal(seen(content)[..., 0], 255 - DEEP // 256)


def test_twelve_bits_are_known_by_their_tag() -> None:
    """Two pixels in three bytes, a strip of one row."""
    values = np.array([[4095, 2048], [16, 1024]])
    rows = b"".join(bytes((a >> 4, (a & 15) << 4 | b >> 8, b & 255)) for a, b in values.tolist())
    tags = {256: 2, 257: 2, 258: 12, 259: 1, 262: 1, 273: 200, 277: 1, 278: 2, 279: len(rows)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4)
    np.testing.assert_array_equal(seen(head.ljust(200, b"\0") + rows)[..., 0], values // 16)
