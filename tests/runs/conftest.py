"""The tiny problems' data, generated once."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the data of the tiny problems."""
    from tests.runs.made_runs import make_data

    folder = tmp_path_factory.mktemp("tiny_data")
    make_data(folder)
    return folder
