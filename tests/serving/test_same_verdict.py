"""Odd sounds and images at every entrance: the same verdict, and where it is good the same values.

The entrances are datagen, the decoder (and Python), the server, its client, and the graph of an
export alone, which reads WAV files at the problem's rate and four formats of images, and says of
others that they are to be converted. What evaluation reads is what datagen stored.
"""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image as Pillow

from t2t_mm.data.generation.api import generate
from t2t_mm.decoding.inputs import stored_inputs
from t2t_mm.errors import DataError
from t2t_mm.kinds import Audio, Image, Kind, Label
from t2t_mm.problem import Problem, Sample, Split, Task
from t2t_mm.serving.http.app import checked_row
from t2t_mm.serving.http.client import Client
from t2t_mm.serving.http.limits import Limits
from t2t_mm.serving.http.request_error import RequestError
from tests.data.tfds_folders import parse_example

RATE = 8000
WAVE = 0.3 * np.sin(2 * np.pi * 300 * np.arange(4000) / RATE)
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (9, 12, 3), np.uint8)
DEEP = RNG.integers(0, 65536, (9, 12), np.uint16)


def sound(wave: Any = WAVE, rate: int = RATE, **options: Any) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, wave, rate, **{"format": "WAV", **options})
    return out.getvalue()


def sized(size: int) -> bytes:
    content = sound()
    at = content.index(b"data") + 4
    return content[:at] + struct.pack("<I", size) + content[at + 4 :]


def image(pixels: np.ndarray = PIXELS, form: str = "PNG", mode: str = "", **options: Any) -> bytes:
    out = io.BytesIO()
    picture = Pillow.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(out, form, **options)
    return out.getvalue()


def turned() -> Pillow.Exif:
    tags = Pillow.Exif()
    tags[0x0112] = 6
    return tags


CLEAR = np.concatenate([PIXELS, PIXELS[..., :1]], 2)
FIRST = Pillow.fromarray(PIXELS).convert("P").getpixel((0, 0))  # a color that there is
GOOD, REFUSED, CONVERTED = "good", "refused", "the graph alone refuses it"

SOUNDS: dict[str, tuple[bytes, str]] = {
    "WAV": (sound(), GOOD),
    "WAV of 8 bits": (sound(subtype="PCM_U8"), GOOD),
    "WAV of 24 bits, extensible": (sound(subtype="PCM_24", format="WAVEX"), GOOD),
    "WAV of 32 bits": (sound(subtype="PCM_32"), GOOD),
    "float WAV": (sound(subtype="FLOAT"), GOOD),
    "loud float WAV": (sound([1.5, -1.5, 0.0, 1.0, -1.0], subtype="FLOAT"), GOOD),
    "WAV of size 0": (sized(0), GOOD),
    "WAV of sox": (sized(0x7FFFF000), GOOD),
    "WAV of arecord": (sized(0x80000000), GOOD),
    "WAV of ffmpeg": (sized(0xFFFFFFFF), GOOD),
    "WAV at another rate": (sound(rate=11_025), CONVERTED),
    "stereo WAV": (sound(np.stack([WAVE, -WAVE / 2], 1)), CONVERTED),
    "GSM": (sound(subtype="GSM610"), CONVERTED),
    "mu-law": (sound(subtype="ULAW"), CONVERTED),
    "big-endian WAV": (sound(endian="BIG"), CONVERTED),
    "FLAC": (sound(format="FLAC"), CONVERTED),
    "AIFF": (sound(format="AIFF"), CONVERTED),
    "chained Ogg": (sound(format="OGG") * 2, CONVERTED),
    "float WAV in the scale of 16 bits": (sound(32768 * WAVE, subtype="FLOAT"), REFUSED),
    "WAV that is cut": (sound()[:-9], REFUSED),
    "two WAV files": (sound() * 2, REFUSED),
    "WAV without samples": (sound(WAVE[:0]), REFUSED),
    "WAV with infinity": (sound([0.0, np.inf], subtype="DOUBLE"), REFUSED),
    "AIFF that is cut": (sound(format="AIFF")[:-9], REFUSED),
    "AU that is cut": (sound(format="AU")[:4000], REFUSED),
    "Ogg that is cut": (sound(format="OGG")[:-9], REFUSED),
    "a PNG": (image(), REFUSED),
    "nothing": (b"", REFUSED),
}
IMAGES: dict[str, tuple[bytes, str]] = {
    "PNG": (image(), GOOD),
    "gray PNG": (image(mode="L"), GOOD),
    "PNG of 1 bit": (image(mode="1"), GOOD),
    "PNG of 16 bits": (image(DEEP), GOOD),
    "transparent PNG": (image(CLEAR), GOOD),
    "transparent gray PNG": (image(CLEAR, mode="LA"), GOOD),
    "PNG with a transparent color": (image(transparency=(1, 2, 3)), GOOD),
    "PNG with a palette and transparency": (image(mode="P", transparency=FIRST), GOOD),
    "turned PNG": (image(exif=turned()), GOOD),
    "JPEG": (image(form="JPEG"), GOOD),
    "turned JPEG": (image(form="JPEG", exif=turned()), GOOD),
    "GIF": (image(form="GIF"), GOOD),
    "BMP": (image(form="BMP"), GOOD),
    "BMP with a palette": (image(form="BMP", mode="P"), GOOD),
    "transparent BMP": (image(CLEAR, "BMP"), GOOD),
    "transparent GIF": (image(mode="P", form="GIF", transparency=FIRST), CONVERTED),
    "TIFF": (image(form="TIFF"), CONVERTED),
    "float TIFF": (image((DEEP / 65535).astype(np.float32), "TIFF"), CONVERTED),
    "transparent WebP": (image(CLEAR, "WEBP", lossless=True), CONVERTED),
    "PNG of 12 bits": (image(DEEP >> 4), REFUSED),
    "float TIFF beyond 1": (image(DEEP.astype(np.float32), "TIFF"), REFUSED),
    "TIFF of 32 bits": (image(DEEP.astype(np.int32), "TIFF"), REFUSED),
    "PNG without its end": (image()[:-12], REFUSED),
    "PNG that is cut": (image()[:-40], REFUSED),
    "PNG with a flipped bit": (image()[:60] + bytes([image()[60] ^ 1]) + image()[61:], REFUSED),
    "JPEG that is cut": (image(form="JPEG")[:-40], REFUSED),
    "a WAV file": (sound(), REFUSED),
    "nothing": (b"", REFUSED),
}
KINDS: dict[str, tuple[Kind, dict[str, tuple[bytes, str]]]] = {
    "sound": (Audio(RATE), SOUNDS),
    "image": (Image(8), IMAGES),
}
Read = Callable[[bytes], "bytes | None"]  # what is stored or fed; None: refused


