"""The joint model: what is shared, what is made, what the order of problems changes (nothing)."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import DataError, UnknownNameError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Audio, Image, Label, Text
from t2t_mm.models.body import Body, Encoded
from t2t_mm.models.joint import JointModel
from t2t_mm.models.multi_model import MultiModel
from t2t_mm.problem import Task

HPARAMS = HParams().replace(
    hidden_size=8,
    audio_blocks=2,
    audio_min_filters=4,
    audio_mel_bins=5,
    audio_frequency="merge",
    class_exit_filters=(10, 12),
)
TEXT = Text("vocab.a", 20)
PICTURE = Image(8)
CAPTION = Task("caption", "caption", PICTURE, TEXT, "to_english")
GERMAN = Task("german", "german", TEXT, TEXT, "to_german")
ENGLISH = Task("english", "english", TEXT, TEXT, "to_english")
SPEECH = Task("speech", "speech", Audio(), TEXT, "to_english")
FOUR = ("a", "b", "c", "d")
PICTURE_CLASS = Task("picture", "picture", PICTURE, Label(FOUR, "p"), "to_label")
TEXT_CLASS = Task("topic", "topic", TEXT, Label(FOUR, "t"), "to_label")
ALL = (CAPTION, GERMAN, ENGLISH, SPEECH, PICTURE_CLASS, TEXT_CLASS)

IDS = np.array([[3, 5, 4, 1], [2, 1, 0, 0]])


class MeanBody(Body):
    """Adds the inputs' mean, and the running mean of earlier outputs, each through a matrix."""

    @classmethod
    def from_hparams(cls, hparams, seed_generator):
        return cls(hparams.hidden_size, seed_generator)

    def build(self, input_shape=None):
        shape, start = 2 * (self.hidden_size,), keras.initializers.Orthogonal(seed=1)
        self.reader = self.add_weight(shape=shape, initializer=start, name="reader")
        self.writer = self.add_weight(shape=shape, initializer=start, name="writer")

    def encode(self, rep, training=False):
        return Encoded(rep._replace(x=tf.matmul(rep.x, self.reader)), tf.constant(0.25))

    def decode(self, encoded, shifted, mask, training=False):
        mask = tf.cast(encoded.rep.mask, encoded.rep.x.dtype)[:, :, None]
        mean = tf.reduce_sum(encoded.rep.x * mask, 1, True) / tf.reduce_sum(mask, 1, True)
        return tf.matmul(mean + tf.cumsum(shifted, 1), self.writer), tf.constant(0.5)


def joint(problems=ALL, body=None, hparams=HPARAMS, seed=1) -> JointModel:
    generator = keras.random.SeedGenerator(seed, name="seeds")
    return JointModel(problems, body or mean_body(), hparams, generator)


def mean_body() -> MeanBody:
    return MeanBody(8, keras.random.SeedGenerator(1, name="seeds"), name="body")


def real_body() -> MultiModel:
    keras.utils.set_random_seed(3)
    sizes = {"hidden_size": 8, "filter_size": 8, "num_heads": 2, "num_experts": 3}
    blocks = {"encoder_blocks": 2, "decoder_blocks": 2, "mixer_blocks": 1}
    generator = keras.random.SeedGenerator(1, name="seeds")
    return MultiModel(**sizes, **blocks, seed_generator=generator, name="body")


def batch(problem: Task):
    random = np.random.default_rng(0)
    inputs = {
        "text": IDS[:, ::-1][:, :3] + 1,
        "image": random.normal(size=(2, 8, 8, 3)).astype("float32"),
        "audio": random.normal(size=(2, 9, 5)).astype("float32"),
    }[problem.input.name]
    targets = np.array([2, 3]) if problem.targets.name == "label" else IDS
    return {"inputs": inputs}, targets


def forward(model: JointModel, problem: Task, command=None, training=False):
    inputs, targets = batch(problem)
    command = model.command_id(problem) if command is None else command
    return model.forward(model.route(problem), inputs, targets, command, training=training)


def test_problems_of_one_vocabulary_hold_one_object():
    model = joint()
    german, english = model.route(GERMAN), model.route("english")
    assert german == english == (("inputs",), ("text.vocab.a.8",), "text.vocab.a.8")
    text = model.modalities[german.target]
    assert text is model.modalities[model.route(CAPTION).target]
    assert text is model.modalities[model.route(SPEECH).target]
    mine, theirs = (list(map(id, model.route_variables(s))) for s in (german, english))
    assert mine == theirs and id(text.embedding) in mine
    assert model.route(CAPTION).inputs == model.route(PICTURE_CLASS).inputs


def test_two_label_sets_of_equal_size_share_nothing():
    model = joint()
    first, second = (model.modalities[model.route(p).target] for p in (PICTURE_CLASS, TEXT_CLASS))
    assert first is not second
    assert not set(map(id, first.variables)) & set(map(id, second.variables))
    assert not np.array_equal(first.kernel, second.kernel)


