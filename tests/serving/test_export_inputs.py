"""Text and pictures inside the graph: what t2t-decoder makes of them, and what is refused."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "decoding"))  # where the toy run is made
from t2t_mm.kinds.graph.images import stored_images
from t2t_mm.kinds.graph.text import GraphVocabulary
from t2t_mm.kinds.image_files import stored_image
from t2t_mm.kinds.vocabulary import EOS, Vocabulary
from tests.decoding.decoding_run import VOCABULARY, toy_run

TEXTS = [
    "red dog",
    "  two  spaces ",
    "Ä\t日本\n語",
    "a▁b",
    "▁",
    "x\u2028y",
    "\ufeffa",
    "a\0b",
    "🙂",
]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load(toy_run().data_dir / f"{VOCABULARY}.model")


@pytest.fixture(scope="module")
def graph_vocabulary(vocabulary) -> GraphVocabulary:
    return GraphVocabulary(vocabulary)


def test_text_becomes_the_same_ids_and_comes_back(vocabulary, graph_vocabulary):
    ids = graph_vocabulary.encode(tf.constant(TEXTS))
    assert ids.to_list() == [[*vocabulary.encode(text), EOS] for text in TEXTS]
    texts = graph_vocabulary.decode(ids.to_tensor()).numpy()
    assert [text.decode() for text in texts] == TEXTS


def test_any_ids_are_read_as_the_vocabulary_reads_them(vocabulary, graph_vocabulary):
    """Padding, an EOS in the middle, and bytes that are no UTF-8."""
    ids = np.random.default_rng(0).integers(0, vocabulary.size, (200, 9))
    ids[::3] %= 259
    ids[1::3, :2] = vocabulary.encode(" ")[0]  # spaces at the beginning
    texts = graph_vocabulary.decode(tf.constant(ids, tf.int32)).numpy()
    assert [text.decode() for text in texts] == [vocabulary.decode(row) for row in ids.tolist()]


def test_pieces(vocabulary, graph_vocabulary):
    ids = vocabulary.encode("red dog")
    pieces = graph_vocabulary.pieces(tf.constant([[*ids, EOS, 0]])).numpy()[0]
    assert [one.decode() for one in pieces] == [*map(vocabulary.piece, ids), "</s>", ""]


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ([b"a", b"\xff"], "inputs[1] is not valid UTF-8; convert it to UTF-8."),
        ([b"\xed\xa0\x80"], "inputs[0] is not valid UTF-8"),
        (["a", " \u3000\x1c\x85\u2028\xa0\v\t"], "inputs[1] is empty text; give at least one"),
        (["", "b"], "inputs[0] is empty text"),
    ],
)
def test_bad_text_is_refused_by_row(graph_vocabulary, texts, sentence):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        graph_vocabulary.encode(tf.constant(texts))
    assert sentence in error.value.message


def test_an_answer_may_be_empty(graph_vocabulary):
    assert graph_vocabulary.encode_answers(tf.constant(["", " "])).to_list()[0] == [EOS]


def test_a_problem_that_reads_nothing(graph_vocabulary):
    assert graph_vocabulary.encode_nothing(tf.constant(["", ""])).to_list() == [[EOS], [EOS]]
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        graph_vocabulary.encode_nothing(tf.constant(["", "a"]))
    assert "inputs[1] must be empty text: this problem reads nothing." in error.value.message


@pytest.fixture(scope="module")
def graph():
    spec = [tf.TensorSpec([None], tf.string)]
    return tf.function(stored_images, input_signature=spec, autograph=False)


COLOURS = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8))
PALETTE = COLOURS.quantize(16)
DEEP = Image.fromarray(np.random.default_rng(1).integers(0, 65536, (12, 10), np.uint16))


def saved(picture: Image.Image, kind: str, **how) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


FILES = {
    "PNG": saved(COLOURS, "PNG"),
    "PNG with alpha": saved(COLOURS.convert("RGBA"), "PNG"),
    "PNG with a palette": saved(PALETTE, "PNG"),
    "PNG with a transparent colour": saved(PALETTE, "PNG", transparency=3),
    "PNG, grey": saved(COLOURS.convert("L"), "PNG"),
    "PNG, grey with alpha": saved(COLOURS.convert("LA"), "PNG"),
    "PNG, grey of 16 bits": saved(DEEP, "PNG"),
    "PNG of 1 bit": saved(COLOURS.convert("1"), "PNG"),
    "JPEG": saved(COLOURS, "JPEG"),
    "JPEG, grey": saved(COLOURS.convert("L"), "JPEG"),
    "GIF": saved(PALETTE, "GIF"),
    "BMP": saved(COLOURS, "BMP"),
    "BMP with a palette": saved(PALETTE, "BMP"),
    "BMP of 32 bits": saved(COLOURS.convert("RGBA"), "BMP"),
}


def pixels(content: bytes) -> np.ndarray:
    return tf.io.decode_image(content, channels=3, expand_animations=False).numpy()


def test_every_kind_of_picture_has_the_pixels_that_t2t_decoder_sees(graph):
    """In one batch."""
    stored = graph(tf.constant(list(FILES.values()))).numpy()
    for (name, content), one in zip(FILES.items(), stored, strict=True):
        np.testing.assert_array_equal(pixels(one), pixels(stored_image(content)), err_msg=name)


HUGE = FILES["PNG"][:16] + b"\0\0\xff\xff" * 2 + FILES["PNG"][24:]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "inputs[1] is not an image; give the bytes of a PNG, JPEG, GIF or BMP file."),
        (b"\x89PNG", "inputs[1] is not an image"),
        (saved(COLOURS, "TIFF"), "inputs[1] is not an image"),
        (HUGE, "inputs[1] is an image of 4294836225 pixels; from 1 to 89478485 are allowed."),
        (saved(COLOURS.convert("1"), "BMP"), "a BMP image of 1 bits a pixel; 8, 24 and 32"),
        (FILES["BMP with a palette"][:99], "differ by"),
        (FILES["JPEG"][:300], "Invalid JPEG data, size 300"),
    ],
)
def test_what_is_no_picture_is_refused(graph, content, words):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        graph(tf.constant([FILES["PNG"], content]))
    assert words in error.value.message
