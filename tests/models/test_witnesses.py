"""Every model of the house, and a user's own: trained, resumed, decoded, exported."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm import usr_dir
from t2t_mm.decoding.answering import batch_of
from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.model_loading import LoadedModel, load
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.decoding.writing import output_limits, write
from t2t_mm.serving.export.api import export
from tests.decoding.decoding_run import make_it_end, png
from tests.training.tiny_runs import MULTI_MODEL, PROBLEMS, assert_equal_runs, train

EXAMPLES = Path(__file__).parents[2] / "examples" / "usr_dir"
TEXT, IMAGE = "tiny_digits", "tiny_colours"
_ATTENTION = "hidden_size=16,filter_size=16,num_heads=2,batch_size=64,batch_images=8"
_LABEL = "class_exit_filters=[8,8],learning_rate_warmup_steps=4"
# What train() is told of each; the problems are those that the model takes.
MODELS = {
    "multi_model": {**MULTI_MODEL, "problems": PROBLEMS},
    "transformer": {"problems": PROBLEMS},
    "lstm_seq2seq_attention": {
        "model": "lstm_seq2seq_attention",
        "hparams_set": "lstm_tiny",
        "hparams": f"hidden_size=16,attention_layer_size=16,batch_size=64,batch_images=8,{_LABEL}",
        "problems": PROBLEMS,
    },
    "gpt": {
        "model": "gpt",
        "hparams_set": "gpt_tiny",
        "hparams": f"{_ATTENTION},num_hidden_layers=2,dropout=0.1,{_LABEL}",
        "problems": TEXT,
    },
    "resnet": {
        "model": "resnet",
        "hparams_set": "resnet_tiny",
        "hparams": "batch_images=8",
        "problems": IMAGE,
    },
    "mean_body": {
        "model": "mean_body",
        "hparams_set": "mean_body_tiny",
        "hparams": f"hidden_size=16,batch_size=64,batch_images=8,{_LABEL}",
        "problems": PROBLEMS,
    },
}
BEAM = "beam_size=3,return_beams=true"
ROWS = {
    TEXT: ["one two", "nine", "three three zero seven", "four eight"],
    IMAGE: [png(index) for index in range(3)],
}


class Interrupts(keras.callbacks.Callback):
    """Sends SIGINT after step 5."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 == 5:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module", params=MODELS)
def folder(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    free_memory: Callable[[], None],
) -> Iterator[Path]:
    """Holds run/, 12 steps, and stopped/, the same interrupted after step 5 and resumed."""
    usr_dir.load(str(EXAMPLES))
    folder = tmp_path_factory.mktemp(request.param)
    train(folder, "run", **MODELS[request.param])
    free_memory()
    with pytest.raises(KeyboardInterrupt):
        train(folder, "stopped", callbacks=[Interrupts()], **MODELS[request.param])
    free_memory()
    train(folder, "stopped", **MODELS[request.param])
    free_memory()
    yield folder
    free_memory()


@pytest.fixture(scope="module")
def model(folder: Path) -> LoadedModel:
    """The run's, with weights that let outputs end."""
    loaded = load(folder / "run")
    make_it_end(loaded.model)
    return loaded


def test_a_stopped_run_goes_on_to_the_bit(folder: Path) -> None:
    assert_equal_runs(folder / "run", folder / "stopped")


def test_a_beam_writes_what_the_full_prefix_writes(model: LoadedModel) -> None:
    if TEXT not in model.tasks:
        pytest.skip("the model writes nothing")
    task, settings = model.task(TEXT), DecodeSettings(beam_size=3, return_beams=True)
    contents = EncodedInputs([DecodeInput(task, raw) for raw in ROWS[TEXT]], model.vocabularies)
    features = batch_of(task, range(len(ROWS[TEXT])), contents, model.hparams)
    limits = output_limits(task, features, model.hparams, 10)

    def written(cached: bool) -> tf.types.experimental.GenericFunction:
        joint = model.model
        route, command = joint.route(task), joint.command_id(task)
        return tf.function(
            lambda: write(joint, route, features, command, limits, settings, cached=cached),
            autograph=False,
        )

    whole, cached = written(cached=False)(), written(cached=True)()
    np.testing.assert_array_equal(cached.ids, whole.ids)
    np.testing.assert_allclose(cached.scores, whole.scores, atol=1e-3)
    assert len(np.unique(whole.scores)) == whole.scores.shape[0] * whole.scores.shape[1]


def test_an_export_answers_as_the_decoder(folder: Path) -> None:
    loaded = load(folder / "run")
    written = export(
        folder / "run", folder / "export", decode_hparams=BEAM, data_dir=folder / "data",
        log=lambda line: None,
    )  # fmt: skip
    signatures = tf.saved_model.load(str(written.path)).signatures
    for problem in loaded.tasks:
        rows = ROWS[problem]
        answers = signatures[problem](inputs=tf.constant(rows))
        decoded = loaded.decode(problem, rows, BEAM)
        outputs = [[text.decode() for text in row] for row in answers["outputs"].numpy()]
        assert outputs == [[one.output for one in row.alternatives] for row in decoded]
        scores = [[one.score for one in row.alternatives] for row in decoded]
        np.testing.assert_allclose(answers["scores"], scores, atol=1e-4)
