"""A kind that the library does not know: two files, and it goes through the whole product."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from starlette.testclient import TestClient

from t2t_mm import usr_dir
from t2t_mm.decoding.model_loading import LoadedModel, load
from t2t_mm.serving.export.api import Exported, export
from t2t_mm.serving.http.server import ServerSettings, load_and_warm_up, make_api
from tests.training.tiny_runs import assert_equal_runs, metrics, train

USR_DIR = Path(__file__).with_name("vector_toy")
NAME = "vector_toy_turned"
RUN = {
    "problems": NAME,
    "hparams": "hidden_size=32,filter_size=32,num_heads=2,encoder_layers=1,decoder_layers=1,"
    "batch_size=64,dropout=0.0,learning_rate=0.05,learning_rate_warmup_steps=20",
    "train_steps": 200,
    "local_eval_frequency": 100,
    "eval_steps": 4,
}
ROWS = ["0.5 -0.25", "-1 0", "0.1 0.9"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds run/ and resumed/, the second stopped on the way."""
    usr_dir.load(str(USR_DIR))
    folder = tmp_path_factory.mktemp("vectors")
    train(folder, "run", **RUN)
    train(folder, "resumed", **{**RUN, "train_steps": 100})
    train(folder, "resumed", **RUN)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> LoadedModel:
    return load(folder / "run")


@pytest.fixture(scope="module")
def exported(folder: Path) -> Exported:
    return export(folder / "run", folder / "toy", data_dir=folder / "data", log=lambda line: None)


def vectors(lines: list[str]) -> np.ndarray:
    return np.array([[float(number) for number in line.split()] for line in lines])


def answers(model: LoadedModel) -> np.ndarray:
    return vectors([one.output for one in model.decode(NAME, ROWS)])


def test_it_learns(folder: Path, model: LoadedModel) -> None:
    dev = [line["metrics"] for line in metrics(folder / "run") if line["split"] == "dev"]
    assert dev[-1]["mse"] < 0.02  # of 1 / 3 without looking
    given = vectors(ROWS)
    turned = np.stack([-given[:, 1], given[:, 0]], 1)
    np.testing.assert_allclose(answers(model), turned, atol=0.35)


def test_it_resumes_to_the_bit(folder: Path) -> None:
    assert_equal_runs(folder / "run", folder / "resumed")


def test_the_export_answers_as_the_decoder(model: LoadedModel, exported: Exported) -> None:
    signature = tf.saved_model.load(str(exported.path)).signatures[NAME]
    outputs = signature(inputs=tf.constant(ROWS))["outputs"].numpy()[:, 0]
    np.testing.assert_allclose(
        vectors([text.decode() for text in outputs]), answers(model), atol=2e-4
    )


def test_the_server_answers_as_the_decoder(model: LoadedModel, exported: Exported) -> None:
    folder = exported.path.parent
    settings = ServerSettings(str(folder), "toy", poll_seconds=0.05, quiet=True)
    api = make_api(settings, folder, load_and_warm_up)
    with TestClient(api.app(), raise_server_exceptions=False) as client:
        until = time.monotonic() + 120
        while client.get("/readyz").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        body = {"signature_name": NAME, "instances": [{"inputs": row} for row in ROWS]}
        found = client.post("/v1/models/toy:predict", content=json.dumps(body)).json()
        wrong = {"signature_name": NAME, "instances": [{"inputs": "one two"}]}
        refused = client.post("/v1/models/toy:predict", content=json.dumps(wrong))
    got = vectors([row["outputs"][0] if isinstance(row["outputs"], list) else row["outputs"]
                   for row in found["predictions"]])  # fmt: skip
    np.testing.assert_allclose(got, answers(model), atol=2e-4)
    assert refused.status_code == 400


def test_the_command_decodes_a_file(folder: Path) -> None:
    (folder / "in.txt").write_text("\n".join(ROWS) + "\n")
    command = [sys.executable, "-m", "t2t_mm.bin.t2t_decoder", f"--t2t_usr_dir={USR_DIR}",
               f"--problem={NAME}", f"--output_dir={folder / 'run'}",
               f"--decode_from_file={folder / 'in.txt'}",
               f"--decode_to_file={folder / 'out.txt'}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = vectors((folder / "out.txt").read_text().splitlines())
    np.testing.assert_allclose(found, answers(load(folder / "run")), atol=2e-4)
