"""Numbers: real values to predict (regression), or to read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.kind import FLOATS, Found, Kind, StoredInput, Vocabularies
from t2t_mm.kinds.layouts import SingleValue
from t2t_mm.tensor import Tensor

if TYPE_CHECKING:
    import tensorflow as tf

    from t2t_mm.hparam import HParams

DIGITS = 6  # significant ones of a number that is shown


@dataclass(frozen=True)
class Number(SingleValue, Kind):
    """A real number in a range.

    Stored as one float32, fed as float32 [B]. A network learns it on a scale on which `low` is -1
    and `high` is 1.

    Attributes:
      low, high: the range; a value outside is refused, a prediction may lie outside.
    """

    name: ClassVar[str] = "number"
    noun: ClassVar[str] = "number"
    plural: ClassVar[str] = "numbers"
    stored_as: ClassVar[str] = FLOATS
    modality_field: ClassVar[str] = "number_modality"
    option_keys: ClassVar[tuple[str, ...]] = ("low", "high")

    low: float = -1.0
    high: float = 1.0

    def missing(self) -> str | None:
        return None if self.low < self.high else "`low` below `high`"

    def stored_fields(self) -> dict[str, Any]:
        return {"kind": self.name, "low": self.low, "high": self.high}

    def check(self, value: Any) -> list[float]:
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise BrokenValue("no number", f"must be a number, got {value!r}") from None
        if not (math.isfinite(number) and self.low <= number <= self.high):
            raise BrokenValue(
                "number out of range",
                f"must lie between {self.low:g} and {self.high:g}, got {value!r}",
            )
        return [number]

    def read(self, raw: Any, vocabularies: Vocabularies) -> StoredInput:
        return StoredInput(self.check(raw.decode() if isinstance(raw, bytes) else raw), 1)

    def parse_target(self, text: str, vocabularies: Vocabularies) -> float:
        return self.check(text)[0]

    def shown(self, stored: Any, vocabularies: Vocabularies, place: str) -> str:
        return f"{float(np.ravel(stored)[0]):.{DIGITS}g}"

    def feed(
        self,
        stored: Tensor,
        hparams: HParams,
        features: str = "",
        training: bool = False,
        seed: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        import tensorflow as tf

        values = stored.to_tensor() if isinstance(stored, tf.RaggedTensor) else stored
        values = tf.reshape(tf.cast(values, tf.float32), [-1])
        return values, tf.ones_like(values, tf.int32)

    def batch_shape(
        self, batch: int, size: int, hparams: HParams, features: str = ""
    ) -> tuple[int, ...]:
        return (batch,)

    def random_batch(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.uniform(self.low, self.high, shape).astype(np.float32)

    def typical(self, targets: Mapping[bytes, int]) -> tuple[Any, float]:
        """The mean: it has the least squared error."""
        values = {np.frombuffer(key, np.float32)[0]: count for key, count in targets.items()}
        total = sum(values.values())
        mean = sum(float(value) * count for value, count in values.items()) / total
        return np.asarray([mean], np.float32), values.get(np.float32(mean), 0) / total

    def from_prediction(
        self, value: Any, vocabularies: Vocabularies, inputs: Mapping[str, Any]
    ) -> str:
        return f"{float(value):.{DIGITS}g}"

    def graph_predictions(
        self, found: Found, inputs: Mapping[str, tf.Tensor], texts: Mapping[str, Any]
    ) -> tf.Tensor:
        import tensorflow as tf

        return tf.strings.as_string(found.values, precision=DIGITS, shortest=True)

    def graph_read(self, contents: tf.Tensor, texts: Mapping[str, Any]) -> Tensor:
        import tensorflow as tf

        from t2t_mm.kinds.graph.checks import require_all

        number = r"[ ]*[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?[ ]*"
        valid = tf.strings.regex_full_match(contents, number)
        with tf.control_dependencies([require_all(valid, "is not a number.")]):
            return tf.strings.to_number(tf.strings.strip(contents))

    def description(self) -> dict[str, Any]:
        return {"kind": self.name, "low": self.low, "high": self.high}

    @classmethod
    def sample_row(cls, description: Mapping[str, Any]) -> bytes:
        return f"{description['low']:g}".encode()
