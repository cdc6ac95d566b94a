"""Problems for the tests of data generation: a module of their own, so that workers import it."""

from __future__ import annotations

import functools
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import soundfile
from PIL import Image

from t2t_mm.problem import (
    Image2ClassProblem,
    Problem,
    Sample,
    Speech2TextProblem,
    Split,
    Text2ClassProblem,
    Text2TextProblem,
)
from t2t_mm.registry import register_problem

WORDS = ("a", "red", "blue", "green", "circle", "square", "above", "below", "Straße", "café")
SLOW = "DATAGEN_TOYS_SLOW"  # seconds that a lazy value takes


def sentence(seed: int, split: Split, index: int, length: int = 5) -> str:
    rng = np.random.default_rng([seed, len(split.value), index, length])
    return " ".join(rng.choice(WORDS, length))


@register_problem("datagen_toy_text")
class ToyText(Text2TextProblem):
    """Sentences to longer sentences, some with references."""

    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 5, Split.DEV: 2, Split.TEST: 1}
    count = 600

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        for i in range(self.count if split is Split.TRAIN else 50):
            target = sentence(seed, split, i, 8)
            sample: dict[str, Any] = {"inputs": sentence(seed, split, i), "targets": target}
            if i % 2:
                sample["references"] = [target, target.upper()]
            yield sample


@register_problem("datagen_toy_image")
class ToyImage(Image2ClassProblem):
    """Plain pictures to their colour, made lazily."""

    labels = ("red", "green", "blue")
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 4, Split.DEV: 1}

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        for i in range(40 if split is Split.TRAIN else 10):
            yield {"inputs": functools.partial(png, i % 3, seed + i), "targets": self.labels[i % 3]}


@register_problem("datagen_toy_sound")
class ToySound(Speech2TextProblem):
    """Tones to their names; stored at 8 kHz."""

    sample_rate = 8000
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 2, Split.DEV: 1}

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        for i in range(20):
            yield {"inputs": wav(tone(200 + 50 * i, 8000), 8000), "targets": f"tone {i}"}


class Given(Problem):
    """Whatever samples a test gives; not registered."""

    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 2}

    def __init__(self, name: str, shape: type[Problem], samples: Any, **changes: Any):
        super().__init__(name)
        shaped = type("Shaped", (shape,), changes)(name)
        self.__dict__.update(shaped.__dict__)
        self.labels, self.shape = shaped.labels, shape
        self.samples: Callable[[], Iterator[Sample]] = samples if callable(samples) else None
        self.listed = None if callable(samples) else samples

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        yield from self.samples() if self.samples else self.listed


def text_problem(name: str, samples: Any) -> Given:
    return Given(name, Text2TextProblem, samples)


def class_problem(name: str, samples: Any) -> Given:
    return Given(name, Text2ClassProblem, samples, labels=("no", "yes"))


def png(colour: int, seed: int) -> bytes:
    time.sleep(float(os.environ.get(SLOW, "0")))
    pixels = np.random.default_rng(seed).integers(0, 60, (8, 8, 3), np.uint8)
    pixels[..., colour] += 190
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def tone(hertz: float, rate: int, seconds: float = 0.1) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate) * 0.5


def wav(wave: np.ndarray, rate: int, form: str = "WAV", subtype: str = "PCM_16") -> bytes:
    out = io.BytesIO()
    soundfile.write(out, wave, rate, format=form, subtype=subtype)
    return out.getvalue()
