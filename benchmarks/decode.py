"""How fast answers are written: tokens/s of greedy and of beam search, with caches and without.

    python benchmarks/decode.py                           # tiny models, 32, 128 and 512 tokens
    python benchmarks/decode.py --only=base --lengths=32  # the models whose name holds "base"
    python benchmarks/decode.py --without                 # and without caches
    python benchmarks/decode.py --operations --lengths 32 # which operations a step's time goes to
    python benchmarks/decode.py --plain                   # as TensorFlow alone would run it

Sixteen random sentences of 32 tokens over an 8,192-piece vocabulary are decoded to a forced length
by `decoding/writing.write`, encoder included, shared out over the cores as t2t-decoder does it: the
weights are random, but for a softmax so sharp that no hypothesis ends before its limit. Tokens are
those of the best hypotheses. "without" runs the decoder over the whole prefix for every token.
Every figure is a median of whole calls.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.decoding.writing import write
from t2t_mm.kinds import Text
from t2t_mm.kinds.vocabulary import EOS
from t2t_mm.problem import Task
from t2t_mm.registry import HPARAMS
from t2t_mm.runs.cores import Cores, disable_intra_op_threads, merge_shares
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas

BATCH, SOURCE_LENGTH, VOCABULARY = 16, 32, 8192
CASES = (
    ("multi_model", "multimodel_tiny"),
    ("transformer", "transformer_tiny"),
    ("multi_model", "multimodel_base"),
    ("transformer", "transformer_base"),
)


def random_model(model: str, hparams_set: str) -> tuple[Any, Any]:
    """A text-to-text model that never ends by itself, and its signature."""
    spec = Text("vocab.benchmark", VOCABULARY)
    task = Task("benchmark", "benchmark", spec, spec, "to_text")
    joint = make_model(model, [task], HPARAMS.get(hparams_set)(), 0, Replicas())
    for variable in joint.trainable_variables:
        if variable.name == "gate_kernel":  # starts at zero: all rows would use the same experts
            variable.assign(keras.random.normal(variable.shape, seed=0))
    signature = joint.route(task)
    text = joint.modalities[signature.target]
    kernel = np.array(text.embedding).T if text.tied else np.array(text.softmax)
    kernel = 20 * kernel
    kernel[:, EOS] = 0
    (text.embedding if text.tied else text.softmax).assign(kernel.T if text.tied else kernel)
    return joint, signature


def make_call(
    joint: Any, signature: Any, beams: int, length: int, cached: bool = True, plain: bool = False
) -> Callable[[], np.ndarray]:
    """A call that decodes the batch to `length` tokens."""
    random = np.random.default_rng(0)
    ids = tf.constant(random.integers(3, VOCABULARY, (BATCH, SOURCE_LENGTH), np.int32))
    limits = tf.fill([BATCH], length)
    settings = DecodeSettings(beam_size=beams)
    spec = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)]

    def decode(ids: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
        features = {"inputs": ids, "inputs_length": tf.fill([tf.shape(ids)[0]], SOURCE_LENGTH)}
        return write(joint, signature, features, 0, limits, settings, cached=cached).ids

    if plain:
        graph = tf.function(decode, input_signature=spec, autograph=False)
        return checked(lambda: graph(ids, limits).numpy(), length)
    cores = Cores()
    traced = cores.trace(decode, spec)

    def call() -> np.ndarray:
        return merge_shares(
            cores.map_shares(lambda share: traced(ids[share], limits[share]).numpy(), BATCH)
        )

    return checked(call, length)


def checked(call: Callable[[], np.ndarray], length: int) -> Callable[[], np.ndarray]:
    """The call, after it was seen that all outputs have their full length."""
    assert call().shape[-1] == length, "a hypothesis ended by itself"
    return call


def median_seconds(call: Callable[[], object], seconds: float, clock: Callable[[], float]) -> float:
    """The median time of a call, repeated for so many seconds, after a first one."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or not times:
        begin = clock()
        call()
        times.append(clock() - begin)
    return statistics.median(times)


def speed(args: argparse.Namespace) -> None:
    """A row per model, search, length and way."""
    clock = time.process_time if args.processor_time else time.perf_counter
    print(
        f"{'hparams set':18} {'beam':>4} {'tokens':>6} {'caches':>7} {'ms/step':>8} {'tokens/s':>9}"
    )
    for model, hparams_set in chosen(args):
        joint, signature = random_model(model, hparams_set)
        for beams in args.beams:
            for length in args.lengths:
                for cached in (True, False) if args.without else (True,):
                    call = make_call(joint, signature, beams, length, cached, args.plain)
                    took = median_seconds(call, args.seconds, clock)
                    way = "with" if cached else "without"
                    print(
                        f"{hparams_set:18} {beams:4} {length:6} {way:>7} "
                        f"{took / length * 1e3:8.2f} {BATCH * length / took:9.0f}",
                        flush=True,
                    )


def operations(args: argparse.Namespace) -> None:
    """Per model and search: the operations of one step, and where the time of a call goes."""
    for model, hparams_set in chosen(args):
        joint, signature = random_model(model, hparams_set)
        for beams in args.beams:
            call = make_call(joint, signature, beams, args.lengths[0], plain=True)
            call()
            counts, times = profile(call)
            steps = args.lengths[0]
            print(f"{hparams_set}, beam {beams}: {sum(counts.values()) / steps:.0f} a step")
            for name, took in times.most_common(25):
                print(f"  {name:28} {counts[name] / steps:8.1f} {took / steps * 1e3:9.1f} us/step")


def profile(call: Callable[[], object]) -> tuple[Counter[str], Counter[str]]:
    """The number of times that each kind of operation ran in a call, and for how long, ms.

    TensorFlow's executor traces them; the single-threaded one does not.
    """
    from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace

    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        call()
        tf.profiler.experimental.stop()
        (path,) = Path(folder).rglob("*.xplane.pb")
        space = XSpace.FromString(path.read_bytes())
    counts: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for plane in space.planes:
        names = {number: entry.name for number, entry in plane.event_metadata.items()}
        for event in (event for line in plane.lines for event in line.events):
            node, _, kind = names[event.metadata_id].rpartition(":")
            if node and not node.endswith(":") and kind.isidentifier():  # "body/MatMul:_MklMatMul"
                counts[kind] += 1
                times[kind] += event.duration_ps / 1e9
    return counts, times


def chosen(args: argparse.Namespace) -> list[tuple[str, str]]:
    """The cases that --only asks for."""
    return [case for case in CASES if args.only in case[1]]


def main() -> None:
    """Parses the arguments and runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="tiny", help="hparams sets whose name holds this")
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--lengths", type=int, nargs="+", default=[32, 128, 512])
    parser.add_argument("--without", action="store_true", help="also without caches")
    parser.add_argument("--seconds", type=float, default=5.0, help="measured, per figure")
    parser.add_argument(
        "--processor_time", action="store_true", help="count processor seconds, on a busy machine"
    )
    parser.add_argument("--operations", action="store_true", help="which operations take the time")
    parser.add_argument("--plain", action="store_true", help="a call a batch, TensorFlow's threads")
    args = parser.parse_args()
    if not args.plain:
        disable_intra_op_threads()
    keras.utils.set_random_seed(0)
    (operations if args.operations else speed)(args)


if __name__ == "__main__":
    main()
