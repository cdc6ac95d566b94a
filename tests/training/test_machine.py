"""GPUs and threads of a training: what cannot be had is one sentence."""

from __future__ import annotations

import pytest
import tensorflow as tf

from t2t_mm.errors import UserError
from t2t_mm.training.machine import WHOLE_MACHINE, Machine


@pytest.mark.parametrize(
    ("machine", "flag"),
    [
        (Machine(gpus=-1), "worker_gpu"),
        (Machine(inter_op_threads=-2), "inter_op_parallelism_threads"),
        (Machine(intra_op_threads=-3), "intra_op_parallelism_threads"),
    ],
)
def test_numbers_are_0_or_more(machine: Machine, flag: str) -> None:
    with pytest.raises(UserError, match=f"--{flag} must be 0 or more, got -"):
        machine.apply()


def test_more_gpus_than_there_are_are_refused() -> None:
    there = len(tf.config.list_physical_devices("GPU"))
    with pytest.raises(UserError, match=rf"--worker_gpu=99: {there} can be seen here; give at"):
        Machine(gpus=99).apply()


def test_one_gpu_is_taken_and_threads_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    config = tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: ["first", "second"])
    monkeypatch.setattr(config, "set_visible_devices", lambda *args: calls.append(args))
    for name in ("inter", "intra"):
        setter = f"set_{name}_op_parallelism_threads"
        monkeypatch.setattr(config.threading, setter, calls.append)
    Machine(gpus=1, inter_op_threads=2, intra_op_threads=3).apply()
    assert calls == [(["first"], "GPU"), 2, 3]
    calls.clear()
    WHOLE_MACHINE.apply()
    assert calls == []
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: [])
    Machine(gpus=1).apply()  # where there is none, the processor does the work
    assert calls == [([], "GPU"), 0, 0]


def test_what_comes_too_late_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(number: int) -> None:
        raise RuntimeError("cannot be modified after initialization")

    monkeypatch.setattr(tf.config.threading, "set_inter_op_parallelism_threads", late)
    with pytest.raises(UserError, match="can be chosen before TensorFlow has run anything, and"):
        Machine(inter_op_threads=2).apply()
