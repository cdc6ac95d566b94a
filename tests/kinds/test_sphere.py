"""SPHERE files: headers, uncompressed ones as libsndfile reads them, compressed ones."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from t2t_mm.errors import DataError
from t2t_mm.kinds.sound_files import stored_sound
from t2t_mm.kinds.sphere import header, is_sphere, read_sound
from tests.problems.recordings import encoded, pcm, tone, write


def sphere(coding: str, order: str = "01", body: bytes = b"") -> bytes:
    """A SPHERE file as its specification has it."""
    fields = (
        f"database_id -s4 WSJ0\nsample_rate -i 16000\nchannel_count -i 1\n"
        f"sample_count -i {len(body) // 2}\nsample_n_bytes -i 2\nsample_min -i -9\n"
        f"sample_byte_format -s2 {order}\nsample_sig_bits -i 16\nsample_coding -s{len(coding)} "
        f"{coding}\nduration -r 0.05\nend_head\n"
    )
    text = f"NIST_1A\n{'1024':>7}\n{fields}".encode()
    return text.ljust(1024, b"\n") + body


def test_a_header_is_read() -> None:
    found = header(sphere("pcm"))
    assert found["sample_rate"] == 16000 and found["duration"] == 0.05
    assert found["sample_coding"] == "pcm" and found["database_id"] == "WSJ0"
    assert is_sphere(sphere("pcm")) and not is_sphere(encoded(tone(1)))
    for damaged in (b"", b"RIFF", b"NIST_1A\n", b"NIST_1A\n   1024\nsample_rate -i many\n"):
        with pytest.raises(DataError, match="no SPHERE header"):
            header(damaged)


@pytest.mark.parametrize("order", ["01", "10"])
def test_uncompressed_samples_come_back(tmp_path: Path, order: str) -> None:
    samples = tone(3)
    body = samples.astype("<i2" if order == "01" else ">i2").tobytes()
    path = write(tmp_path / "a.wv1", sphere("pcm", order, body))
    assert stored_sound(read_sound(path), 16_000) == pcm(samples)


def test_libsndfiles_own_sphere_files_come_back(tmp_path: Path) -> None:
    path = write(tmp_path / "a.sph", encoded(tone(5), form="NIST"))
    assert stored_sound(read_sound(path), 16_000) == pcm(tone(5))


def test_other_files_are_read_as_they_are(tmp_path: Path) -> None:
    content = encoded(tone(4))
    assert read_sound(write(tmp_path / "a.wav", content)) == content


def test_a_compressed_file_says_how_to_convert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = write(tmp_path / "a.wv1", sphere("pcm,embedded-shorten-v1.09"))
    with pytest.raises(DataError) as caught:
        read_sound(path)
    assert str(caught.value) == (
        f"{path} is compressed (pcm,embedded-shorten-v1.09); install sph2pipe "
        "(https://github.com/burrmill/sph2pipe) and put it on the PATH, or write a WAV file beside "
        f"it: sph2pipe -f wav {path} {tmp_path}/a.wav."
    )


def test_sph2pipe_is_used_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for it: writes a.wav for a.wv1, and fails for what has none."""
    program = write(
        tmp_path / "sph2pipe",
        f"#!{sys.executable}\nimport sys, pathlib\n"
        "option, form, path = sys.argv[1:]\nassert (option, form) == ('-f', 'wav')\n"
        "sys.stdout.buffer.write(pathlib.Path(path).with_suffix('.wav').read_bytes())\n",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    path = write(tmp_path / "a.wv1", sphere("pcm,embedded-shorten-v2.00"))
    with pytest.raises(DataError, match="sph2pipe cannot convert .*a.wv1 "):
        read_sound(path)
    write(tmp_path / "a.wav", encoded(tone(2)))
    np.testing.assert_array_equal(stored_sound(read_sound(path), 16_000), pcm(tone(2)))
