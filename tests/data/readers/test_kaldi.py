"""Kaldi's data folders: paths, decoding commands, segments, mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from t2t_mm.data.sources.readers.kaldi import utterances
from t2t_mm.errors import DataError
from t2t_mm.kinds.sound_files import stored_sound
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
        "u1 first\nu2 rest\nu3 beyond\n",
        "u1 rec 0.05 0.10\nu2 rec 0.1 -1\nu3 rec 0.15 9.5\n",
    )
    parts = [stored_sound(sound(), 16_000) for _, _, sound in utterances(data)]
    assert parts == [pcm(long[800:1600]), pcm(long[1600:]), pcm(long[2400:])]


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
    ],
)  # fmt: skip
def test_mistakes_are_sentences(
    tmp_path: Path, scp: str, text: str, segments: str | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        list(utterances(folder(tmp_path, scp, text, segments)))
