"""Short runs of a tiny joint model, here or in a process that is killed; used by several tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

PROBLEMS_DIR = Path(__file__).with_name("tiny_problems")
PROBLEMS = "tiny_colours,tiny_digits"
MULTI_MODEL = {
    "model": "multi_model",
    "hparams_set": "multimodel_tiny",
    "hparams": "hidden_size=16,filter_size=16,num_heads=2,encoder_blocks=2,decoder_blocks=1,"
    "mixer_blocks=1,num_experts=3,batch_size=64,batch_images=8,class_exit_filters=[8,8],"
    "dropout=0.1,learning_rate_warmup_steps=4",
}
TRANSFORMER = (
    "hidden_size=16,filter_size=16,num_heads=2,encoder_layers=1,decoder_layers=1,batch_size=64,"
    "batch_images=8,class_exit_filters=[8,8],learning_rate_warmup_steps=4"
)
# Figures that depend on the clock.
_RATES = ("examples_per_second", "tokens_per_second")


def train(folder: Path, name: str, decode: bool = False, **changes: Any) -> Any:
    """Trains 12 steps of a tiny transformer (or what `changes` say) in folder/name."""
    import t2t_mm
    from t2t_mm import usr_dir
    from t2t_mm.training import loop, report

    usr_dir.load(str(PROBLEMS_DIR))
    originals = loop.LOG_EVERY, report.decode_samples
    loop.LOG_EVERY = 2
    if not decode:
        report.decode_samples = lambda *args: ({}, {})  # costs seconds of tracing
    arguments = {
        "problems": PROBLEMS,
        "model": "transformer",
        "hparams_set": "transformer_tiny",
        "hparams": TRANSFORMER,
        "data_dir": folder / "data",
        "output_dir": folder / name,
        "train_steps": 12,
        "eval_steps": 1,
        "local_eval_frequency": 4,
        "progress": False,
        "generate_data": True,
        **changes,
    }
    try:
        return t2t_mm.train(**arguments)
    finally:
        loop.LOG_EVERY, report.decode_samples = originals


def train_and_die(folder: Path, name: str, where: str) -> None:
    """Does the same in a process that gets SIGKILL at `where`, "step 6" or "saving 8"."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, __file__, str(folder), name, where]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def metrics(output_dir: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, without what depends on the clock."""
    lines = [json.loads(line) for line in (output_dir / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        for name in _RATES:
            line["metrics"].pop(name, None)
    return lines


def stored(output_dir: Path, folder: str = "checkpoints") -> dict[str, Any]:
    """Key -> array of the latest checkpoint: variables, slots and counters."""
    import tensorflow as tf

    path = tf.train.latest_checkpoint(str(output_dir / folder))
    reader = tf.train.load_checkpoint(path)
    keys = [k for k in reader.get_variable_to_shape_map() if k.startswith(("variables", "slots"))]
    return {key: reader.get_tensor(key) for key in keys}


def assert_equal_runs(one: Path, other: Path) -> None:
    """Weights, optimizer slots, random states and metrics are equal, bit for bit."""
    assert_equal_checkpoints(one, other)
    assert metrics(one) == metrics(other)


def assert_equal_checkpoints(one: Path, other: Path) -> None:
    """Weights, optimizer slots and random states are equal, bit for bit."""
    a, b = stored(one), stored(other)
    assert a.keys() == b.keys()
    assert [key for key in a if a[key].tobytes() != b[key].tobytes()] == []


def _die(folder: Path, name: str, where: str) -> None:
    import keras
    from tensorflow.python.checkpoint import checkpoint_management

    kind, _, number = where.partition(" ")

    class Killer(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if kind == "step" and batch + 1 == int(number):
                os.kill(os.getpid(), signal.SIGKILL)

    original = checkpoint_management.update_checkpoint_state_internal

    def update(*args: Any, **kwargs: Any) -> None:
        # The data are written; what names the latest checkpoint is not.
        if kind == "saving" and str(kwargs["model_checkpoint_path"]).endswith(f"s/model-{number}"):
            os.kill(os.getpid(), signal.SIGKILL)
        original(*args, **kwargs)

    checkpoint_management.update_checkpoint_state_internal = update
    train(folder, name, callbacks=[Killer()], **MULTI_MODEL)


if __name__ == "__main__":
    _die(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
