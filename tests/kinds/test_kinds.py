"""What the kinds answer to the rest of the program: checks, reading, sizes, predictions."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.hparam import HParams
from t2t_mm.kinds import Audio, Image, Kind, Label, Number, Tags, Text, Tree
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.kind import Found, kind_from_dict
from t2t_mm.kinds.tags import word_starts
from t2t_mm.kinds.vocabulary import EOS, Vocabulary
from t2t_mm.registry import KINDS
from tests.decoding.kinds_run import VOCABULARY, kinds_model

COLORS = Label(("red", "green", "blue"), "colors")
SETS = Label(("red", "green", "blue"), "colors", multiple=True)
RANGE = Number(-1, 4)
ENTITIES = Tags(("O", "PER"), "entities", vocabulary=VOCABULARY)
ALL = (
    Text("v", 300), Text("v", 300, absent=True), Tree("v", 300), Image(32, 1, True, "imagenet"),
    Audio(8000), COLORS, SETS, RANGE, ENTITIES,
)  # fmt: skip


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return kinds_model().vocabularies[VOCABULARY]


@pytest.mark.parametrize("kind", ALL, ids=repr)
def test_a_record_of_it_is_json_and_comes_back(kind):
    import json

    assert kind_from_dict(json.loads(json.dumps(kind.to_dict()))) == kind
    assert KINDS.get(kind.name) is type(kind)
    assert kind.is_bound and kind.missing() is None
    assert hash(kind) == hash(kind_from_dict(kind.to_dict()))


@pytest.mark.parametrize(
    ("kind", "missing"),
    [(Text(), "`vocabulary`"), (Image(), "`size`"), (Audio(), "`sample_rate`"),
     (Number(2, 2), "`low` below `high`")],
)  # fmt: skip
def test_what_a_declaration_lacks(kind, missing):
    assert kind.missing() == missing


def test_what_generated_data_tell():
    assert Text("v").bound({"v": 300, "w": 9}) == Text("v", 300)
    assert not Text("v").is_bound and not Label(group="g").is_bound
    assert Label(group="g").with_labels(["a", "b"]) == Label(("a", "b"), "g")
    assert Tags(group="g").with_labels(["a"]) == Tags(("a",), "g")
    assert Number().with_labels(["a"]) == Number()
    assert ENTITIES.beside({"inputs": Text("w")}).vocabulary == "w"
    assert Image(8, flip=True).without_augmentation() == Image(8)
    assert Text("v").with_vocabulary("w") == Text("w") and COLORS.with_vocabulary("w") == COLORS


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        (COLORS, "green", [1]),
        (COLORS, 2, [2]),
        (SETS, ["blue", "red", "blue"], [0, 2]),
        (SETS, "blue, red", [0, 2]),
        (SETS, "", []),
        (SETS, 1, [1]),
        (RANGE, "2.5", [2.5]),
        (RANGE, -1, [-1.0]),
        (ENTITIES, "O PER O", [1, 2, 1]),
        (ENTITIES, ["PER"], [2]),
    ],
)
def test_values_that_are_stored(kind, value, stored):
    assert kind.check(value) == stored


@pytest.mark.parametrize(
    ("kind", "value", "detail"),
    [
        (COLORS, "pink", "has the unknown label 'pink'; allowed are red, green, blue"),
        (COLORS, 3, "has the unknown label 3; allowed are red, green, blue"),
        (COLORS, True, "has the unknown label True; allowed are red, green, blue"),
        (SETS, "red,pink", "has the unknown label 'pink'; allowed are red, green, blue"),
        (RANGE, "much", "must be a number, got 'much'"),
        (RANGE, None, "must be a number, got None"),
        (RANGE, 4.5, "must lie between -1 and 4, got 4.5"),
        (RANGE, float("nan"), "must lie between -1 and 4, got nan"),
        (ENTITIES, "O LOC", "has the unknown tag 'LOC'; allowed are O, PER"),
        (Text("v"), " ", "is empty text; give at least one character"),
        (Image(8), "a.png", "must be the bytes of an encoded file, got str"),
    ],
)
def test_values_that_are_refused(kind, value, detail):
    with pytest.raises(BrokenValue) as error:
        kind.check(value)
    assert error.value.detail == detail


def test_tags_stand_at_the_first_tokens_of_words(vocabulary):
    text = "dog xyzzy cat"
    ids = [*vocabulary.encode(text), EOS]
    stored = ENTITIES.align([1, 2, 1], {"inputs": text}, {"inputs": vocabulary})
    assert len(stored) == len(ids) > 4  # the unknown word is several tokens
    assert [one for one in stored if one] == [1, 2, 1]
    assert [bool(one) for one in stored] == word_starts(ids, vocabulary)
    assert stored[-1] == 0
    assert ENTITIES.shown(stored, {}, "") == "O PER O"
    padded = np.array([*ids, 0, 0])
    found = np.where(np.pad(stored, (0, 2)) == 2, 2, 1)  # a tag for every position
    assert ENTITIES.from_prediction(found, {VOCABULARY: vocabulary}, {"inputs": padded}) == (
        "O PER O"
    )


@pytest.mark.parametrize(
    ("text", "tags", "detail"),
    [
        ("dog cat", [1], "has 1 tags for 2 words; give one each"),
        ("dog\u2581cat x", [1, 1], "is beside a text whose words are not parted by single spaces"),
    ],
)
def test_tags_that_do_not_fit_their_text(vocabulary, text, tags, detail):
    with pytest.raises(BrokenValue) as error:
        ENTITIES.align(tags, {"inputs": text}, {"inputs": vocabulary})
    assert error.value.detail == detail


def test_what_is_fed():
    hparams = HParams()
    sets, ones = SETS.feed(tf.ragged.constant([[0, 2], [], [1]], tf.int64), hparams)
    np.testing.assert_array_equal(sets, [[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    assert ones.numpy().tolist() == [1, 1, 1]
    numbers, ones = RANGE.feed(tf.ragged.constant([[2.5], [-1.0]], ragged_rank=1), hparams)
    np.testing.assert_array_equal(numbers, [2.5, -1])
    assert ones.numpy().tolist() == [1, 1]
    dense, _ = RANGE.feed(tf.constant([2.5, -1.0]), hparams)
    np.testing.assert_array_equal(dense, numbers)
    tags, lengths = ENTITIES.feed(tf.ragged.constant([[1, 0, 2, 0], [1, 0]], tf.int64), hparams)
    np.testing.assert_array_equal(tags, [[1, 0, 2, 0], [1, 0, 0, 0]])
    assert lengths.numpy().tolist() == [4, 2] and tags.dtype == tf.int32


@pytest.mark.parametrize("kind", [Text("v", 300), COLORS, SETS, RANGE, ENTITIES], ids=repr)
def test_a_random_batch_is_what_could_be_fed(kind):
    shape = kind.batch_shape(50, 4, HParams())
    batch = kind.random_batch(np.random.default_rng(0), shape)
    assert batch.shape == shape
    stored = {
        "text": lambda: tf.ragged.constant([[5, 6, 7, 1]] * 50),
        "label": lambda: tf.ragged.constant([[1]] * 50) if kind.multiple else tf.fill([50], 1),
        "number": lambda: tf.fill([50, 1], 2.0),
        "tags": lambda: tf.ragged.constant([[1, 0, 1, 0]] * 50),
    }[kind.name]()
    fed, lengths = kind.feed(stored, HParams())
    assert fed.shape == shape and fed.dtype.name == batch.dtype.name
    assert lengths.numpy().tolist() == 50 * [kind.positions(shape)]
    low, high = {
        "text": (1, 299), "label": (0, 1 if kind == SETS else 2), "number": (-1, 4),
        "tags": (1, 2),
    }[kind.name]  # fmt: skip
    assert low <= batch.min() < batch.max() <= high


def test_how_examples_are_batched():
    hparams = HParams(batch_size=100, batch_images=7, batch_audio_seconds=20.0)
    sizes = np.array([3, 40])
    for kind in (COLORS, SETS, RANGE):
        assert kind.lengths(sizes).tolist() == [1, 1] and kind.budget(hparams) == 100
        assert kind.sizes(sizes).tolist() == [1, 1]
    for kind in (Text("v"), ENTITIES):
        assert kind.lengths(sizes).tolist() == [3, 40] and kind.budget(hparams) == 100
        assert (kind.limit(hparams, True), kind.limit(hparams, False)) == (256, 512)
    image = Image(8)
    assert image.lengths(sizes).tolist() == [0, 0] and image.budget(hparams) is None
    assert image.most_examples(hparams) == 7
    sound = Audio(8000)
    assert sound.lengths(np.array([800, 8001])).tolist() == [1, 11]  # tenths of a second
    assert sound.budget(hparams) == 200 and sound.sizes(16) == 8


def test_what_users_see_of_predictions(vocabulary):
    vocabularies = {VOCABULARY: vocabulary}
    assert COLORS.from_prediction(np.int32(2), {}, {}) == "blue"
    assert SETS.from_prediction(np.array([1, 0, 1]), {}, {}) == "red,blue"
    assert SETS.from_prediction(np.array([0, 0, 0]), {}, {}) == ""
    assert RANGE.from_prediction(np.float32(1 / 3), {}, {}) == "0.333333"
    text = Text(VOCABULARY, vocabulary.size)
    ids = np.array([*vocabulary.encode("red dog"), EOS, 0])
    assert text.from_prediction(ids, vocabularies, {}) == "red dog"


def test_the_graph_shows_the_same():
    ids = tf.constant([[2, 0], [1, 2]])
    found = COLORS.graph_predictions(Found(ids, None), {}, {})
    assert found.numpy().tolist() == [[b"blue", b"red"], [b"green", b"blue"]]
    chosen = tf.constant([[[1, 0, 1]], [[0, 0, 0]], [[0, 1, 0]]])
    found = SETS.graph_predictions(Found(chosen, None), {}, {})
    assert found.numpy().tolist() == [[b"red,blue"], [b""], [b"green"]]
    values = np.array([[1 / 3], [-1.0], [1234567.0], [1e-7]], "float32")
    found = RANGE.graph_predictions(Found(tf.constant(values), None), {}, {})
    texts = [text.decode() for text in found.numpy()[:, 0]]
    assert texts == [RANGE.from_prediction(v, {}, {}) for v in values[:, 0]]


@pytest.mark.parametrize(
    ("kind", "text", "stored"),
    [(COLORS, " blue ", 2), (SETS, "red,blue", [0, 2]), (SETS, "", []), (RANGE, "0.5", 0.5)],
)
def test_targets_are_read_as_they_are_shown(kind, text, stored):
    assert kind.parse_target(text, {}) == stored
    assert kind.shown(np.array(stored, None if stored else int), {}, "") == text.strip()


def test_the_graph_reads_what_users_write():
    read = COLORS.graph_read(tf.constant(["blue", "red"]), {})
    assert read.numpy().tolist() == [2, 0]
    numbers = RANGE.graph_read(tf.constant(["2", " -.5", "1e-1", "+3."]), {})
    np.testing.assert_allclose(numbers, [2, -0.5, 0.1, 3])
    for kind, wrong, words in (
        (COLORS, "pink", "inputs[1] is none of red, green, blue."),
        (RANGE, "1,5", "inputs[1] is not a number."),
        (RANGE, "", "inputs[1] is not a number."),
    ):
        good = "red" if kind is COLORS else "1"
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            kind.graph_read(tf.constant([good, wrong]), {})
        assert words in error.value.message
    assert not SETS.can_be_exported and not ENTITIES.can_be_exported
    assert all(kind.can_be_exported for kind in (COLORS, RANGE, Image(8), Audio(8), Text("v")))


@pytest.mark.parametrize("kind", [COLORS, RANGE, Text("v"), Image(16), Audio(8000)], ids=repr)
def test_a_sample_row_is_one_that_a_server_lets_pass(kind):
    class Limits:
        text_bytes, pixels, audio_seconds = 100, 1000, 1.0

    row = kind.sample_row(kind.description())
    assert kind.checked_row(row, kind.description(), Limits) == row


def counted(kind: Kind, values: list) -> dict[bytes, int]:
    dtype = np.float32 if kind is RANGE else np.int64
    found: dict[bytes, int] = {}
    for value in values:
        key = np.asarray(value, dtype).tobytes()
        found[key] = found.get(key, 0) + 1
    return found


def test_answers_of_somebody_who_never_looks():
    answer, share = COLORS.typical(counted(COLORS, [[2], [1], [2], [0]]))
    assert answer.tolist() == [2] and share == 0.5
    answer, share = SETS.typical(counted(SETS, [[0, 2], [], [0, 2], [1]]))
    assert answer.tolist() == [0, 2] and share == 0.5
    answer, share = RANGE.typical(counted(RANGE, [[0], [1], [1], [2]]))
    assert answer.tolist() == [1] and share == 0.5  # the mean, which is among them
    answer, share = RANGE.typical(counted(RANGE, [[0], [1], [0]]))
    np.testing.assert_allclose(answer, [1 / 3], rtol=1e-6)
    assert share == 0


def test_what_can_be_counted():
    assert (COLORS.count_ids, SETS.count_ids, RANGE.count_ids, ENTITIES.count_ids) == (
        3, None, None, 3,
    )  # fmt: skip
    assert COLORS.ids_of(np.int32(2)).tolist() == [2]
    assert ENTITIES.ids_of(np.array([1, 0, 2, 0])).tolist() == [1, 2]
    assert SETS.ids_of(np.array([1.0, 0, 1])).tolist() == []
    assert COLORS.is_ranked and not SETS.is_ranked and not RANGE.is_ranked


def test_families_and_metrics_beside():
    assert Tree("v").families == {"tree", "text"} and COLORS.families == {"label"}
    assert COLORS.metrics_beside({}) == ("calibration_error",)
    many = Label(tuple(map(str, range(6))))
    assert many.metrics_beside({}) == ("accuracy_top5", "calibration_error")
    assert SETS.metrics_beside({}) == () and Tree("v").metrics_beside({}) == ("bracket_f1_all",)
    described = {"picture": Image(8), "question": Text("v")}
    assert Text("v").metrics_beside(described) == ("bleu_4", "cider", "rouge_l", "meteor_stem")


def test_what_decides_what_is_stored():
    assert Tree("v", 300).stored_fields() == Text("v").stored_fields()
    assert COLORS.stored_fields() != SETS.stored_fields()
    assert RANGE.stored_fields() != Number(-1, 5).stored_fields()
    assert Image(8).stored_fields() == Image(16).stored_fields() == {"kind": "image"}
    assert Audio(8).stored_fields() != Audio(16).stored_fields()
