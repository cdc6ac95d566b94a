"""How fast training is: whole steps on synthetic text, ConvBlocks, and the problems of a mixture.

    python benchmarks/train_step.py text        # tokens/s of a step, model by model
    python benchmarks/train_step.py parts       # where a step of multimodel_tiny goes
    python benchmarks/train_step.py experts     # a mixture of 10, 60 and 240 experts
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

from t2t_mm.data.batches.pipeline import training_batches
from t2t_mm.data.binding import bind
from t2t_mm.kinds import Text
from t2t_mm.layers.conv import ConvBlock
from t2t_mm.layers.moe import MixtureOfExperts
from t2t_mm.layers.rep import Rep
from t2t_mm.lookup import find_problems
from t2t_mm.problem import Task
from t2t_mm.registry import HPARAMS
from t2t_mm.runs.groups import variable_groups
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas
from t2t_mm.training.mixing import make_policy
from t2t_mm.training.optimizer_choice import make_optimizer
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
    optimizer = make_optimizer(hparams)
    groups = variable_groups(joint, tasks)
    optimizer.build(groups)
    return joint, TrainStep(joint, groups, optimizer, hparams, replicas)


def forward_flops(joint: object, task: Task, batch: dict[str, tf.Tensor]) -> float:
    """Floating point operations of a forward pass at these very shapes."""

    @tf.function(autograph=False)
    def forward() -> tf.Tensor:
        signature = joint.route(task)
        return joint.forward(signature, batch, batch["targets"], 0, training=False)[0]

    graph = forward.get_concrete_function().graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    return tf.compat.v1.profiler.profile(graph, options=options).total_float_ops


def text_task() -> Task:
    """A text-to-text problem without data."""
    spec = Text("vocab.benchmark", VOCABULARY)
    return Task("benchmark", "benchmark", spec, spec, "to_text")


def text_batch(size: int) -> dict[str, tf.Tensor]:
    """Random sentences."""
    random = np.random.default_rng(0)
    ids = [random.integers(3, VOCABULARY, (size, LENGTH), np.int32) for _ in range(2)]
    return {
        "inputs": tf.constant(ids[0]),
        "inputs_length": tf.fill([size], LENGTH),
        "targets": tf.constant(ids[1]),
    }


def text(args: argparse.Namespace) -> None:
    """A row per model: ms a step, target tokens/s, share of the matmul peak."""
    peak = peak_gflops(args.seconds)
    print(f"matmul peak {peak:.0f} GFLOP/s")
    print(f"{'hparams set':20} {'batch':>9} {'ms/step':>8} {'tokens/s':>9} {'of peak':>8}")
    task = text_task()
    for model, hparams_set, tokens in CASES:
        if args.only and args.only not in hparams_set:
            continue
        joint, step = make_step(model, HPARAMS.get(hparams_set)(), [task])
        size = tokens // LENGTH
        batch = text_batch(size)
        took = median_seconds(lambda: step(task, [batch], 1.0, 1e-4), args.seconds)  # noqa: B023
        share = 3 * forward_flops(joint, task, batch) / took / 1e9 / peak
        shape = f"{size} x {LENGTH}"
        print(f"{hparams_set:20} {shape:>9} {took * 1e3:8.1f} {tokens / took:9.0f} {share:8.1%}")


def gradients(loss: Callable[[], tf.Tensor], layer: object) -> Callable[[], object]:
    """A traced call that computes a loss and its gradient by a layer's variables."""
    weights = [variable.value for variable in layer.trainable_variables]

    @tf.function(autograph=False)
    def call() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            value = loss()
        found = tape.gradient(value, weights)
        return [tf.convert_to_tensor(g) for g in found if g is not None]

    return call


def parts(args: argparse.Namespace) -> None:
    """The share of the body and of the softmax, with their gradients, in a whole step."""
    task, batch = text_task(), text_batch(16)
    joint, step = make_step("multi_model", HPARAMS.get("multimodel_tiny")(), [task])
    mask = tf.ones([16, LENGTH])
    x = tf.random.normal([16, LENGTH, joint.hidden_size])
    head = joint.modalities[joint.route(task).target]

    def body_loss() -> tf.Tensor:
        encoded = joint.body.encode(Rep(x, mask), training=True)
        y, loss = joint.body.decode(encoded, x, mask, training=True)
        return tf.reduce_mean(y) + loss + encoded.aux_loss

    whole = median_seconds(lambda: step(task, [batch], 1.0, 1e-4), args.seconds)
    body = median_seconds(gradients(body_loss, joint.body), args.seconds)
    top = median_seconds(
        gradients(lambda: head.loss(head.top(x, mask), batch["targets"], 0.1)[0], head),
        args.seconds,
    )
    rest = whole - body - top
    print(
        f"step {whole * 1e3:.1f} ms: body {body / whole:.0%}, softmax {top / whole:.0%}, ", end=""
    )
    print(f"embeddings, clipping and Adam {rest / whole:.0%}")


def total(answer: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    """One number of a mixture's output and loss."""
    return tf.reduce_sum(answer[0]) + answer[1]


def experts(args: argparse.Namespace) -> None:
    """A row per number of experts: ms forward and ms with gradients, [16, 32] at width 128."""
    x, mask = tf.random.normal([16, LENGTH, 128]), tf.ones([16, LENGTH])
    print(f"{'experts':>8} {'forward ms':>11} {'with gradients':>15}")
    for count in (10, 60, 240):
        layer = MixtureOfExperts(count, 512, k=2)
        layer.build((None, None, 128))
        layer.gate_kernel.assign(tf.random.normal(layer.gate_kernel.shape))
        forward = tf.function(lambda m=layer: m(x, mask)[0], autograph=False)
        backward = gradients(lambda m=layer: total(m(x, mask, training=True)), layer)
        took = [median_seconds(call, args.seconds) * 1e3 for call in (forward, backward)]
        print(f"{count:8} {took[0]:11.1f} {took[1]:15.1f}")


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


BENCHMARKS = {
    "text": text,
    "parts": parts,
    "experts": experts,
    "conv": conv,
    "problems": problems,
}


def main() -> None:
    """Parses the arguments and runs one benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=list(BENCHMARKS))
    parser.add_argument("--only", default="", help="text: hparams sets whose name holds this")
    parser.add_argument("--seconds", type=float, default=5.0, help="measured, per figure")
    parser.add_argument("--data_dir", help="problems: where their data are")
    parser.add_argument("--problems", default="shapes8")
    parser.add_argument("--model", default="multi_model")
    parser.add_argument("--hparams_set", default="multimodel_tiny")
    args = parser.parse_args()
    keras.utils.set_random_seed(0)
    BENCHMARKS[args.what](args)


if __name__ == "__main__":
    main()
