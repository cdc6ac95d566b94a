"""Inputs that are too large are named, and the others are answered."""

from __future__ import annotations

import io
import math
import struct
import zlib

import pytest
import tensorflow as tf
from PIL import Image as Pillow

from t2t_mm.bin import t2t_decoder
from t2t_mm.bin.command_line import exit_status
from t2t_mm.decoding.bounds import input_bounds
from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.inputs import LargeInput
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import HParamError
from t2t_mm.kinds import Audio, Image, Text
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.kind import InputBounds
from t2t_mm.serving.http.limits import Limits
from tests.decoding.decoding_run import png, toy_model, wav

PROBLEM = "decoding_toy_text"
BOUNDS = InputBounds(text_tokens=8, audio_seconds=0.24, pixels=300)
LONG = "red dog sees big cat likes small dog"


def png_header(width: int, height: int) -> bytes:
    """A PNG of so many pixels, of which only the header is there."""
    content = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IHDR" + content
    chunk = struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + b"\0" * 4


def left_out(*asked: DecodeInput, bounds: InputBounds = BOUNDS) -> dict[int, str]:
    return EncodedInputs(asked, toy_model().vocabularies, bounds=bounds).left_out


def test_texts_targets_sounds_and_images_beyond_the_bounds_are_named() -> None:
    tasks = toy_model().tasks
    text, speech, picture = (tasks[f"decoding_toy_{n}"] for n in ("text", "speech", "class"))
    found = left_out(
        DecodeInput(text, "red", "line 1"),
        DecodeInput(text, LONG, "line 2"),
        DecodeInput(text, "a " * 80, "line 3"),
        DecodeInput(text, "red", "line 4", target=LONG),
        DecodeInput(speech, wav(0), "wav 0"),
        DecodeInput(speech, wav(1), "wav 1"),
        DecodeInput(picture, png(0), "png 0"),
        DecodeInput(picture, png(0, side=20), "png 1"),
        DecodeInput(picture, png_header(10_000, 10_000), "png 2"),
        DecodeInput(picture, png_header(20_000, 20_000), "png 3"),
    )
    flag = "(--decode_hparams=max_input_tokens=N allows more, where memory does)."
    tokens = len(toy_model().vocabularies["vocab.decoding_toy"].encode(LONG)) + 1
    assert tokens > 8
    said = f"has {tokens} tokens ({len(LONG)} characters); at most 8 tokens are answered {flag}"
    assert found == {
        1: f"line 2 {said}",
        2: f"line 3 has 160 characters; at most 8 tokens are answered {flag}",
        3: f"line 4: the target {said}",
        5: "wav 1 has 0.25 seconds; at most 0.24 are allowed (--decode_hparams=max_input_seconds=N "
        "allows more, where memory does).",
        7: "png 1 has 20 x 20 pixels; at most 300 are read: make it smaller.",
        8: "png 2 has 10000 x 10000 pixels; at most 300 are read: make it smaller.",
        9: "png 3 has 400,000,000 pixels; at most 300 are read: make it smaller.",
    }


def test_the_prompt_of_a_language_model_is_bounded_too() -> None:
    import dataclasses

    task = toy_model().tasks[PROBLEM]
    model = dataclasses.replace(task, inputs=Text("vocab.decoding_toy", absent=True))
    assert left_out(
        DecodeInput(model, LONG), DecodeInput(model, "red"), DecodeInput(model, "")
    ) == {0: left_out(DecodeInput(model, LONG, "the text"))[0]}


def test_the_bounds_follow_from_the_hparams_or_the_settings() -> None:
    hparams = toy_model().hparams  # eval_max_length=32
    assert input_bounds(hparams, DecodeSettings()) == (4096, 600.0, 89_478_485)
    long = hparams.replace(eval_max_length=2048, max_audio_seconds=60.0)
    assert input_bounds(long, DecodeSettings())[:2] == (8192, 4 * 60.0 * 2048 / long.max_length)
    asked = DecodeSettings(max_input_tokens=7, max_input_seconds=1.5)
    assert input_bounds(hparams, asked)[:2] == (7, 1.5)
    with pytest.raises(HParamError, match="max_input_tokens' must be 0"):
        DecodeSettings(max_input_tokens=-1)


