"""Every ending is one that the libraries decode, and the same one at every entrance."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

from t2t_mm.data.sources.readers.media import endings
from t2t_mm.kinds import Audio, Image
from t2t_mm.kinds.file_endings import image_endings, sound_endings
from t2t_mm.kinds.image_files import stored_image
from t2t_mm.kinds.sound_files import stored_sound

# How libsndfile is asked to write what has such an ending.
FORMATS = {
    ".oga": "OGG", ".opus": "OGG", ".aif": "AIFF", ".aifc": "AIFF", ".snd": "AU", ".sph": "NIST",
}  # fmt: skip


def test_datagen_and_decoder_have_one_list() -> None:
    assert endings("image") == Image.suffixes == Image(32).suffixes == image_endings()
    assert endings("audio") == Audio.suffixes == Audio(8000).suffixes == sound_endings()
    assert {".jpg", ".png", ".gif", ".bmp", ".webp", ".tif", ".ppm"} <= set(image_endings())
    assert {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".au"} <= set(sound_endings())


@pytest.mark.parametrize("ending", sound_endings())
def test_sounds_of_every_ending_are_decoded(ending: str) -> None:
    wave = np.sin(np.arange(4800) / 10).astype(np.float32) / 2
    out = io.BytesIO()
    subtype = "OPUS" if ending == ".opus" else None
    form = FORMATS.get(ending, ending.removeprefix(".").upper())
    soundfile.write(out, wave, 48_000, format=form, subtype=subtype)
    stored = np.frombuffer(stored_sound(out.getvalue(), 48_000), "<i2")
    assert abs(len(stored) - len(wave)) <= 2400  # some formats add silence
    assert 12_000 < np.abs(stored.astype(int)).max() < 20_000


@pytest.mark.parametrize("ending", image_endings())
def test_images_of_every_ending_are_decoded(ending: str) -> None:
    name = Pillow.registered_extensions()[ending]
    out = io.BytesIO()
    Pillow.new("RGB", (16, 16), (250, 5, 5)).save(out, name)
    image = Pillow.open(io.BytesIO(stored_image(out.getvalue())))
    red, green, blue = image.convert("RGB").getpixel((8, 8))
    assert red > 220 and green < 40 and blue < 40
