"""Sound files of every container: whole, cut, joined, of open length, of other scales."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile

from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.notes import heard
from t2t_mm.kinds.sound_containers import whole_parts
from t2t_mm.kinds.sound_files import passage, stored_sound
from t2t_mm.kinds.wav_files import wav_file

RATE = 16_000
SAMPLES = np.int16(9830 * np.sin(2 * np.pi * 300 * np.arange(8000) / RATE))
# Containers in which the samples stand exactly, with soundfile's options.
EXACT: dict[str, dict[str, Any]] = {
    "WAV": {}, "WAVEX": {}, "RIFX": {"format": "WAV", "endian": "BIG"}, "AIFF": {}, "AU": {},
    "AU, little-endian": {"format": "AU", "endian": "LITTLE"}, "CAF": {}, "W64": {}, "RF64": {},
    "NIST": {}, "VOC": {}, "SVX": {}, "FLAC": {},
    "AIFC": {"format": "AIFF", "endian": "LITTLE"},
    "WAV of 24 bits": {"format": "WAV", "subtype": "PCM_24"},
    "WAV of 32 bits": {"format": "WAV", "subtype": "PCM_32"},
    "float WAV": {"format": "WAV", "subtype": "FLOAT"},
    "float AIFF": {"format": "AIFF", "subtype": "FLOAT"},
    "double CAF": {"format": "CAF", "subtype": "DOUBLE"},
    "ALAC": {"format": "CAF", "subtype": "ALAC_16"},
}  # fmt: skip
LOSSY: dict[str, dict[str, Any]] = {
    "Vorbis": {"format": "OGG", "subtype": "VORBIS"},
    "Opus": {"format": "OGG", "subtype": "OPUS"},
    "MP3": {},
    "GSM": {"format": "WAV", "subtype": "GSM610"},
    "GSM in W64": {"format": "W64", "subtype": "GSM610"},
    "A-law": {"format": "AU", "subtype": "ALAW"},
    "mu-law": {"format": "WAV", "subtype": "ULAW"},
}


def made(name: str, samples: np.ndarray = SAMPLES, rate: int = RATE) -> bytes:
    options = {"format": name, "subtype": "PCM_16"} if name in EXACT else {"format": name}
    options |= {**EXACT, **LOSSY}[name]
    if name in LOSSY:
        options = {"format": name, **LOSSY[name]}
    if options.get("subtype") in ("FLOAT", "DOUBLE") and samples.dtype == np.int16:
        samples = samples / 32768
    out = io.BytesIO()
    soundfile.write(out, samples, rate, **options)
    return out.getvalue()


def stored(content: bytes, rate: int = RATE) -> np.ndarray:
    return np.frombuffer(stored_sound(content, rate), "<i2")


def refusal(content: bytes, rate: int = RATE) -> str:
    with pytest.raises(BrokenValue) as error:
        stored_sound(content, rate)
    assert error.value.reason == "broken sound"
    return error.value.detail


@pytest.mark.parametrize("name", EXACT)
def test_exact_samples_in_every_container(name: str) -> None:
    np.testing.assert_array_equal(stored(made(name)), SAMPLES)


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_ones_have_all_samples_and_their_tone(name: str) -> None:
    found = stored(made(name))
    assert len(found) == 8000
    assert np.argmax(np.abs(np.fft.rfft(found))) == 150  # 300 Hz in half a second


@pytest.mark.parametrize("name", [*EXACT, *LOSSY])
@pytest.mark.parametrize("left", [0.5, 0.97])
def test_what_breaks_off_is_refused(name: str, left: float) -> None:
    whole = made(name)
    words = refusal(whole[: int(len(whole) * left)])
    assert re.search(r"\(it breaks off |lost sync", words), words


@pytest.mark.parametrize("name", ["FLAC", "Vorbis", "Opus", "MP3"])
def test_joined_streams_are_read_to_the_end(name: str) -> None:
    """Players go on; so do files of which the second has another rate."""
    first, second = made(name), made(name, SAMPLES[:4800], 48_000)
    found = stored(first + first + second)
    np.testing.assert_array_equal(found[:8000], stored(first))
    np.testing.assert_array_equal(found[8000:16_000], stored(first))
    np.testing.assert_array_equal(found[16_000:], stored(second))


def test_an_mp3_that_goes_on_without_a_header_of_its_own_is_read_to_the_end() -> None:
    first, second = made("MP3"), made("MP3")
    frame = 72 * 64_000 // RATE  # bytes, at 64 kbit/s
    assert second[:2] == second[frame : frame + 2] and b"Xing" in second[:frame]
    assert 15_000 < len(stored(first + second[frame:])) < 18_000


def test_an_mp3_of_varying_rates_without_a_count_of_frames_is_read_to_the_end() -> None:
    """libsndfile guesses 44,524 of these samples. An encoder adds up to two frames."""
    whole = made("MP3", np.tile(SAMPLES, 40))
    without = whole[72 * 64_000 // RATE :]
    for content in (without, b"ID3\3\0\0\0\0\0\x0a" + bytes(10) + without):
        assert 0 <= len(stored(content)) - 320_000 < 2 * 576


@pytest.mark.parametrize(
    "name", ["WAV", "RIFX", "RF64", "AIFF", "AU", "CAF", "W64", "NIST", "VOC", "SVX"]
)
def test_joined_files_of_other_containers_are_refused(name: str) -> None:
    assert "(another file was joined to its end)" in refusal(made(name) * 2)


# name -> where the size of its samples stands, from a mark on; how it is written.
SIZES: dict[str, tuple[bytes, int, str]] = {
    "WAV": (b"data", 4, "<I"), "RIFX": (b"data", 4, ">I"), "AIFF": (b"SSND", 4, ">I"),
    "AU": (b".snd", 8, ">I"), "AU, little-endian": (b"dns.", 8, "<I"), "SVX": (b"BODY", 4, ">I"),
    "RF64": (b"ds64", 16, "<Q"), "W64": (b"data", 16, "<Q"), "CAF": (b"data", 4, ">Q"),
    "float WAV": (b"data", 4, "<I"),
}  # fmt: skip
OPEN = (0, 0x7FFFF000, 0x7FFFF024, 0x7FFFFFFF, 0x7F000000, 0x80000000, 0xFFFFFFFF)


def resized(name: str, size: int) -> bytes:
    content = made(name)
    mark, offset, form = SIZES[name]
    at = content.index(mark) + offset
    if form[1] == "Q" and size == 0xFFFFFFFF:
        size = 2**64 - 1
    return content[:at] + struct.pack(form, size) + content[at + struct.calcsize(form) :]


@pytest.mark.parametrize("name", SIZES)
def test_an_open_size_means_to_the_end(name: str) -> None:
    for size in OPEN:
        np.testing.assert_array_equal(stored(resized(name, size)), SAMPLES, err_msg=hex(size))
    assert "breaks off after" in refusal(resized(name, 0x12345678))


def test_a_size_of_0_before_further_chunks_is_no_sound() -> None:
    content = made("WAV", SAMPLES[:0]) + b"LIST\x04\0\0\0abcd"
    assert "it holds no samples" in refusal(content)


def test_a_flac_that_leaves_its_length_open() -> None:
    content = bytearray(made("FLAC"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    np.testing.assert_array_equal(stored(bytes(content)), SAMPLES)
    assert "lost sync" in refusal(bytes(content[:-100]))


def ogg_pages(content: bytes) -> list[bytes]:
    pages, at = [], 0
    while at < len(content):
        count = content[at + 26]
        size = 27 + count + sum(content[at + 27 : at + 27 + count])
        pages.append(content[at : at + size])
        at += size
    return pages


def test_damaged_and_lacking_pages_of_ogg() -> None:
    """libogg passes over both without a word."""
    pages = ogg_pages(made("Opus", np.tile(SAMPLES, 12)))
    assert len(pages) > 5
    assert "page 3 of its Ogg stream is lacking" in refusal(b"".join(pages[:3] + pages[4:]))
    altered = pages[3][:-5] + bytes([pages[3][-5] ^ 1]) + pages[3][-4:]
    assert "is damaged" in refusal(b"".join([*pages[:3], altered, *pages[4:]]))
    assert "there is no page of Ogg" in refusal(b"".join(pages) + b"junk")
    with heard() as notes:
        assert 0 < len(stored(b"".join(pages[:-1]))) < 12 * 8000
    assert [note.reason for note in notes] == ["sounds without an end mark"]


def floats(values: Any) -> bytes:
    return made("float WAV", np.asarray(values, np.float64))


def test_floats_in_the_scale_of_16_bits_are_refused() -> None:
    words = refusal(floats(SAMPLES))
    assert "7,900 of 8,000 samples lie beyond full scale, up to 9,830 times" in words
    assert "divide 16-bit ones by 32768" in words
    refusal(floats([0.0] * 5000 + [200.0]))  # one click, in silence
    refusal(floats(np.tile([0.0, 1.0, -2.0, 3.0], 99)))  # next to silence


def test_loud_floats_are_clipped_and_counted() -> None:
    with heard() as notes:
        found = stored(floats([1.5, -1.5, 0.0, 1.0, -1.0]))
    assert found.tolist() == [32767, -32768, 0, 32767, -32768]
    assert [tuple(note) for note in notes] == [("clipped samples", "had 2 of 5 samples clipped", 2)]
    with heard() as notes:
        stored(made("WAV"))
    assert notes == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: b"RIFF\x04\0\0\0WAVE", "is not a sound that can be decoded"),
        (lambda: floats([0.0, np.inf]), "some samples are not finite numbers"),
        (lambda: mat5(), "it cannot be told whether a file of MAT5 is whole"),
        (lambda: made("WAV", np.zeros(90_000), 1), "too long to resample"),
        (lambda: made("NIST").replace(b"pcm", b"pcm,embedded-shorten-v2.00", 1), "sph2pipe"),
        (lambda: made("NIST").replace(b"-i 2\n", b"-i x\n", 1), "its SPHERE header is damaged: "),
        (lambda: made("NIST").replace(b"-i 16000", b"-j 16000"), "is not a sound that can be"),
        (lambda: voc_of_two_blocks(), "it consists of 2 blocks of sound, and one is read"),
    ],
)
def test_other_refusals(content: Callable[[], bytes], words: str) -> None:
    assert words in refusal(content(), RATE * (6000 if "resample" in words else 1))


def mat5() -> bytes:
    out = io.BytesIO()
    soundfile.write(out, SAMPLES, RATE, format="MAT5")
    return out.getvalue()


def voc_of_two_blocks() -> bytes:
    one = made("VOC")
    return one[:-1] + one[26:]


def test_a_limit_in_seconds_holds_for_open_lengths_and_joined_streams() -> None:
    flac = made("FLAC")
    with pytest.raises(BrokenValue, match=r"has 0\.50 seconds; at most 0\.4 are allowed"):
        stored_sound(flac, RATE, 0.4)
    with pytest.raises(BrokenValue, match="seconds; at most"):
        stored_sound(flac * 2, RATE, 0.9)
    assert len(stored_sound(flac * 2, RATE, 1.0)) == 32_000


def test_channels_become_their_mean_or_one_is_taken() -> None:
    both = np.stack([SAMPLES, np.zeros_like(SAMPLES)], 1)
    for name in ("WAV", "WAVEX", "FLAC", "float WAV"):
        content = made(name, both)
        np.testing.assert_array_equal(stored(content), np.rint(SAMPLES / 2))
        np.testing.assert_array_equal(stored(passage(content, 0.0, None, 0)), SAMPLES)
        assert not stored(passage(content, 0.1, 0.2, 1)).any()


def test_channels_that_cancel_each_other_out_are_refused() -> None:
    opposite = np.stack([SAMPLES, -SAMPLES], 1)
    for name in ("WAV", "FLAC"):
        assert "its channels cancel each other out" in refusal(made(name, opposite))
    np.testing.assert_array_equal(stored(passage(made("WAV", opposite), 0.0, None, 1)), -SAMPLES)
    assert not stored(made("WAV", np.zeros((500, 2), np.int16))).any()


def test_bytes_after_the_end_that_the_header_tells_are_noted() -> None:
    for name, noted in (("WAV", 1), ("AIFF", 1), ("AU", 1)):
        for tail, count in ((SAMPLES[100:200].tobytes(), noted), (bytes(50), 0)):
            with heard() as notes:
                np.testing.assert_array_equal(stored(made(name) + tail), SAMPLES)
            assert [note.reason for note in notes] == [
                "sounds that go on after their end"
            ] * count, name
    with heard() as notes:
        stored(made("WAV") + b"LIST\x04\0\0\0abcd")
    assert notes == []


@pytest.mark.parametrize("name", EXACT)
def test_a_passage_has_the_samples_between_two_times(name: str) -> None:
    content = made(name)
    np.testing.assert_array_equal(stored(passage(content, 0.1, 0.2)), SAMPLES[1600:3200])
    np.testing.assert_array_equal(stored(passage(content, 0.4)), SAMPLES[6400:])


def test_a_passage_beyond_the_end() -> None:
    content = made("WAV")
    with heard() as notes:
        np.testing.assert_array_equal(stored(passage(content, 0.4, 0.9)), SAMPLES[6400:])
    assert [note.detail for note in notes] == [
        "reads from 0.4 to 0.9 s of a sound of 0.5 s, and ends there"
    ]
    for start, end in ((0.4, 1.1), (0.5, 0.6), (0.3, 0.2), (-0.1, 0.2)):
        with pytest.raises(BrokenValue, match="reads from") as error:
            passage(content, start, end)
        assert error.value.reason == "broken segment"
    with pytest.raises(BrokenValue, match="breaks off"):
        passage(content[:-100], 0.0, 0.1)


def test_parts_of_what_is_not_known_are_the_file() -> None:
    for content in (b"", b"OggX", b"\xff", b"ID3", b"RIFF", b"riff", b"FORM", b"caff", b".snd"):
        for cut in (content, content + b"\0" * 9):
            assert whole_parts(cut) == [cut]


def test_samples_of_data_sets_may_be_floats() -> None:
    """As some of TFDS have them; whole numbers are 16-bit ones."""
    np.testing.assert_array_equal(stored(wav_file(SAMPLES.astype(np.int64), RATE)), SAMPLES)
    np.testing.assert_array_equal(stored(wav_file(np.float32(SAMPLES / 32768), RATE)), SAMPLES)
    assert "beyond full scale" in refusal(wav_file(SAMPLES.astype(np.float32), RATE))


def test_damaged_headers_are_refused_and_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever two bytes of a header become. Some lead libsndfile before the file's start."""
    rng, verdicts = np.random.default_rng(0), set()
    for name in EXACT:
        content = bytearray(made(name, SAMPLES[:500]))
        for _ in range(60):
            altered = bytearray(content)
            altered[int(rng.integers(0, 80))] = int(rng.choice([0, 1, 127, 128, 255]))
            altered[int(rng.integers(0, 80))] ^= 1 << int(rng.integers(8))
            try:
                verdicts.add(len(stored_sound(bytes(altered), RATE, 60.0)) > 0)
            except BrokenValue as error:
                verdicts.add(error.reason)
    assert verdicts <= {True, "broken sound", "long sound"} and len(verdicts) > 1
    assert "Traceback" not in capfd.readouterr().err
