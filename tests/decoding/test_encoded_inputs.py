"""Inputs are checked at once, kept within a bound, and known by their content."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.errors import DataError
from t2t_mm.kinds import Audio, Image, Text
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import Task
from tests.decoding.decoding_run import VOCABULARY, png, toy_run, wav

TEXT = Text(VOCABULARY)
WORDS = Task("words", "words", TEXT, TEXT, "c")
PICTURES = Task("pictures", "p", Image(16), TEXT, "c")
SOUNDS = Task("sounds", "s", Audio(8000), TEXT, "c")


@pytest.fixture(scope="module")
def vocabularies() -> dict[str, Vocabulary]:
    return {VOCABULARY: Vocabulary.load(toy_run().data_dir / f"{VOCABULARY}.model")}


@pytest.fixture
def asked(tmp_path) -> list[DecodeInput]:
    for index in range(3):
        (tmp_path / f"{index}.png").write_bytes(png(index))
    (tmp_path / "s.wav").write_bytes(wav(2))
    pictures = [DecodeInput(PICTURES, str(tmp_path / f"{index}.png")) for index in range(3)]
    return [*pictures, DecodeInput(SOUNDS, str(tmp_path / "s.wav")), DecodeInput(WORDS, "red dog")]


def test_what_is_not_kept_is_read_again(asked, vocabularies):
    counted: list[int] = []
    whole = EncodedInputs(asked, vocabularies, counted.append)
    tight = EncodedInputs(asked, vocabularies, kept_bytes=len(png(0)) + 10)
    assert counted == [1] * 5
    assert whole.sizes == tight.sizes
    assert [size["inputs"] for size in whole.sizes[:4]] == [1, 1, 1, 2400]
    for index in range(5):
        assert tight[index] == whole[index]
    Path(asked[1].raw).unlink()
    assert whole[1]["inputs"].value == png(1)
    with pytest.raises(DataError, match=r"the image .*1\.png cannot be read"):
        tight[1]


def test_the_digest_follows_content_not_names(asked, vocabularies, tmp_path):
    digest = EncodedInputs(asked, vocabularies).digest
    Path(asked[0].raw).rename(tmp_path / "renamed.png")
    renamed = [DecodeInput(PICTURES, str(tmp_path / "renamed.png")), *asked[1:]]
    assert EncodedInputs(renamed, vocabularies).digest == digest
    others = [
        [asked[1], renamed[0], *asked[2:]],  # the order
        [*renamed[:4], DecodeInput(WORDS, "red dogs")],  # a text
        [*renamed[:4], DecodeInput(WORDS, "red dog", target="x")],  # a target
        [
            *renamed[:4],
            DecodeInput(dataclasses.replace(WORDS, name="other"), "red dog"),
        ],  # a problem
        renamed[:4],
    ]
    digests = {EncodedInputs(other, vocabularies).digest for other in others}
    assert len(digests | {digest}) == len(others) + 1


def test_a_broken_one_is_named_before_anything_else(asked, vocabularies, tmp_path):
    (tmp_path / "2.png").write_bytes(png(2)[:150])
    with pytest.raises(DataError, match=r"^the image .*2\.png is not an image that can be deco"):
        EncodedInputs(asked, vocabularies)
