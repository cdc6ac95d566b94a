"""An export answers what the model answers, and explains it; problems of every kind, tiny."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parents[1] / "decoding"))  # where the toy run is made
from t2t_mm.decoding.decoder import Decoder
from t2t_mm.decoding.settings import GREEDY, DecodeSettings
from t2t_mm.errors import UserError
from t2t_mm.files.locking import holding, is_held
from t2t_mm.layers.attention import SelfAttention
from t2t_mm.layers.recording import recording
from t2t_mm.problem import Split
from t2t_mm.serving.export.api import Exported, export
from t2t_mm.serving.export.examples import raw_examples
from t2t_mm.serving.export.saving import write_version
from t2t_mm.serving.export.signatures import Exportable
from t2t_mm.serving.export.weights import StoredWeights, quantize
from tests.decoding.decoding_run import (
    NAMES,
    features_of,
    png,
    toy_model,
    toy_run,
    wav,
    words,
)

TEXT, TREE, CLASS = "decoding_toy_text", "decoding_toy_tree", "decoding_toy_class"
CAPTION, SPEECH = "decoding_toy_caption", "decoding_toy_speech"
INPUTS = {
    TEXT: [words(Split.TRAIN, i).encode() for i in range(7)],
    TREE: [words(Split.DEV, i).encode() for i in range(3)],
    CLASS: [png(i, side) for i, side in enumerate((16, 16, 40))],
    CAPTION: [png(i, side) for i, side in enumerate((16, 25))],
    SPEECH: [wav(0), wav(9), wav(3)],
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Exported:
    run = toy_run()
    folder = tmp_path_factory.mktemp("export")
    return export(run.output_dir, folder, [*NAMES], data_dir=run.data_dir, log=lambda line: None)


@pytest.fixture(scope="module")
def saved(exported) -> dict:
    loaded = tf.saved_model.load(str(exported.path))
    yield loaded.signatures


@pytest.fixture(scope="module")
def cut(tmp_path_factory) -> Exported:
    """One problem of the model's, and its quality."""
    run = toy_run()
    folder = tmp_path_factory.mktemp("cut")
    return export(
        run.output_dir, folder, CLASS, data_dir=run.data_dir, eval_examples=6, log=lambda line: None
    )


def answers(signature, inputs: list[bytes]) -> tuple[list[list[str]], np.ndarray]:
    found = signature(inputs=tf.constant(inputs))
    texts = [[text.decode() for text in row] for row in found["outputs"].numpy()]
    return texts, found["scores"].numpy()


@pytest.mark.parametrize("problem", NAMES)
def test_every_hypothesis_of_the_beam_is_the_decoders(saved, problem):
    settings = DecodeSettings(return_beams=True)
    decoded = toy_model().decode(problem, INPUTS[problem], settings)
    texts, scores = answers(saved[problem], INPUTS[problem])
    for row, one in enumerate(decoded):
        assert texts[row] == [answer.output for answer in one.alternatives]
        expected = [answer.score for answer in one.alternatives]
        np.testing.assert_allclose(scores[row], expected, atol=1e-3)
    assert len({text for row in texts for text in row}) > 1


@pytest.mark.parametrize("problem", [TEXT, SPEECH])
def test_a_row_is_answered_as_if_it_were_alone(saved, problem):
    texts, scores = answers(saved[problem], INPUTS[problem])
    alone = [answers(saved[problem], [one]) for one in INPUTS[problem]]
    assert texts == [rows[0] for rows, _ in alone]
    np.testing.assert_allclose(scores, np.concatenate([s for _, s in alone]), atol=1e-3)


