"""A run directory as t2t-trainer leaves it, with random weights, over toy data of every kind."""

from __future__ import annotations

import functools
import io
import shutil
import tempfile
from atexit import register as at_exit
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import soundfile
from PIL import Image

from t2t_mm.problem import (
    Image2ClassProblem,
    Image2TextProblem,
    Problem,
    Sample,
    Speech2TextProblem,
    Split,
    Task,
    Text2TextProblem,
    Text2TreeProblem,
    VocabularySpec,
)
from t2t_mm.registry import HPARAMS, VOCABULARIES, register_problem

if TYPE_CHECKING:
    from t2t_mm.decoding.model_loading import LoadedModel

WORDS = ("red", "blue", "big", "small", "dog", "cat", "sees", "likes")
VOCABULARY = "vocab.decoding_toy"
COUNTS = {Split.TRAIN: 12, Split.DEV: 6}
MODEL, HPARAMS_SET = "multi_model", "multimodel_tiny"
HPARAMS_TEXT = (
    "hidden_size=16,filter_size=16,num_heads=2,num_experts=4,encoder_blocks=2,decoder_blocks=1,"
    "mixer_blocks=1,class_exit_filters=[16,16],audio_min_filters=8,audio_mel_bins=8,"
    "eval_max_length=32"
)


def words(split: Split, index: int) -> str:
    """A sentence of 1 to 7 words."""
    rng = np.random.default_rng([len(split.value), index])
    return " ".join(rng.choice(WORDS, 1 + index % 7))


def png(index: int, side: int = 16) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(index).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def wav(index: int, rate: int = 8000) -> bytes:
    """A tone of 0.2 s and more."""
    out = io.BytesIO()
    times = np.arange(int(rate * (0.2 + 0.05 * index))) / rate
    soundfile.write(out, 0.5 * np.sin(2 * np.pi * (200 + 50 * index) * times), rate, format="WAV")
    return out.getvalue()


class Toy(Problem):
    vocabulary = VOCABULARY
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 1, Split.DEV: 1}

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        for index in range(COUNTS[split]):
            yield self.sample(Split(split), index)


@register_problem("decoding_toy_text")
class ToyText(Toy, Text2TextProblem):
    """Sentences to themselves in capitals; the sentence itself is right too."""

    def sample(self, split: Split, index: int) -> Sample:
        text = words(split, index)
        return {"inputs": text, "targets": text.upper(), "references": [text.upper(), text]}


@register_problem("decoding_toy_tree")
class ToyTree(Toy, Text2TreeProblem):
    """Sentences to flat trees."""

    def sample(self, split: Split, index: int) -> Sample:
        text = words(split, index)
        return {"inputs": text, "targets": f"(S {' '.join(f'(W {w})' for w in text.split())})"}


@register_problem("decoding_toy_class")
class ToyClass(Toy, Image2ClassProblem):
    """Pictures to one of three labels; "b" is the most frequent one."""

    labels = ("a", "b", "c")
    image_size = 16

    def sample(self, split: Split, index: int) -> Sample:
        return {"inputs": png(index), "targets": "abcb"[index % 4]}


@register_problem("decoding_toy_caption")
class ToyCaption(Toy, Image2TextProblem):
    """Pictures to sentences."""

    image_size = 16

    def sample(self, split: Split, index: int) -> Sample:
        return {"inputs": png(index), "targets": words(split, index)}


@register_problem("decoding_toy_speech")
class ToySpeech(Toy, Speech2TextProblem):
    """Tones to sentences."""

    sample_rate = 8000

    def sample(self, split: Split, index: int) -> Sample:
        return {"inputs": wav(index), "targets": words(split, index)}


NAMES = tuple(f"decoding_toy_{kind}" for kind in ("caption", "class", "speech", "text", "tree"))
VOCABULARIES.register(VOCABULARY, VocabularySpec(VOCABULARY, 340, NAMES), "of the decoding toys")


@dataclass(frozen=True)
class Run:
    """Where the run and its data are."""

    output_dir: Path
    data_dir: Path


@functools.cache
def toy_run() -> Run:
    """Makes data and run directory, once per process."""
    from t2t_mm.data.binding import bind, load_vocabularies
    from t2t_mm.data.generation.api import generate
    from t2t_mm.lookup import find_problems

    folder = Path(tempfile.mkdtemp(prefix="decoding_toy"))
    at_exit(shutil.rmtree, folder, ignore_errors=True)
    data_dir, output_dir = folder / "data", folder / "run"
    problems = find_problems(",".join([*NAMES, "decoding_toy_text_rev"]))
    generate(problems, data_dir, num_workers=1, log=lambda line: None)
    tasks = [bind(problem, data_dir) for problem in problems]
    write_run(output_dir, tasks, load_vocabularies(tasks, data_dir))
    return Run(output_dir, data_dir)


@functools.cache
def toy_model() -> LoadedModel:
    """The run's model, loaded once per process: its traces serve all test modules."""
    from t2t_mm.decoding.model_loading import load

    return load(toy_run().output_dir)


def features_of(task: Task, inputs: list) -> dict[str, Any]:
    """Raw inputs as the toy model takes them: a batch, padded."""
    from t2t_mm.decoding.answering import batch_of
    from t2t_mm.decoding.encoded_inputs import EncodedInputs
    from t2t_mm.decoding.input_files import DecodeInput

    loaded = toy_model()
    contents = EncodedInputs([DecodeInput(task, raw) for raw in inputs], loaded.vocabularies)
    return batch_of(task, range(len(inputs)), contents, loaded.hparams)


def write_run(output_dir: Path, tasks: list, vocabularies: Mapping) -> None:
    """run.json, vocab/ and a checkpoint of step 7, as the trainer writes them."""
    from t2t_mm.runs.checkpoints import Checkpoints, by_path
    from t2t_mm.runs.model_making import make_model
    from t2t_mm.runs.replicas import Replicas
    from t2t_mm.runs.run_record import RunRecord

    hparams = HPARAMS.get(HPARAMS_SET)().override(HPARAMS_TEXT)
    model = make_model(MODEL, tasks, hparams, 3, Replicas())
    make_it_end(model)
    (output_dir / "vocab").mkdir(parents=True)
    for name, vocabulary in vocabularies.items():
        (output_dir / "vocab" / f"{name}.model").write_bytes(vocabulary.model)
    RunRecord(
        model=MODEL,
        hparams_set=HPARAMS_SET,
        hparams=hparams.to_dict(),
        tasks={task.name: task.to_dict() for task in tasks},
        seed=3,
        vocabularies={name: vocabulary.digest for name, vocabulary in vocabularies.items()},
        train_steps=7,
    ).write(output_dir)
    Checkpoints(output_dir, by_path(model.variables), {}, {}).save(7, {})


def make_it_end(model) -> None:
    """Random weights hardly ever choose EOS; larger ones for it make outputs of many lengths."""
    for modality in model.modalities.values():
        softmax = getattr(modality, "softmax", None)
        if softmax is not None:
            weights = np.array(softmax)
            weights[:, 1] *= 3.0
            softmax.assign(weights)
