"""What `import t2t_mm` gives: the functions themselves, without TensorFlow until they are used."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import t2t_mm


def test_functions_show_their_signatures() -> None:
    from t2t_mm.decoding.model_loading import load
    from t2t_mm.serving.export.api import export
    from t2t_mm.training.api import train

    for name, function in {"train": train, "load": load, "export": export}.items():
        assert getattr(t2t_mm, name) is function
        assert name in dir(t2t_mm)
    parameters = inspect.signature(t2t_mm.train).parameters
    assert list(parameters)[:3] == ["problems", "model", "hparams_set"]
    assert parameters["train_steps"].default is None


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 't2t_mm' has no attribute 'trian'"):
        t2t_mm.trian  # noqa: B018


def test_the_signature_of_train_needs_no_tensorflow() -> None:
    code = (
        "import inspect, sys, t2t_mm; dir(t2t_mm); assert len(sys.modules) < 300;"
        "inspect.signature(t2t_mm.train); assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