def decoder(*flags: str) -> int:
    return exit_status(t2t_decoder.main, list(flags))


@pytest.fixture
def run_flags(monkeypatch) -> tuple[str, ...]:
    from tests.decoding.decoding_run import toy_run

    loaded = toy_model()
    monkeypatch.setattr("t2t_mm.decoding.model_loading.load", lambda *_: loaded)
    return f"--output_dir={toy_run().output_dir}", f"--problem={PROBLEM}"


def test_the_others_of_a_file_are_answered(run_flags, tmp_path, capsys) -> None:
    (tmp_path / "in").write_text(f"red dog\n{LONG}\nbig cat\n")
    flags = (f"--decode_from_file={tmp_path / 'in'}", f"--decode_to_file={tmp_path / 'out'}")
    assert decoder(*run_flags, *flags, "--decode_hparams=max_input_tokens=8") == 0
    expected = [
        " ".join(one.output.splitlines())
        for one in toy_model().decode(PROBLEM, ["red dog", "big cat"])
    ]
    assert (tmp_path / "out").read_text() == f"{expected[0]}\n\n{expected[1]}\n"
    shown = capsys.readouterr()
    assert f"not answered: line 2 of {tmp_path / 'in'} has " in shown.err
    assert shown.out.endswith(
        f"wrote 3 answers to {tmp_path / 'out'}, 1 of them empty (see above)\n"
    )


def test_the_others_of_a_score_file_are_scored(run_flags, tmp_path, capsys) -> None:
    (tmp_path / "in").write_text(f"red dog\tred\nred\t{LONG}\n")
    flags = (f"--score_file={tmp_path / 'in'}", f"--decode_to_file={tmp_path / 'out'}")
    assert decoder(*run_flags, *flags, "--decode_hparams=max_input_tokens=8") == 0
    first, second = map(float, (tmp_path / "out").read_text().split())
    assert first == pytest.approx(toy_model().score(PROBLEM, ["red dog"], ["red"])[0], abs=1e-5)
    assert math.isnan(second)
    assert f"1 of them nan (see above); mean log-probability {first:.4f}" in capsys.readouterr().out


def test_python_says_which_one() -> None:
    with pytest.raises(LargeInput, match=r"^inputs\[1\]: the input has \d+ tokens \(36 characters"):
        toy_model().decode(PROBLEM, ["red", LONG], "max_input_tokens=8")


def test_an_exported_graph_refuses_by_the_row() -> None:
    rows = tf.ragged.constant([[1] * 8, [1] * 9], tf.int64, row_splits_dtype=tf.int64)
    assert Text("v").graph_bounded(rows[:1], BOUNDS).to_list() == [[1] * 8]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"inputs\[1\] has more than 8 tokens"):
        Text("v").graph_bounded(rows, BOUNDS)
    pcm = tf.constant([b"\0" * 3840, b"\0" * 3842])  # 0.24 s at 8 kHz, and a sample more
    sound = Audio(8000)
    assert sound.graph_bounded(pcm[:1], BOUNDS).numpy()[0] == b"\0" * 3840
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"inputs\[1\] is longer than 0\.24 s"):
        sound.graph_bounded(pcm, BOUNDS)


def test_the_server_tells_the_size_of_a_giant_image() -> None:
    with pytest.raises(BrokenValue) as caught:
        Image.checked_row(png_header(20_000, 20_000), {}, Limits(pixels=300))
    assert caught.value.detail == "has 400,000,000 pixels; at most 300 are allowed (--max_pixels)"
    out = io.BytesIO()
    Pillow.new("L", (2, 2)).save(out, "PNG")
    assert Image.checked_row(out.getvalue(), {}, Limits(pixels=4)) == out.getvalue()
