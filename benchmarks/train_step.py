"""How fast training is: whole steps on synthetic text, ConvBlocks, and the problems of a mixture.

    python benchmarks/train_step.py text        # tokens/s of a step, model by model
    python benchmarks/train_step.py conv        # six ConvBlocks of width 512 on [32, 64]
    python benchmarks/train_step.py problems --data_dir=DIR   # of each problem, and of the mixture

`text` trains on random sentences of 32 source and 32 target tokens over an 8,192-piece vocabulary.
Steps are whole: forward, gradient, clipping, Adam. The share of the peak is the step's floating
point operations (counted by TensorFlow in the forward graph, times three) against a [2048, 2048]
product in the same process. Every figure is a median.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from t2t_mm.data.binding import bind
from t2t_mm.data.mixing import make_policy
from t2t_mm.data.pipeline import training_batches
from t2t_mm.layers.conv import ConvBlock
from t2t_mm.lookup import find_problems
from t2t_mm.problem import FeatureSpec, Task
from t2t_mm.registry import HPARAMS, OPTIMIZERS
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas
from t2t_mm.training import flat_groups
from t2t_mm.training.flat_groups import variable_groups
from t2t_mm.training.step import TrainStep

LENGTH, VOCABULARY = 32, 8192
CASES = (
    ("multi_model", "multimodel_tiny", 512),
    ("transformer", "transformer_tiny", 512),
    ("multi_model", "multimodel_base", 1024),
    ("transformer", "transformer_base", 1024),
)


def median_seconds(call: Callable[[], object], seconds: float, warmup: int = 3) -> float:
    """The median time of a call, repeated for so many seconds."""
    for _ in range(warmup):
        call()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def peak_gflops(seconds: float) -> float:
    """What the machine reaches in a product of two [2048, 2048] float32 matrices, GFLOP/s."""
    a = tf.random.normal([2048, 2048])
    product = tf.function(lambda: tf.matmul(a, a))
    return 2 * 2048**3 / median_seconds(product, seconds) / 1e9


def make_step(model: str, hparams: object, tasks: list[Task]) -> tuple[object, TrainStep]:
    """The model and its training step, as t2t-trainer makes them."""
    replicas = Replicas()
    joint = make_model(model, tasks, hparams, 0, replicas)
    optimizer = OPTIMIZERS.get(hparams.optimizer)(hparams)
    groups = variable_groups(joint, tasks)
    optimizer.build(flat_groups.sizes(groups))
    return joint, TrainStep(joint, groups, optimizer, hparams, replicas)


def forward_flops(joint: object, task: Task, batch: dict[str, tf.Tensor]) -> float:
    """Floating point operations of a forward pass at these very shapes."""

    @tf.function(autograph=False)
    def forward() -> tf.Tensor:
        signature = joint.signature(task)
        return joint.forward(signature, batch, batch["targets"], 0, training=False)[0]

    graph = forward.get_concrete_function().graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    return tf.compat.v1.profiler.profile(graph, options=options).total_float_ops


def text(args: argparse.Namespace) -> None:
    """A row per model: ms a step, target tokens/s, share of the matmul peak."""
    peak = peak_gflops(args.seconds)
    print(f"matmul peak {peak:.0f} GFLOP/s")
    print(f"{'hparams set':20} {'batch':>9} {'ms/step':>8} {'tokens/s':>9} {'of peak':>8}")
    random = np.random.default_rng(0)
    spec = FeatureSpec("text", "vocab.benchmark", VOCABULARY)
    task = Task("benchmark", "benchmark", spec, spec, "to_text")
    for model, hparams_set, tokens in CASES:
        if args.only and args.only not in hparams_set:
            continue
        joint, step = make_step(model, HPARAMS.get(hparams_set)(), [task])
        size = tokens // LENGTH
        ids = [random.integers(3, VOCABULARY, (size, LENGTH), np.int32) for _ in range(2)]
        batch = {
            "inputs": tf.constant(ids[0]),
            "inputs_length": tf.fill([size], LENGTH),
            "targets": tf.constant(ids[1]),
        }
        took = median_seconds(lambda: step(task, [batch], 1.0, 1e-4), args.seconds)  # noqa: B023
        share = 3 * forward_flops(joint, task, batch) / took / 1e9 / peak
        shape = f"{size} x {LENGTH}"
        print(f"{hparams_set:20} {shape:>9} {took * 1e3:8.1f} {tokens / took:9.0f} {share:8.1%}")


def conv(args: argparse.Namespace) -> None:
    """Six ConvBlocks of width 512 on [32, 64], forward and backward."""
    blocks = [ConvBlock(padding="same") for _ in range(6)]
    for block in blocks:
        block.build((None, None, 512))
    weights = [v.value for block in blocks for v in block.trainable_variables]
    x, mask = tf.random.normal([32, 64, 512]), tf.ones([32, 64, 1])

    @tf.function(autograph=False)
    def step() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            h = x
            for block in blocks:
                h = block(h, position_mask=mask)
            loss = tf.reduce_mean(tf.square(h))
        return tape.gradient(loss, weights)

    print(
        f"six ConvBlocks, forward and backward: {median_seconds(step, args.seconds) * 1e3:.0f} ms"
    )


def problems(args: argparse.Namespace) -> None:
    """A row per problem alone, and one for the joint steps that the mixture makes of them."""
    hparams = HPARAMS.get(args.hparams_set)()
    tasks = [bind(problem, args.data_dir) for problem in find_problems(args.problems)]
    _, step = make_step(args.model, hparams, tasks)
    batches = {t.name: iter(training_batches(t, args.data_dir, hparams, 0)) for t in tasks}
    print(f"{'problem':28} {'ms/step':>8} {'targets/s':>10} {'examples/s':>10} {'padding':>8}")
    for task in tasks:
        print(_row(task.name, _measure(step, batches, [task], args.seconds)))
    policy = make_policy(hparams.replace(problem_choice="uniform"), tasks, 0)
    by_name = {task.name: task for task in tasks}
    drawn = [by_name[policy.choose(i)] for i in range(4000)]
    print(_row("all, uniformly mixed", _measure(step, batches, drawn, 4 * args.seconds)))


def _measure(
    step: TrainStep, batches: dict[str, object], tasks: list[Task], seconds: float
) -> np.ndarray:
    """Seconds, steps, target positions, examples, real and padded positions of some steps."""
    for task in {task.name: task for task in tasks}.values():
        for _ in range(5):
            step(task, [next(batches[task.name])], 1.0, 1e-4)
    total, count, begin = np.zeros(8), 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        task = tasks[count % len(tasks)]
        total += step(task, [next(batches[task.name])], 1.0, 1e-4)
        count += 1
    took = time.perf_counter() - begin
    return np.array([took, count, total[1], total[4], total[5], total[6]])


def _row(name: str, sums: np.ndarray) -> str:
    took, count, targets, examples, real, padded = sums
    return (
        f"{name:28} {took / count * 1e3:8.1f} {targets / took:10.0f} {examples / took:10.0f} "
        f"{1 - real / padded:8.1%}"
    )


def main() -> None:
    """Parses the arguments and runs one of the three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["text", "conv", "problems"])
    parser.add_argument("--only", default="", help="text: hparams sets whose name holds this")
    parser.add_argument("--seconds", type=float, default=5.0, help="measured, per figure")
    parser.add_argument("--data_dir", help="problems: where their data are")
    parser.add_argument("--problems", default="shapes8")
    parser.add_argument("--model", default="multi_model")
    parser.add_argument("--hparams_set", default="multimodel_tiny")
    args = parser.parse_args()
    keras.utils.set_random_seed(0)
    {"text": text, "conv": conv, "problems": problems}[args.what](args)


if __name__ == "__main__":
    main()
