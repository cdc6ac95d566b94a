"""Vectors of a fixed number of real numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.kind import FLOATS, Kind, StoredInput
from t2t_mm.kinds.layouts import SingleValue
from t2t_mm.registry import register_kind


@register_kind("vector")
@dataclass(frozen=True)
class Vector(SingleValue, Kind):
    """`length` numbers, written with spaces between them; fed as float32 [B, length]."""

    name: ClassVar[str] = "vector"
    noun: ClassVar[str] = "vector"
    plural: ClassVar[str] = "vectors"
    stored_as: ClassVar[str] = FLOATS

    length: int = 1

    def check(self, value: Any) -> list[float]:
        try:
            numbers = [float(n) for n in (value.split() if isinstance(value, str) else value)]
        except (TypeError, ValueError):
            raise BrokenValue("not a vector", f"must be numbers, got {value!r}") from None
        if len(numbers) != self.length:
            raise BrokenValue("wrong length", f"must have {self.length} numbers, got {value!r}")
        return numbers

    def read(self, raw: Any, vocabularies: Any) -> StoredInput:
        return StoredInput(self.check(raw.decode() if isinstance(raw, bytes) else raw), 1)

    def parse_target(self, text: str, vocabularies: Any) -> Any:
        return self.check(text)

    def shown(self, stored: Any, vocabularies: Any, place: str) -> str:
        return " ".join(f"{number:.4f}" for number in np.ravel(stored))

    def feed(self, stored, hparams, features="", training=False, seed=None):
        import tensorflow as tf

        values = stored.to_tensor() if isinstance(stored, tf.RaggedTensor) else stored
        values = tf.reshape(tf.cast(values, tf.float32), [-1, self.length])
        return values, tf.ones([tf.shape(values)[0]], tf.int32)

    def batch_shape(self, batch: int, size: int, hparams: Any, features: str = "") -> tuple:
        return (batch, self.length)

    def positions(self, shape: tuple[int, ...]) -> int:
        return 1

    def from_prediction(self, value: Any, vocabularies: Any, inputs: Mapping[str, Any]) -> str:
        return self.shown(value, vocabularies, "")

    def graph_predictions(self, found: Any, inputs: Any, texts: Any) -> Any:
        import tensorflow as tf

        numbers = tf.strings.as_string(found.values, precision=4)
        return tf.strings.reduce_join(numbers, axis=-1, separator=" ")

    def graph_read(self, contents: Any, texts: Any) -> Any:
        import tensorflow as tf

        return tf.strings.to_number(tf.strings.split(contents))

    def description(self) -> dict[str, Any]:
        return {"kind": self.name, "length": self.length}

    @classmethod
    def sample_row(cls, description: Mapping[str, Any]) -> bytes:
        return " ".join(["0"] * description["length"]).encode()