@pytest.mark.parametrize("problem", [TEXT, CAPTION, SPEECH])
def test_explanations_are_what_the_layers_compute(saved, problem):
    loaded = toy_model()
    model, task = loaded.model, loaded.tasks[problem]
    inputs, outputs = INPUTS[problem][:2], ["red dog", "cat"]
    found = saved[f"explain_{problem}"](inputs=tf.constant(inputs), outputs=tf.constant(outputs))
    vocabulary = next(iter(loaded.vocabularies.values()))
    ids = [[*vocabulary.encode(text), 1] for text in outputs]
    targets = tf.ragged.constant(ids).to_tensor()
    with recording() as seen:
        model.forward(model.route(task), features_of(task, inputs), targets, model.command_id(task))
    cross = [
        np.mean(weights, 1)
        for layer, weights in seen.attention
        if not isinstance(layer, SelfAttention) and layer.name != "encoder_attention"
    ]
    assert len(cross) == 3  # the mixer's, the decoder's over the inputs, and its one block's
    length, expected = found["attention"].shape[2], np.mean(cross, 0)
    for row, tokens in enumerate(ids):
        got = found["attention"].numpy()[row]
        np.testing.assert_allclose(got[: len(tokens)], expected[row, : len(tokens)], atol=1e-5)
        np.testing.assert_allclose(got[: len(tokens)].sum(-1), 1, atol=1e-5)
        assert not got[len(tokens) :].any()
        pieces = [piece.decode() for piece in found["target_pieces"].numpy()[row]]
        assert [p for p in pieces if p] == [vocabulary.piece(token) for token in tokens]
    gatings = [gating for _, gating in seen.gating]
    parts = (("source_", gatings[0], length), ("", gatings[1], targets.shape[1]))
    for name, gating, positions in parts:
        experts, gates = (found[name + part].numpy() for part in ("experts", "gates"))
        shape = (2, positions, experts.shape[2])
        np.testing.assert_array_equal(experts[0], np.reshape(gating.experts, shape)[0])
        np.testing.assert_allclose(gates[0], np.reshape(gating.gates, shape)[0], atol=1e-5)


def test_grids_and_source_pieces(saved):
    seen = {
        problem: saved[f"explain_{problem}"](
            inputs=tf.constant(INPUTS[problem][:1]), outputs=tf.constant(["a"])
        )
        for problem in (TEXT, CLASS, SPEECH)
    }
    vocabulary = next(iter(toy_model().vocabularies.values()))
    pieces = [vocabulary.piece(i) for i in vocabulary.encode(INPUTS[TEXT][0].decode())]
    assert [p.decode() for p in seen[TEXT]["source_pieces"].numpy()[0]] == [*pieces, "</s>"]
    assert seen[TEXT]["grid"].numpy().tolist() == [0, 0]
    assert seen[CLASS]["grid"].numpy().tolist() == [4, 4]
    length = seen[SPEECH]["attention"].shape[2]
    assert seen[SPEECH]["grid"].numpy().tolist() == [length, 1]
    assert "source_pieces" not in seen[CLASS]
    assert seen[CLASS]["attention"].shape == (1, 0, 16)
    assert seen[CLASS]["source_gates"].numpy().sum() == pytest.approx(16)


@pytest.mark.parametrize(
    ("problem", "inputs", "words"),
    [
        (TEXT, [b"red", b"\xff"], "inputs[1] is not valid UTF-8"),
        (CAPTION, [b"not an image"], "inputs[0] is not an image"),
        (CLASS, [png(0)[:200]], "Invalid PNG data"),
        (SPEECH, [wav(0), wav(0)[:99]], "inputs[1] is a WAV file that breaks off"),
    ],
)
def test_malformed_inputs_are_refused(saved, problem, inputs, words):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        saved[problem](inputs=tf.constant(inputs))
    assert words in error.value.message


