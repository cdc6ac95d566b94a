"""Several devices equal one device on the joined batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.training.tiny_runs import train


def test_two_devices_equal_one_on_the_joined_batch(tmp_path: Path) -> None:
    train(tmp_path, "unused", train_steps=1, eval_steps=0, problems="tiny_digits,tiny_colours")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.replicas_run", str(tmp_path / "data")],
        cwd=root,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip().endswith("equal"), done.stderr[-4000:]
