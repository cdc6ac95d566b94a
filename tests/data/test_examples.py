"""Pictures, sounds, labels and text: what is stored, and what is refused with which sentence."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from t2t_mm.data.generation.api import generate
from t2t_mm.errors import DataError
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.image_files import stored_image
from t2t_mm.kinds.sound_files import stored_sound
from tests.data.datagen_toys import class_problem, png, text_problem, tone, wav

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1"])
def test_png_is_stored_as_it_is_and_tensorflow_reads_it(mode: str) -> None:
    tf = pytest.importorskip("tensorflow")
    picture = Image.fromarray(PIXELS).convert(mode)
    content = encoded(picture, "PNG")
    assert stored_image(content) == content
    decoded = tf.io.decode_image(content, channels=3, expand_animations=False).numpy()
    np.testing.assert_array_equal(decoded, np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize(
    ("form", "mode", "exact"),
    [
        ("GIF", "P", True),
        ("BMP", "RGB", True),
        ("TIFF", "RGB", True),
        ("WEBP", "RGB", False),
        ("JPEG", "CMYK", False),
    ],
)
def test_other_formats_become_png(form: str, mode: str, exact: bool) -> None:
    tf = pytest.importorskip("tensorflow")
    picture = Image.fromarray(PIXELS).convert(mode)
    stored = stored_image(encoded(picture, form))
    decoded = tf.io.decode_image(stored, channels=3, expand_animations=False).numpy()
    assert stored.startswith(b"\x89PNG")
    assert decoded.shape == (9, 7, 3)
    if exact:
        np.testing.assert_array_equal(decoded, np.asarray(picture.convert("RGB")))


def test_transparent_palette_and_sixteen_bits() -> None:
    palette = Image.fromarray(PIXELS).convert("P")
    content = encoded(palette, "PNG", transparency=3)
    assert Image.open(io.BytesIO(stored_image(content))).mode == "RGB"
    deep = Image.fromarray((np.arange(63).reshape(9, 7) * 1000).astype(np.uint16))
    stored = Image.open(io.BytesIO(stored_image(encoded(deep, "PNG"))))
    expected = (np.arange(63).reshape(9, 7) * 1000) // 256
    assert abs(np.asarray(stored)[..., 0].astype(int) - expected).max() <= 1


def test_jpeg_is_stored_as_it_is() -> None:
    content = encoded(Image.fromarray(PIXELS), "JPEG")
    assert stored_image(content) == content


@pytest.mark.parametrize("damage", ["text", "empty", "truncated png", "truncated jpeg", "crc"])
def test_broken_pictures(damage: str) -> None:
    whole = encoded(Image.fromarray(np.tile(PIXELS, (20, 20, 1))), "PNG")
    jpeg = encoded(Image.fromarray(np.tile(PIXELS, (20, 20, 1))), "JPEG")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0x55
    content = {
        "text": b"this is no picture",
        "empty": b"",
        "truncated png": whole[: len(whole) // 2],
        "truncated jpeg": jpeg[: len(jpeg) // 2],
        "crc": bytes(flipped),
    }[damage]
    with pytest.raises(BrokenValue) as error:
        stored_image(content)
    assert error.value.reason == "broken image"
    assert "give a whole PNG or JPEG file" in error.value.detail
    assert "BytesIO" not in error.value.detail


def test_pcm16_is_stored_exactly() -> None:
    pcm = np.random.default_rng(0).integers(-32768, 32768, 500).astype(np.int16)
    for form in ("WAV", "FLAC"):
        stored = stored_sound(wav(pcm, 8000, form), 8000)
        np.testing.assert_array_equal(np.frombuffer(stored, "<i2"), pcm)


def test_stereo_becomes_the_mean() -> None:
    left, right = np.full(100, 0.5), np.full(100, -0.25)
    stored = np.frombuffer(stored_sound(wav(np.stack([left, right], 1), 8000), 8000), "<i2")
    assert set(stored.tolist()) == {round(0.125 * 32768)}


def test_resampling_keeps_a_tone() -> None:
    stored = stored_sound(wav(tone(440, 44_100, 0.5), 44_100, subtype="FLOAT"), 16_000)
    heard = np.frombuffer(stored, "<i2") / 32768
    assert len(heard) == 8000
    middle = slice(1000, 7000)
    np.testing.assert_allclose(heard[middle], tone(440, 16_000, 0.5)[middle], atol=1e-3)


def test_loud_float_is_clipped_not_wrapped() -> None:
    loud = np.array([1.5, -1.5, 0.0])
    stored = np.frombuffer(stored_sound(wav(loud, 8000, subtype="FLOAT"), 8000), "<i2")
    assert stored.tolist() == [32767, -32768, 0]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no sound", "ormat not recognised"),
        (b"", "ormat not recognised|Error"),
        (wav(np.zeros(0), 8000), "it holds no samples"),
        (wav(np.zeros(40), 8000)[:-9], "it breaks off after 71 of 80 bytes"),
        (wav(np.array([0.1, np.nan]), 8000, subtype="FLOAT"), "not finite numbers"),
    ],
    ids=["text", "nothing", "no samples", "broken off", "not finite"],
)
def test_broken_sounds(content: bytes, why: str) -> None:
    with pytest.raises(BrokenValue) as error:
        stored_sound(content, 8000)
    assert error.value.reason == "broken sound"
    assert re.search(why, error.value.detail), error.value.detail


def missing_file() -> bytes:
    return Path("/nonexistent/picture.png").read_bytes()


def refused() -> bytes:
    raise DataError("row 3 has no picture.")


def not_utf8() -> str:
    return b"caf\xe9".decode()


def unreadable_reader() -> Any:
    yield {"inputs": "a", "targets": "b"}
    yield {"inputs": b"caf\xe9".decode(), "targets": "b"}


def absent_reader() -> Any:
    yield {"inputs": Path("/nonexistent/train.en").read_text(), "targets": "b"}


BAD = "; or leave broken examples out with --skip_broken."
GOOD = {"inputs": "good", "targets": "good"}


@pytest.mark.parametrize(
    ("make", "samples", "sentence"),
    [
        (text_problem, [GOOD, {"inputs": " \n", "targets": "b"}],
         "problem 'toy', split train, example 1: inputs is empty text; give at least one character"
         + BAD),
        (text_problem, [{"inputs": "a", "targets": ""}], "example 0: targets is empty text"),
        (text_problem, [{"inputs": "a", "targets": 3}], "example 0: targets must be str, got int"),
        (text_problem, [{"inputs": "a", "targets": "\ud83d"}], "holds half of a surrogate pair"),
        (text_problem, [{**GOOD, "references": ["b", ""]}], "references is empty text"),
        (text_problem, [{**GOOD, "references": "b"}], "references must be a list of str, got one"),
        (text_problem, [{"inputs": "a"}], "must yield mappings of inputs, targets and, optionally"),
        (text_problem, [{**GOOD, "extra": 1}], "got extra, inputs, targets."),
        (text_problem, ["a"], "references; got str."),
        (text_problem, [GOOD, {"inputs": missing_file, "targets": "b"}],
         "inputs cannot be read from /nonexistent/picture.png (No such file or directory)" + BAD),
        (text_problem, [GOOD, {"inputs": Path("/nonexistent/a").read_text, "targets": "b"}],
         "example 1 (/nonexistent/a): inputs cannot be read from /nonexistent/a (No such"),
        (text_problem, [GOOD, {"inputs": refused, "targets": "b"}],
         "inputs was refused (row 3 has no picture)" + BAD),
        (text_problem, [GOOD, {"inputs": not_utf8, "targets": "b"}],
         "inputs is not valid UTF-8 (unexpected end of data); convert the file to UTF-8" + BAD),
        (text_problem, unreadable_reader,
         "problem 'toy', split train, example 1: the text read there is not valid UTF-8"),
        (text_problem, absent_reader,
         "cannot read /nonexistent/train.en (No such file or directory); put the raw files into"),
        (class_problem, [{"inputs": "a", "targets": "maybe"}],
         "targets has the unknown label 'maybe'; allowed are no, yes" + BAD),
        (class_problem, [{"inputs": "a", "targets": 2}], "has the unknown label 2; allowed are no"),
    ],
)  # fmt: skip
def test_sentences(
    tmp_path: Path, make: Callable[[str, Any], Any], samples: Any, sentence: str
) -> None:
    with pytest.raises(DataError) as error:
        generate([make("toy", samples)], tmp_path, num_workers=1, log=lambda line: None)
    assert sentence in str(error.value)


def test_skip_broken_counts(tmp_path: Path) -> None:
    samples = [
        {"inputs": "a", "targets": "yes"},
        {"inputs": "", "targets": "yes"},
        {"inputs": "b", "targets": "perhaps"},
        {"inputs": " ", "targets": "no"},
        {"inputs": "c", "targets": "no"},
    ]
    rows = generate(
        [class_problem("toy", samples)],
        tmp_path,
        num_workers=1,
        skip_broken=True,
        log=lambda line: None,
    )
    assert [(row.examples, row.left_out) for row in rows] == [
        (2, {"empty text": 2, "unknown label": 1})
    ]


def test_a_png_of_the_toys_is_whole() -> None:
    assert stored_image(png(0, 0)) == png(0, 0)
