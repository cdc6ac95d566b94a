"""What users hand in, and the sentence for each way in which it can be wrong."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from t2t_mm.decoding.inputs import Raw, read_lines, stored_inputs
from t2t_mm.errors import DataError
from t2t_mm.kinds import Audio, Image, Kind, Label, Number, Text
from t2t_mm.kinds.kind import StoredInput
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import Task
from tests.decoding.decoding_run import VOCABULARY, png, toy_run, wav

TEXT = Text(VOCABULARY)
PICTURE = Image(16)
SOUND = Audio(8000)


@pytest.fixture(scope="module")
def vocabularies() -> dict[str, Vocabulary]:
    return {VOCABULARY: Vocabulary.load(toy_run().data_dir / f"{VOCABULARY}.model")}


def stored_input(raw: Raw, kind: Kind, vocabularies, place: str | None = None) -> StoredInput:
    """Of a problem with one input of that kind."""
    task = Task("t", "t", kind, TEXT, "c")
    return stored_inputs(raw, task, vocabularies, place)["inputs"]


def test_text_becomes_ids_with_eos(vocabularies):
    stored = stored_input("red dog", TEXT, vocabularies)
    assert stored.value == [*vocabularies[VOCABULARY].encode("red dog"), 1]
    assert stored.size == len(stored.value)
    assert stored_input("red dög".encode(), TEXT, vocabularies) == stored_input(
        "red dög", TEXT, vocabularies
    )


def test_pictures_and_sounds_by_path_or_bytes(vocabularies, tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / "a.wav").write_bytes(wav(1, rate=16000))
    for path in (tmp_path / "a.png", str(tmp_path / "a.png"), png(1)):
        assert stored_input(path, PICTURE, vocabularies).value == png(1)
    stored = stored_input(tmp_path / "a.wav", SOUND, vocabularies)
    assert stored.size == 2000  # 0.25 s, resampled from 16 to 8 kHz
    assert len(stored.value) == 2 * stored.size
    spectrum = np.abs(np.fft.rfft(np.frombuffer(stored.value, "<i2")))
    assert np.argmax(spectrum) * 8000 / 2000 == pytest.approx(250, abs=4)  # still its tone


@pytest.mark.parametrize(
    ("raw", "spec", "message"),
    [
        ("  ", TEXT, "the input is empty text; give at least one character."),
        (
            b"a\xff",
            TEXT,
            "the input is not valid UTF-8 (invalid start byte at byte 1); convert it to UTF-8.",
        ),
        (
            "none.png",
            PICTURE,
            "the image none.png cannot be read (No such file or directory); check the path.",
        ),
        (
            "none.wav",
            SOUND,
            "the sound none.wav cannot be read (No such file or directory); check the path.",
        ),
        (
            b"RIFF no sound",
            SOUND,
            "the input is not a sound that can be decoded (Format not recognised); give a whole "
            "WAV or FLAC file.",
        ),
    ],
)
def test_bad_inputs(vocabularies, raw, spec, message):
    with pytest.raises(DataError) as error:
        stored_input(raw, spec, vocabularies)
    assert str(error.value) == message


def test_a_broken_picture_names_its_place(vocabularies, tmp_path):
    path = tmp_path / "half.png"
    path.write_bytes(png(1)[:200])
    with pytest.raises(DataError, match=r"^the image .*half\.png is not an image that can be deco"):
        stored_input(path, PICTURE, vocabularies)
    with pytest.raises(DataError, match=r"^picture 7 is not an image that can be decoded"):
        stored_input(path, PICTURE, vocabularies, "picture 7")


def test_labels_and_numbers_are_read_from_text(vocabularies):
    label = Label(("red", "blue"), "colors")
    assert stored_input(" blue ", label, vocabularies).value == 1
    assert stored_input("2.5", Number(0, 5), vocabularies).value == [2.5]
    with pytest.raises(DataError, match="the input has the unknown label 'green'; allowed are red"):
        stored_input("green", label, vocabularies)
    with pytest.raises(DataError, match=r"the input must lie between 0 and 5, got '7'\."):
        stored_input("7", Number(0, 5), vocabularies)


def test_several_inputs_are_named(vocabularies):
    task = Task("vqa", "vqa", {"inputs": PICTURE, "question": TEXT}, TEXT, "c")
    stored = stored_inputs({"question": "red dog", "inputs": png(1)}, task, vocabularies)
    assert list(stored) == ["inputs", "question"]
    assert stored["inputs"].value == png(1)
    assert stored["question"] == stored_input("red dog", TEXT, vocabularies)
    with pytest.raises(DataError, match=r"^line 3: question is empty text; give at least one"):
        stored_inputs({"question": " ", "inputs": png(1)}, task, vocabularies, "line 3")
    with pytest.raises(
        DataError, match=r"^line 3: inputs /none\.png cannot be read \(No such file"
    ):
        stored_inputs({"question": "red", "inputs": "/none.png"}, task, vocabularies, "line 3")
    with pytest.raises(DataError, match=r"must name the inputs of problem 'vqa': inputs, questi"):
        stored_inputs("red dog", task, vocabularies)
    with pytest.raises(DataError, match=r"must have inputs, question for problem 'vqa', got quest"):
        stored_inputs({"question": "red dog"}, task, vocabularies)


def test_lines(tmp_path):
    path = tmp_path / "in.txt"
    path.write_bytes(b"\xef\xbb\xbfa b\r\n c\xc3\xa9\xe2\x80\xa8d\nlast")
    assert read_lines(path) == ["a b", " cé\u2028d", "last"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "{path} is empty; give it one input a line."),
        (b"a\n\nb\n", "line 2 of {path} is empty; give one input a line."),
        (b"a\n\t \n", "line 2 of {path} is empty; give one input a line."),
        (
            b"a\nb\nc\xe9\n",
            "line 3 of {path} is not UTF-8 (byte 2 of the line: unexpected end of data); convert "
            "the file, for instance with iconv -t UTF-8.",
        ),
    ],
)
def test_bad_lines(tmp_path, content, message):
    path = tmp_path / "in.txt"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_lines(path)
    assert str(error.value) == message.format(path=path)


def test_missing_file():
    with pytest.raises(DataError, match=r"^none.txt cannot be read \(No such file or directory\)"):
        read_lines("none.txt")


def test_clipped_samples_are_told_with_the_files_name(vocabularies, tmp_path, caplog):
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.array([1.5, -1.5, 0.25]), 8000, subtype="FLOAT")
    with caplog.at_level("WARNING", "t2t_mm"):
        stored = stored_input(path, SOUND, vocabularies)
        stored_input(wav(1), SOUND, vocabularies)
    assert np.frombuffer(stored.value, "<i2").tolist() == [32767, -32768, 8192]
    assert caplog.messages == [f"note: the sound {path} had 2 of 3 samples clipped."]


def test_damaged_images_and_sounds_are_sentences(vocabularies):
    for content, kind, words in (
        (
            png(1)[:-12],
            PICTURE,
            "is not an image that can be decoded .*Pillow reads it, but TensorFlow does not",
        ),
        (wav(1)[:-9], SOUND, r"is not a sound that can be decoded \(it breaks off after"),
    ):
        with pytest.raises(DataError, match=f"^the input {words}"):
            stored_input(content, kind, vocabularies)