@pytest.mark.parametrize("body", [mean_body, real_body])
def test_order_of_problems_changes_nothing(body):
    one, other = joint(ALL, body()), joint(ALL[::-1], body())
    assert [v.path for v in one.variables] == [v.path for v in other.variables]
    for mine, theirs in zip(one.variables, other.variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for problem in ALL:
        assert one.command_id(problem) == other.command_id(problem)
        np.testing.assert_array_equal(forward(one, problem)[0], forward(other, problem)[0])


def test_initial_values_do_not_depend_on_the_other_problems():
    alone, together = joint([GERMAN]), joint()
    mine = {v.path: v for v in alone.variables if "commands" not in v.path}
    theirs = {v.path: v for v in together.variables}
    assert len(mine) >= 4
    for path, variable in mine.items():
        np.testing.assert_array_equal(variable, theirs[path])
    other = joint([GERMAN], seed=2).modalities["text.vocab.a.8"]
    assert not np.array_equal(other.embedding, alone.modalities["text.vocab.a.8"].embedding)


@pytest.mark.parametrize("body", [mean_body, real_body])
def test_every_variable_exists_first_and_gets_a_gradient(body):
    model = joint(body=body())
    count = len(model.variables)
    assert len({v.path for v in model.variables}) == count
    reached = set()
    for problem in ALL:
        route = model.route(problem)
        with tf.GradientTape() as tape:
            logits, aux = forward(model, problem, training=True)
            total, weight = model.loss(route, logits, batch(problem)[1], 0.1)
            loss = total / weight + aux
        own = model.route_variables(route)
        gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
        pairs = zip(model.trainable_variables, gradients, strict=True)
        found = {id(v) for v, gradient in pairs if gradient is not None}
        assert found <= set(map(id, own))
        reached |= found
    assert [v.path for v in model.trainable_variables if id(v) not in reached] == []
    assert len(model.variables) == count


def test_no_variables_that_no_problem_uses():
    model = joint([TEXT_CLASS])
    assert model.commands is None and model.command_names == []
    assert [v.name for v in model.modalities["text.vocab.a.8"].variables] == ["embedding"]


def test_groups_are_disjoint_and_complete():
    model = joint()
    groups = model.groups()
    assert sorted(groups) == sorted([*model.modalities, "body", "commands"])
    grouped = [id(v) for group in groups.values() for v in group]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == set(map(id, model.trainable_variables))


def test_commands_are_sorted_and_change_the_output():
    model = joint()
    assert model.command_names == ["to_english", "to_german"]
    assert (model.command_id(ENGLISH), model.command_id(GERMAN)) == (0, 1)
    assert model.command_id(TEXT_CLASS) == 0
    english, german = (np.array(forward(model, GERMAN, command)[0]) for command in (0, 1))
    assert np.abs(english - german).max() > 0.1
    np.testing.assert_array_equal(
        forward(model, GERMAN, np.array([0, 1]))[0], [english[0], german[1]]
    )


def test_forward_values():
    model = joint()
    logits, aux = forward(model, GERMAN)
    text = model.modalities["text.vocab.a.8"]
    rep = text.bottom(batch(GERMAN)[0]["inputs"])
    x = np.array(rep.x) @ np.array(model.body.reader)
    mask = np.array(rep.mask)[..., None]
    mean = (x * mask).sum(1, keepdims=True) / mask.sum(1, keepdims=True)
    command = np.broadcast_to(model.commands[1], (2, 1, 8))
    shifted = np.concatenate([command, text.target_bottom(IDS)[:, :-1]], 1)
    want = (mean + shifted.cumsum(1)) @ np.array(model.body.writer) @ np.array(text.softmax)
    np.testing.assert_allclose(logits, want, atol=1e-4)
    assert float(aux) == 0.75
    _, aux = forward(model, PICTURE_CLASS)
    assert float(aux) == 0.25  # the encoder's alone


@pytest.mark.parametrize("body", [mean_body, real_body])
def test_a_target_position_sees_earlier_targets_only(body):
    model = joint(body=body())
    inputs, targets = batch(GERMAN)
    route = model.route(GERMAN)
    full, _ = model.forward(route, inputs, targets, 1)
    changed = targets.copy()
    changed[0, 2] = 9
    other, _ = model.forward(route, inputs, changed, 1)
    np.testing.assert_allclose(full[0, :3], other[0, :3], atol=1e-5)
    assert np.abs(np.array(full[0, 3]) - np.array(other[0, 3])).max() > 1e-4


@pytest.mark.parametrize("body", [mean_body, real_body])
def test_decoding_a_prefix_gives_the_logits_of_teacher_forcing(body):
    model = joint(body=body())
    inputs, targets = batch(SPEECH)
    route = model.route(SPEECH)
    full, _ = model.forward(route, inputs, targets, 0)
    encoded = model.encode(route, inputs)
    for length in (0, 1, 3):
        got = model.decode_logits(route, encoded, targets[:, :length], 0)
        assert got.shape == (2, length + 1, 20)
        # The second target ends after two tokens; what follows it is of no meaning.
        np.testing.assert_allclose(got[0], full[0, : length + 1], atol=1e-4)
        np.testing.assert_allclose(got[1, :2], full[1, : length + 1][:2], atol=1e-4)
        last = model.decode_logits(route, encoded, targets[:, :length], 0, last_only=True)
        np.testing.assert_allclose(last, got[:, -1:], atol=1e-4)


def test_reading_out_needs_no_targets_where_they_are_not_written():
    model = joint(body=real_body())
    route = model.route(PICTURE_CLASS)
    encoded = model.encode(route, batch(PICTURE_CLASS)[0])
    want = forward(model, PICTURE_CLASS)[0]
    got, _ = model.read_out(route, encoded, None, 0)
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_padding_of_inputs_changes_nothing():
    model = joint(body=real_body())
    for problem, width in ((SPEECH, [(0, 0), (0, 3), (0, 0)]), (GERMAN, [(0, 0), (0, 3)])):
        inputs, targets = batch(problem)
        route = model.route(problem)
        want, _ = model.forward(route, inputs, targets, 0)
        padded = {"inputs": np.pad(inputs["inputs"], width)}
        got, _ = model.forward(route, padded, targets, 0)
        np.testing.assert_allclose(got, want, atol=1e-4)


def test_one_trace_serves_all_problems_of_a_route():
    model, traces = joint(), []
    route = model.route(GERMAN)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.int32)] * 2 + [tf.TensorSpec([], tf.int32)]
    )
    def step(inputs, targets, command):
        traces.append(1)
        return model.forward(route, {"inputs": inputs}, targets, command)[0]

    for problem in (GERMAN, ENGLISH):
        inputs, targets = batch(problem)
        got = step(inputs["inputs"], targets, model.command_id(problem))
        np.testing.assert_allclose(got, forward(model, problem)[0], atol=1e-5)
    assert len(traces) == 1


