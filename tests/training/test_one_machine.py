"""TF_CONFIG: a cluster is refused, one machine is none."""

from __future__ import annotations

import json

import pytest

import t2t_mm
from t2t_mm.bin.command_line import exit_status
from t2t_mm.bin.t2t_trainer import main
from t2t_mm.errors import UserError
from t2t_mm.training.one_machine import refuse_clusters

TWO = json.dumps({"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "worker"}})


@pytest.mark.parametrize(
    "config",
    [
        "",
        "{}",
        '{"task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": {"0": "a:1"}}}',
    ],
)
def test_one_machine_is_no_cluster(config: str) -> None:
    refuse_clusters({"TF_CONFIG": config})
    refuse_clusters({})


def test_a_cluster_is_refused() -> None:
    with pytest.raises(UserError) as error:
        refuse_clusters({"TF_CONFIG": TWO})
    assert str(error.value) == (
        "the environment variable TF_CONFIG names a cluster of 2 tasks (chief 0, worker 0), and "
        "this version trains on one machine, with all of its GPUs; unset it (unset TF_CONFIG) and "
        "start one t2t-trainer on one of them."
    )
    with pytest.raises(UserError, match=r"3 tasks \(ps 0, worker 0, worker 7\)"):
        refuse_clusters({"TF_CONFIG": '{"cluster": {"ps": ["a"], "worker": {"0": "b", "7": "c"}}}'})


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(UserError, match="TF_CONFIG must be a JSON object, got 'cluster=a'"):
        refuse_clusters({"TF_CONFIG": "cluster=a"})


def test_the_trainer_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TF_CONFIG", TWO)
    assert exit_status(main, ["--problems=translate_ende_shapes"]) == 2
    assert "TF_CONFIG names a cluster of 2 tasks" in capsys.readouterr().err
    with pytest.raises(UserError, match="names a cluster"):
        t2t_mm.train("translate_ende_shapes")
