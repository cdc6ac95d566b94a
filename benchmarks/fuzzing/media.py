"""Targets: single sounds and pictures, at datagen's, the decoder's, the server's entrance."""

from __future__ import annotations

import io
import random
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from benchmarks.fuzzing.mutation import damaged_bytes
from benchmarks.fuzzing.samples import UNCOMPRESSED, pictures, sounds
from benchmarks.fuzzing.target import KEPT, REFUSED, Fault, Try, check
from t2t_mm.kinds import Audio, Image, Kind
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.serving.http.limits import Limits

_RATE = 8000


def make_pictures() -> Try:
    """Damaged pictures: one verdict and content everywhere; TensorFlow decodes what is kept."""
    import tensorflow as tf

    whole = pictures()
    kind = Image(8)
    tf.io.decode_image(whole["RGB.png"])

    def once(rng: random.Random, folder: Path) -> str:
        name = rng.choice(list(whole))
        content = _damaged(rng, whole, name)
        stored = _one_verdict(kind, content)
        if stored is None:
            return REFUSED
        pixels = tf.io.decode_image(stored, 3, expand_animations=False).numpy()
        check(pixels.ndim == 3 and min(pixels.shape[:2]) > 0, f"{name}: pixels {pixels.shape}")
        if content == whole[name]:
            check(pixels.shape == (9, 11, 3) or name == "turned.jpg", f"{name}: {pixels.shape}")
        return KEPT

    return once


def make_sounds() -> Try:
    """Damaged sounds: one verdict and content everywhere; nothing cut passes for whole."""
    whole = sounds()
    kind = Audio(_RATE)

    def once(rng: random.Random, folder: Path) -> str:
        name = rng.choice(list(whole))
        cut = rng.random() < 0.2
        content = whole[name]
        content = content[: rng.randrange(len(content))] if cut else _damaged(rng, whole, name)
        stored = _one_verdict(kind, content)
        if stored is None:
            return REFUSED
        check(len(stored) > 0 and len(stored) % 2 == 0, f"{name}: {len(stored)} bytes")
        if cut and any(word in name for word in UNCOMPRESSED) and "open" not in name:
            check(
                len(stored) == 3200,
                f"{name}, cut to {len(content)} bytes: {len(stored)} bytes of sound",
            )
        return KEPT

    return once


def _damaged(rng: random.Random, whole: Mapping[str, bytes], name: str) -> bytes:
    return damaged_bytes(rng, whole[name], [whole[n] for n in rng.sample(list(whole), 3)])


def _one_verdict(kind: Kind, content: bytes) -> bytes | None:
    """What all entrances store of a file; None if all of them refuse it.

    Raises:
      Fault: if they differ.
    """
    entrances: dict[str, Callable[[], bytes]] = {
        "datagen": lambda: kind.check(content)[0],
        "decoder": lambda: kind.read(content, {}).value,
        "server": lambda: kind.checked_row(content, kind.description(), Limits()),
    }
    found = {}
    for name, entrance in entrances.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found[name] = entrance()
        except BrokenValue as error:
            check(
                bool(error.reason and error.detail) and len(error.detail) < 1000,
                str(error.detail)[:300],
            )
            found[name] = None
    refused = [name for name, stored in found.items() if stored is None]
    if refused and len(refused) < len(found):
        raise Fault(f"refused by {', '.join(refused)} alone")
    if refused:
        return None
    check(found["datagen"] == found["decoder"], "datagen and decoder store different bytes")
    check(_content(found["server"]) == _content(found["datagen"]), "the server reads other values")
    return found["datagen"]


def _content(stored: bytes) -> bytes:
    """The samples of a WAV file; anything else as it is."""
    if stored[:4] != b"RIFF" or stored[8:12] != b"WAVE":
        return stored
    import soundfile

    return soundfile.read(io.BytesIO(stored), dtype="int16")[0].astype("<i2").tobytes()


def make_export_pictures() -> Try:
    """Damaged pictures in an export's graph: no other verdict or pixels than datagen's."""
    import tensorflow as tf

    kind = Image(8)
    whole = {n: c for n, c in pictures().items() if not n.endswith((".webp", ".tif"))}
    del whole["CMYK.jpg"]  # whose values differ by a little, see docs/export.md
    graph = tf.function(
        lambda contents: kind.graph_read(contents, {}),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    decode = tf.function(
        lambda one: tf.io.decode_image(one, 3, expand_animations=False),
        input_signature=[tf.TensorSpec([], tf.string)],
    )
    return lambda rng, folder: _graph_verdict(
        kind,
        _damaged(rng, whole, rng.choice(list(whole))),
        graph,
        lambda stored: decode(stored).numpy(),
    )


def make_export_sounds() -> Try:
    """Damaged WAV files in an export's graph, likewise."""
    import tensorflow as tf

    kind = Audio(_RATE)
    whole = {n: c for n, c in sounds().items() if n.startswith("WAV-PCM_16")}
    graph = tf.function(
        lambda contents: kind.graph_read(contents, {}),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    return lambda rng, folder: _graph_verdict(
        kind,
        _damaged(rng, whole, rng.choice(list(whole))),
        graph,
        lambda stored: np.frombuffer(stored, "<i2"),
    )


def _graph_verdict(
    kind: Kind, content: bytes, graph: Callable, value: Callable[[bytes], np.ndarray]
) -> str:
    """The verdict of a graph, which may refuse what datagen reads, never the other way round."""
    import tensorflow as tf

    try:
        one = value(bytes(graph(tf.constant([content])).numpy()[0]))
    except tf.errors.InvalidArgumentError:  # of damaged pictures in TensorFlow's own words
        return REFUSED
    try:
        stored = kind.check(content)[0]
    except BrokenValue as error:
        raise Fault(f"the graph reads what datagen refuses: {error.detail}") from None
    other = value(stored)
    check(one.shape == other.shape, f"the graph gives {one.shape}, datagen {other.shape}")
    check(np.array_equal(one, other), "the graph gives other values than datagen")
    return KEPT


TARGETS: dict[str, Callable[[], Try]] = {
    "pictures": make_pictures,
    "sounds": make_sounds,
    "export_pictures": make_export_pictures,
    "export_sounds": make_export_sounds,
}