def test_mixed_precision():
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        model = joint(body=real_body())
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    exact = joint(body=real_body())
    for problem in ALL:
        logits, _ = forward(model, problem)
        assert logits.dtype == tf.bfloat16
        total, weight = model.loss(model.route(problem), logits, batch(problem)[1], 0.1)
        assert total.dtype == weight.dtype == tf.float32
        full = model.loss(model.route(problem), forward(exact, problem)[0], batch(problem)[1], 0.1)
        np.testing.assert_allclose(total, full[0], rtol=0.05)


def test_unknown_problem_is_named():
    with pytest.raises(UnknownNameError, match="unknown problem of this model 'germna'.*'german'"):
        joint().route("germna")


def test_sharing_problems_must_agree_on_the_vocabulary():
    other = Task("x", "x", TEXT, Text("vocab.a", 30), "to_english")
    with pytest.raises(DataError, match=r"share 'text.vocab.a.8' disagree .*: 20 and 30; generate"):
        joint([GERMAN, other])


QUESTION = Task(
    "question", "question", {"inputs": PICTURE, "question": TEXT}, Label(FOUR, "q"), "c"
)


def question_batch(length: int = 3) -> dict[str, np.ndarray]:
    picture = batch(PICTURE_CLASS)[0]["inputs"]
    question = np.pad(np.array([[3, 5, 1], [2, 1, 0]]), [(0, 0), (0, length - 3)])
    return {"inputs": picture, "question": question}


def test_several_inputs_are_one_sequence_marked_by_their_slots():
    model = joint([QUESTION])
    route = model.route(QUESTION)
    assert route.slots == ("inputs", "question") and model.slot_names == ["inputs", "question"]
    values = question_batch()
    parts = [
        model.modalities[key].bottom(values[slot])
        for slot, key in zip(route.slots, route.inputs, strict=True)
    ]
    marked = [
        np.array(part.x) + np.array(part.mask)[..., None] * np.array(model.slots)[number]
        for number, part in enumerate(parts)
    ]
    encoded = model.encode(route, values)
    assert encoded.rep.grid is None
    want = np.concatenate(marked, 1) @ np.array(model.body.reader)
    np.testing.assert_allclose(encoded.rep.x, want, atol=1e-5)
    np.testing.assert_array_equal(
        encoded.rep.mask, np.concatenate([part.mask for part in parts], 1)
    )


def test_padding_of_one_of_several_inputs_changes_nothing():
    text_first = Task("q", "q", {"a": TEXT, "b": PICTURE}, Label(FOUR, "q"), "c")
    model = joint([text_first], body=real_body())
    values = question_batch()
    answers = []
    for length in (3, 6):
        question = np.pad(values["question"], [(0, 0), (0, length - 3)])
        feed = {"a": question, "b": values["inputs"]}
        answers.append(np.array(model.forward(model.route("q"), feed, None, 0)[0]))
    np.testing.assert_allclose(*answers, atol=1e-5)


def test_slots_are_variables_of_routes_with_several_inputs_alone():
    model = joint([QUESTION, GERMAN])
    assert id(model.slots) in map(id, model.route_variables(model.route(QUESTION)))
    assert id(model.slots) not in map(id, model.route_variables(model.route(GERMAN)))
    assert [v.path for v in model.groups()["slots"]] == ["joint_model/slots"]