def test_the_description(exported):
    text = (exported.path / "assets.extra" / "t2t_mm.json").read_text(encoding="utf-8")
    found = json.loads(text)
    assert (found["model"], found["step"], found["weights"]) == ("multi_model", 7, "float32")
    assert found["decode_hparams"]["beam_size"] == 4
    kinds = {name: (one["inputs"], one["targets"]) for name, one in found["problems"].items()}
    assert kinds == {
        TEXT: ("text", "text"),
        TREE: ("text", "tree"),
        CLASS: ("image", "label"),
        CAPTION: ("image", "text"),
        SPEECH: ("audio", "text"),
    }
    assert not any(one["absent"] for one in found["problems"].values())
    assert found["problems"][CLASS]["labels"] == ["a", "b", "c"]
    assert found["problems"][SPEECH]["sample_rate"] == 8000
    assert found["problems"][TEXT]["examples"] == [words(Split.DEV, i) for i in (0, 2, 4)]
    assert set(found["problems"][CLASS]["examples"][0]) == {"b64"}


WITHOUT_T2T_MM = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "t2t_mm":
            raise ImportError(name)
sys.meta_path.insert(0, Block())
import json
import tensorflow as tf, tensorflow_text
model = tf.saved_model.load(sys.argv[1])
found = model.signatures[sys.argv[2]](inputs=tf.constant([sys.argv[3]]))
print(json.dumps([text.decode() for text in found["outputs"].numpy()[0]]))
assert "t2t_mm" not in sys.modules
"""


def test_it_needs_no_t2t_mm(exported, saved, tmp_path):
    command = [sys.executable, "-c", WITHOUT_T2T_MM, str(exported.path), TEXT, "big red dog"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (expected,), _ = answers(saved[TEXT], [b"big red dog"])
    assert json.loads(done.stdout.splitlines()[-1]) == expected


def exportable(settings: DecodeSettings, weights: str = "float32", *names: str) -> Exportable:
    loaded = toy_model()
    tasks = [loaded.tasks[name] for name in names or [TEXT]]
    return Exportable(loaded.model, tasks, loaded.hparams, loaded.vocabularies, settings, weights)


def test_greedy_is_greedy():
    loaded = toy_model()
    texts, scores = answers(exportable(GREEDY).answers(TEXT), INPUTS[TEXT])
    decoder = Decoder(loaded.model, loaded.hparams, loaded.vocabularies, GREEDY)
    decoded = decoder(loaded.tasks[TEXT], features_of(loaded.tasks[TEXT], INPUTS[TEXT]))
    assert texts == [[one.output] for one in decoded]
    np.testing.assert_allclose(scores[:, 0], [one.score for one in decoded], atol=1e-3)


def test_a_cut_export_holds_what_its_problem_needs_alone(exported, cut, saved):
    assert cut.weight_bytes < exported.weight_bytes / 2
    assert cut.bytes < exported.bytes / 3
    loaded = tf.saved_model.load(str(cut.path))
    assert sorted(loaded.signatures) == [CLASS, f"explain_{CLASS}"]
    kept = {variable.name for variable in loaded.signatures[CLASS].variables}
    assert not any("text" in name or "decoder" in name or "commands" in name for name in kept)
    (texts, _), (expected, _) = (
        answers(signatures[CLASS], INPUTS[CLASS]) for signatures in (loaded.signatures, saved)
    )
    assert texts == expected


def test_quality_is_that_of_the_decoders_answers(cut):
    quality, task = cut.quality[CLASS], toy_model().tasks[CLASS]
    examples = raw_examples(task, toy_run().data_dir, toy_model().vocabularies, 6)
    assert [one.references for one in examples] == [("abcb"[i % 4],) for i in range(6)]
    assert [one.inputs for one in examples] == [{"inputs": png(i)} for i in range(6)]
    decoded = toy_model().decode(CLASS, [one.inputs["inputs"] for one in examples])
    right = [a.output in one.references for a, one in zip(decoded, examples, strict=True)]
    assert (quality.examples, quality.before) == (6, {})
    assert quality.after["accuracy"] == np.mean(right)


def test_raw_examples_are_spread_over_the_split_and_turned_for_a_reversed_problem():
    loaded = toy_model()
    task = loaded.tasks[f"{TEXT}_rev"]
    examples = raw_examples(task, toy_run().data_dir, loaded.vocabularies, 3)
    expected = [words(Split.DEV, i) for i in (0, 2, 4)]
    assert [one.inputs["inputs"].decode() for one in examples] == [
        text.upper() for text in expected
    ]
    assert [one.references for one in examples] == [(text,) for text in expected]


class Nothing(tf.Module):
    tasks = ()

    def explains(self, name):
        return True


def test_versions_count_up_and_nothing_is_left_behind(tmp_path):
    (tmp_path / "7").mkdir()
    assert write_version(Nothing(), {}, tmp_path, 7).name == "8"
    assert write_version(Nothing(), {"step": 30}, tmp_path, 30).name == "30"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["30", "7", "8"]
    assert json.loads((tmp_path / "30/assets.extra/t2t_mm.json").read_text()) == {"step": 30}
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to .*; name another folder in --export_dir"):
        write_version(Nothing(), {}, tmp_path / "file" / "x", 1)


def test_what_a_killed_exporter_left_goes_and_what_another_is_writing_stays(tmp_path):
    for name in ("killed", "writing"):
        (tmp_path / f".unfinished.{name}" / "variables").mkdir(parents=True)
    with holding(tmp_path / ".unfinished.writing"):
        assert is_held(tmp_path / ".unfinished.writing")
        assert write_version(Nothing(), {}, tmp_path, 1).name == "1"
        assert sorted(p.name for p in tmp_path.iterdir()) == [".unfinished.writing", "1"]
    write_version(Nothing(), {}, tmp_path, 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "2"]


def test_int8_answers_are_near_and_small(cut, saved):
    made = exportable(GREEDY, "int8", CLASS)
    _, scores = answers(made.answers(CLASS), INPUTS[CLASS])
    _, expected = answers(saved[CLASS], INPUTS[CLASS])
    np.testing.assert_allclose(scores, expected, atol=0.05)
    assert (scores != expected).any()
    assert made.weights.bytes < 0.6 * cut.weight_bytes


def test_stored_weights_are_read_where_the_function_begins():
    """Float16 values stand in for a variable's inside a loop, which reads them once."""
    value = np.random.default_rng(0).normal(size=(20, 20)).astype(np.float32)
    variable = keras.Variable(value, name="kernel")
    weights = StoredWeights("float16")

    @tf.function
    def loop(x):
        with weights.scope():
            return tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x @ variable), (0, x))[1]

    graph = loop.get_concrete_function(tf.TensorSpec([1, 20])).graph
    assert [op.type for op in graph.get_operations()].count("ReadVariableOp") == 1
    bodies = [function.cached_definition for function in graph._functions.values()]
    assert not any(node.op == "ReadVariableOp" for body in bodies for node in body.node_def)
    rounded = value.astype(np.float16).astype(np.float32)
    x = np.ones((1, 20), np.float32)
    np.testing.assert_allclose(loop(x), x @ rounded @ rounded @ rounded, rtol=1e-4, atol=1e-4)
    assert weights.bytes == 2 * value.size


def test_quantised_values_differ_by_half_a_step_of_their_output():
    value = np.random.default_rng(0).normal(size=(3, 40, 5)).astype(np.float32)
    value[1, :, 2] = 0
    levels, scales = quantize(value, (0, 2))
    assert levels.dtype == np.int8
    assert scales.shape == (3, 1, 5)
    assert np.abs(levels * scales - value).max(1).max() <= scales.max() / 2 * 1.0001
    assert (np.abs(levels * scales - value) <= scales / 2 * 1.0001).all()
    assert (np.abs(levels).max(1) == 127).sum() == 14  # all but the empty one


def test_unknown_weights_are_refused():
    with pytest.raises(UserError, match="must be one of float32, float16, int8, got 'int4'"):
        StoredWeights("int4")
