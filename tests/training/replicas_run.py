"""Two logical CPUs against one on the joined batch; a program: devices are fixed at its start."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from t2t_mm import usr_dir
from t2t_mm.data.binding import bind
from t2t_mm.evaluation.teacher_forced import Evaluation
from t2t_mm.lookup import find_problems
from t2t_mm.registry import HPARAMS
from t2t_mm.runs.checkpoints import Checkpoints, by_path, find, load_variables
from t2t_mm.runs.groups import variable_groups
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas
from t2t_mm.training.dry_run import DryRun
from t2t_mm.training.moving_average import ExponentialMovingAverage
from t2t_mm.training.optimizer_choice import make_optimizer
from t2t_mm.training.step import TrainStep
from tests.training.tiny_runs import PROBLEMS_DIR, TRANSFORMER

STEPS = 4


def batches(task: object, step: int) -> list[dict[str, tf.Tensor]]:
    """Two batches of different weight: 6 examples of 5 tokens, 3 of 3; or pictures."""
    found = []
    for replica, (examples, length) in enumerate(((6, 5), (3, 3))):
        rng = np.random.default_rng([step, replica])
        if task.name == "tiny_digits":
            inputs = rng.integers(1, 200, (examples, length))
            targets, lengths = rng.integers(1, 200, (examples, length)), np.full(examples, length)
            dtype = tf.int32
        else:
            inputs, dtype = rng.normal(size=(examples, 8, 8, 3)), tf.float32
            targets, lengths = rng.integers(0, 3, examples), np.full(examples, 64)
        batch = {"inputs": tf.constant(inputs, dtype)}
        batch["inputs_length"] = tf.constant(lengths, tf.int32)
        batch["targets"] = tf.constant(targets, tf.int32)
        found.append(batch)
    return found


def joined(pair: list[dict[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
    """One batch of both, the shorter padded with zeros."""

    def pad(tensor: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
        if len(tensor.shape) != 2:
            return tensor
        return tf.pad(tensor, [[0, 0], [0, like.shape[1] - tensor.shape[1]]])

    return {
        name: tf.concat([pair[0][name], pad(pair[1][name], pair[0][name])], 0) for name in pair[0]
    }


def run(
    data_dir: Path, devices: list[str], dropout: float = 0.0, text: str = ""
) -> tuple[dict, list]:
    hparams = HPARAMS.get("transformer_tiny")().override(TRANSFORMER)
    # A small epsilon would blow rounding errors of tiny gradients up to whole steps.
    hparams = hparams.replace(
        dropout=dropout, attention_dropout=dropout, clip_norm=1.0, adam_epsilon=1e-3
    ).override(text)
    tasks = [bind(p, data_dir) for p in find_problems("tiny_colours,tiny_digits")]
    replicas = Replicas(devices)
    model = make_model("transformer", tasks, hparams, 0, replicas)
    optimizer = make_optimizer(hparams)
    groups = variable_groups(model, tasks)
    with replicas.scope():
        slots = optimizer.build(groups)
        averages = ExponentialMovingAverage(0.6, groups)
        step = TrainStep(model, groups, optimizer, hparams, replicas, averages)
    averages.start()
    reports = []
    for number in range(STEPS):
        task = tasks[number % 2]
        given = []
        for micro in range(hparams.accumulate_steps):
            pair = batches(task, number + STEPS * micro)
            given += pair if replicas.count > 1 else [joined(pair)]
        reports.append(step(task, given, 0.7, 1e-2))
    variables = by_path(model.variables)
    folder = data_dir.parent / f"saved{replicas.count}"
    Checkpoints(folder, variables, [*slots, *averages.slots], {}).save(STEPS, {})
    check_copies(model)
    own = {path: variable.numpy() for path, variable in variables.items()}
    with averages.swapped():
        check_copies(model)
        averaged = {f"average of {p}": v.numpy() for p, v in variables.items()}
    assert all(np.array_equal(own[path], variables[path].numpy()) for path in own)
    DryRun(model, step, replicas.count * hparams.accumulate_steps, data_dir, hparams)(tasks[1])
    evaluated = Evaluation(model, 0.1)(tasks[1], batches(tasks[1], 0))
    again = make_model("transformer", tasks, hparams, 1, replicas)
    load_variables(find(folder), by_path(again.variables))
    assert Evaluation(again, 0.1)(tasks[1], batches(tasks[1], 0)) == evaluated
    return {**own, **averaged}, reports


def check_copies(model: object) -> None:
    for variable in model.trainable_variables:
        if isinstance(variable.value, tf.distribute.DistributedValues):
            first, second = (copy.numpy() for copy in variable.value.values)
            np.testing.assert_array_equal(first, second)


def main(data_dir: Path) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    usr_dir.load(str(PROBLEMS_DIR))
    compare(data_dir, "")
    run(data_dir, ["CPU:0", "CPU:1"], dropout=0.5)
    print("equal")


def compare(data_dir: Path, text: str) -> None:
    one, reports_one = run(data_dir, [], text=text)
    two, reports_two = run(data_dir, ["CPU:0", "CPU:1"], text=text)
    assert one.keys() == two.keys()
    for path in one:
        np.testing.assert_allclose(two[path], one[path], atol=1e-5, err_msg=path)
    for left, right in zip(reports_one, reports_two, strict=True):
        picked = [0, 1, 3, 4, 7]  # all but the aux loss and the padding, which the join adds
        np.testing.assert_allclose(right[picked], left[picked], rtol=1e-4)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
