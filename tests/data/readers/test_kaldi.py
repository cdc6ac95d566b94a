"""Kaldi's data folders: paths, decoding commands, segments, mistakes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from t2t_mm.data.generation.api import generate
from t2t_mm.data.generation.progress import table
from t2t_mm.data.sources.readers.kaldi import utterances
from t2t_mm.errors import DataError
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.sound_files import stored_sound
from t2t_mm.problem import Speech2TextProblem
from tests.data.datagen_toys import Given
from tests.problems.recordings import encoded, pcm, tone, write


def folder(tmp_path: Path, scp: str, text: str, segments: str | None = None) -> Path:
    data = tmp_path / "s5" / "data" / "train"
    write(data / "wav.scp", scp)
    write(data / "text", text)
    if segments is not None:
        write(data / "segments", segments)
    return data


def test_files_and_decoding_commands(tmp_path: Path) -> None:
    for i in range(5):
        write(tmp_path / "s5" / "wav" / f"{i}.wav", encoded(tone(i)))
    here = tmp_path / "s5" / "wav"
    data = folder(
        tmp_path,
        f"a {here}/0.wav\nb wav/1.wav\nc /opt/tools/sph2pipe -f wav -p -c 1 {here}/2.wav |\n"
        f"d flac -c -d -s '{here}/3.wav' |\ne cat wav/4.wav |\n",
        "a ONE\nb TWO TWO\nc THREE\nd FOUR\ne FIVE\n",
    )
    found = list(utterances(data))
    assert [(name, text) for name, text, _ in found] == [
        ("a", "ONE"), ("b", "TWO TWO"), ("c", "THREE"), ("d", "FOUR"), ("e", "FIVE")
    ]  # fmt: skip
    for i, (_, _, sound) in enumerate(found):
        assert stored_sound(sound(), 16_000) == pcm(tone(i))


def test_tables_may_be_separated_by_tabs(tmp_path: Path) -> None:
    write(tmp_path / "s5" / "0.wav", encoded(tone(0)))
    segments = "u1\trec\t0\t1\nu2\trec 0 1\n"
    data = folder(tmp_path, "rec\t0.wav\n", "u1\tONE  TWO \n\nu2 \n", segments)
    assert [(name, text) for name, text, _ in utterances(data)] == [("u1", "ONE  TWO"), ("u2", "")]


def test_segments(tmp_path: Path) -> None:
    long = np.concatenate([tone(i) for i in range(4)])
    write(tmp_path / "s5" / "long.wav", encoded(long))
    data = folder(
        tmp_path,
        "rec long.wav\n",
        "u1 first\nu2 rest\nu3 overshoots\n",
        "u1 rec 0.05 0.10\nu2 rec 0.1 -1\nu3 rec 0.15 0.7\n",
    )
    parts = [stored_sound(sound(), 16_000) for _, _, sound in utterances(data)]
    assert parts == [pcm(long[800:1600]), pcm(long[1600:]), pcm(long[2400:])]


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "PCM_24", "PCM_32"])
def test_segments_of_other_samples_than_16_bits(tmp_path: Path, subtype: str) -> None:
    long = np.concatenate([tone(i) for i in range(3)])
    out = io.BytesIO()
    soundfile.write(out, long / 32768, 16_000, format="WAV", subtype=subtype)
    write(tmp_path / "s5" / "long.wav", out.getvalue())
    data = folder(tmp_path, "rec long.wav\n", "u1 first\n", "u1 rec 0.05 0.10\n")
    assert [stored_sound(sound(), 16_000) for _, _, sound in utterances(data)] == [
        pcm(long[800:1600])
    ]


def test_segments_beyond_their_recording_are_refused_by_name(tmp_path: Path) -> None:
    """As Kaldi's extract-segments does, more than half a second beyond the end is too much."""
    write(tmp_path / "s5" / "r.wav", encoded(tone(1)))
    segments = "u1 rec 0 0.56\nu2 rec 0.05 0.06\nu3 rec 0.03 0.02\nu4 rec -0.1 0.02\n"
    data = folder(tmp_path, "rec r.wav\n", "u1 a\nu2 b\nu3 c\nu4 d\n", segments)
    for name, _, sound in utterances(data):
        with pytest.raises(BrokenValue, match=rf"reads from .* \(utterance '{name}'\)") as error:
            sound()
        assert error.value.reason == "broken segment"