class Verdicts(Problem):
    """Files to their numbers."""

    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 1}
    command = "to_label"
    metrics = ("accuracy",)

    def __init__(self, kind: Kind, contents: list[bytes]):
        super().__init__("verdicts")
        labels = tuple(f"{i:02d}" for i in range(len(contents)))
        self.inputs, self.targets = kind, Label(labels, "verdicts")
        self.samples = list(zip(contents, labels, strict=True))

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        for content, label in self.samples:
            yield {"inputs": content, "targets": label}


def values(kind: Kind, stored: bytes) -> np.ndarray:
    """Samples, or pixels as they are fed."""
    if isinstance(kind, Audio):
        return np.frombuffer(stored, "<i2").astype(int)
    return tf.io.decode_image(stored, channels=3, expand_animations=False).numpy().astype(int)


@pytest.fixture(scope="module", params=KINDS)
def entrances(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Read]]:
    kind, files = KINDS[request.param]
    task = Task("t", "t", kind, Label(("a", "b")), "c")
    spec = [tf.TensorSpec([None], tf.string)]
    graph = tf.function(lambda rows: kind.graph_read(rows, {}), spec, autograph=False)

    def fed(content: bytes) -> bytes | None:
        try:
            stored = graph(tf.constant([content])).numpy()[0]
            values(kind, stored)  # a damaged image fails where it is fed
        except tf.errors.InvalidArgumentError:
            return None
        return stored

    def decoded(content: bytes) -> bytes | None:
        try:
            return stored_inputs(content, task, {})["inputs"].value
        except DataError:
            return None

    def served(content: bytes) -> bytes | None:
        try:
            return fed(checked_row(content, kind.description(), Limits(), "row 0"))
        except RequestError:
            return None

    made = datagen(kind, [c for c, _ in files.values()], tmp_path_factory.mktemp(request.param))
    return request.param, {
        "datagen": made.__getitem__, "decoder": decoded, "server": served,
        "client": lambda content: served(sent(content, kind)), "graph": fed,
    }  # fmt: skip


def datagen(kind: Kind, contents: list[bytes], folder: Path) -> dict[bytes, bytes | None]:
    """A file -> what datagen stored of it, or None if it left it out as broken."""
    quiet: Any = {"num_workers": 1, "log": lambda line: None}
    [row] = generate([Verdicts(kind, contents)], folder, skip_broken=True, **quiet)
    assert row.read == len(contents)
    found: dict[bytes, bytes | None] = dict.fromkeys(contents)
    for path in folder.glob("verdicts-train-*-of-*"):
        for record in tf.data.TFRecordDataset(str(path)):
            example = parse_example(record.numpy())
            found[contents[example["targets"][0]]] = example["inputs"][0]
    return found


def sent(content: bytes, kind: Kind) -> bytes:
    """What a client sends, one that converts sounds."""
    client, bodies = Client("localhost", "m", sample_rate=kind.description().get("sample_rate")), []
    client._post = lambda body, *_: bodies.append(body) or [{"outputs": [], "scores": []}]  # type: ignore[method-assign]
    client.predict("t", content)
    return base64.b64decode(bodies[0]["instances"][0]["b64"])


def test_every_entrance_has_the_same_verdict_and_values(
    entrances: tuple[str, dict[str, Read]],
) -> None:
    name, readers = entrances
    kind, files = KINDS[name]
    for title, (content, verdict) in files.items():
        found = {entrance: read(content) for entrance, read in readers.items()}
        good = {entrance for entrance, stored in found.items() if stored is not None}
        expected = {GOOD: set(readers), CONVERTED: set(readers) - {"graph"}, REFUSED: set()}
        assert good == expected[verdict], title
        for entrance in good:
            given, stored = (values(kind, found[one]) for one in (entrance, "datagen"))
            np.testing.assert_array_equal(given, stored, f"{title}, {entrance}")
