"""What the tests of commands share: a copy of the toy run, and its model loaded once."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "decoding"))  # where the toy run is made
from tests.decoding.decoding_run import toy_model, toy_run


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory) -> Path:
    """A run directory of its own for each test module."""
    return shutil.copytree(toy_run().output_dir, tmp_path_factory.mktemp("toy") / "run")


@pytest.fixture
def one_model(monkeypatch) -> None:
    """Loads once: loading has tests of its own, in tests/decoding."""
    loaded = toy_model()  # before its loader is replaced
    monkeypatch.setattr("t2t_mm.decoding.model_loading.load", lambda *_: loaded)