def test_a_broken_segment_names_utterance_and_file_and_can_be_left_out(tmp_path: Path) -> None:
    write(tmp_path / "s5" / "r.wav", encoded(np.tile(tone(1), 2)))
    data = folder(tmp_path, "rec r.wav\n", "u1 a\nu2 b\n", "u1 rec 0 0.05\nu2 rec 0 9.5\n")
    samples = [{"inputs": sound, "targets": text} for _, text, sound in utterances(data)]
    problem = Given("toy", Speech2TextProblem, samples, sample_rate=16_000)
    with pytest.raises(DataError) as caught:
        generate([problem], tmp_path / "a", num_workers=1, log=lambda line: None)
    assert str(caught.value).startswith(
        f"problem 'toy', split train, example 1 ({tmp_path}/s5/r.wav): inputs reads from 0 to "
        "9.5 s of a sound of 0.1 s (utterance 'u2'); or leave broken examples out"
    )
    rows = generate(
        [problem], tmp_path / "b", num_workers=1, skip_broken=True, log=lambda line: None
    )
    assert [(row.examples, row.left_out) for row in rows] == [(1, {"broken segment": 1})]


def test_what_was_done_to_values_is_counted_in_the_summary(tmp_path: Path) -> None:
    write(tmp_path / "s5" / "r.wav", encoded(tone(1)))
    data = folder(tmp_path, "rec r.wav\n", "u1 a\nu2 b\n", "u1 rec 0 0.05\nu2 rec 0.02 0.1\n")
    samples = [{"inputs": sound, "targets": text} for _, text, sound in utterances(data)]
    out = io.BytesIO()
    soundfile.write(out, np.array([1.5, -1.5, 0.5]), 16_000, format="WAV", subtype="FLOAT")
    samples.append({"inputs": out.getvalue(), "targets": "c"})
    problem = Given("toy", Speech2TextProblem, samples, sample_rate=16_000)
    [row] = generate([problem], tmp_path / "a", num_workers=1, log=lambda line: None)
    assert row.noted == {"clipped samples": 2, "segments that overshoot": 1}
    assert table([row]).splitlines()[-1] == (
        "note: toy, train: 2 clipped samples, 1 segments that overshoot"
    )


def test_one_channel_of_several(tmp_path: Path) -> None:
    both = np.stack([tone(1), tone(2)], 1)
    write(tmp_path / "s5" / "both.wav", encoded(both))
    scp = f"a both.wav\nb sph2pipe -f wav -p -c 1 {tmp_path}/s5/both.wav |\n"
    segments = "u1 a 0 -1 0\nu2 a 0 -1 1\nu3 b 0 -1\nu4 a 0 -1 2\n"
    data = folder(tmp_path, scp, "u1 x\nu2 x\nu3 x\nb x\nu4 x\n", segments)
    *found, (_, _, missing) = utterances(data)
    assert [stored_sound(sound(), 16_000) for _, _, sound in found] == [
        pcm(tone(1)), pcm(tone(2)), pcm(tone(1)), pcm(tone(1))
    ]  # fmt: skip
    with pytest.raises(BrokenValue, match=r"reads channel 2 of 2, from 0 \(utterance 'u4'\)"):
        missing()


@pytest.mark.parametrize(
    "scp, text, segments, message",
    [
        ("a sox in.mp3 -t wav - |\n", "a x\n", None,
         "wav.scp, line 1 runs 'sox in.mp3 -t wav -', and commands are not run; write WAV files"),
        ("a cat x.wav | sox - - |\n", "a x\n", None, "and commands are not run"),
        ("a sph2pipe -f wav -c 2 x.sph |\n", "a x\n", None, "and commands are not run"),
        ("a none.wav\n", "a x\n", None, "wav.scp, line 1 names none.wav, which is missing"),
        ("a x.wav\n", "b x\n", None, "text, line 1: 'b' has no recording in .*wav.scp"),
        ("a x.wav\n", "b x\n", "b a 0.5\n", "segments, line 1 must hold an utterance, a rec"),
        ("a x.wav\n", "b x\n", "b a 0 nan\n", "segments, line 1 must hold an utterance, a rec"),
        ("a x.wav\n", "b x\n\nb y\n", None, "text, line 3: 'b' stands in line 1 already"),
        ("a x.wav\na y.wav\n", "a x\n", None, "wav.scp, line 2: 'a' stands in line 1 already"),
        ("a x.wav\n", "b x\n", "b a 0 1\nb a 1 2\n", "segments, line 2: 'b' stands in line 1 al"),
        ("a sph2pipe -t 1:2 -f wav x.sph |\n", "a x\n", None, "and commands are not run"),
        ("a flac -dc --until=9 x.flac |\n", "a x\n", None, "and commands are not run"),
    ],
)  # fmt: skip
def test_mistakes_are_sentences(
    tmp_path: Path, scp: str, text: str, segments: str | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        list(utterances(folder(tmp_path, scp, text, segments)))
