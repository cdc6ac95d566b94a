"""Labels: one of some classes, or several of them at once."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from t2t_mm.files.names import decomposed, same_form
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.kind import INT, INTS, Found, Kind, StoredInput, Vocabularies
from t2t_mm.kinds.layouts import SingleValue
from t2t_mm.tensor import Tensor

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

    import tensorflow as tf

    from t2t_mm.hparam import HParams

_TOP = 5  # classes of accuracy_top5
SEPARATOR = ","  # between the names of several labels


@dataclass(frozen=True)
class Label(SingleValue, Kind):
    """A class, by its name.

    Stored as an int64 id, fed as int32 [B]. With `multiple`, a set of classes: stored as ascending
    ids, fed as float32 [B, classes], 1 where a class is in the set.

    Attributes:
      names: of the classes, in the order of their ids.
      group: the name of the set of classes; problems that name the same one share its network.
      multiple: several classes, or none, may hold at once.
      of_several: it answers several inputs, so that by default it is read from the decoder, whose
        attentions relate them to one another.
    """

    name: ClassVar[str] = "label"
    noun: ClassVar[str] = "label"
    plural: ClassVar[str] = "labels"
    modality_field: ClassVar[str] = "label_modality"
    has_labels: ClassVar[bool] = True
    option_keys: ClassVar[tuple[str, ...]] = ("labels",)

    names: tuple[str, ...] = ()
    group: str | None = None
    multiple: bool = False
    of_several: bool = False

    @classmethod
    def declared(cls, problem: str, options: Mapping[str, Any]) -> Self:
        return cls(tuple(options.get("labels", ())), problem)

    @property
    def record(self) -> str:
        return INTS if self.multiple else INT

    @property
    def modality(self) -> str:
        if self.multiple:
            return "multi_label"
        return "decoded_label" if self.of_several else "class_label"

    @property
    def size(self) -> int | None:
        """Number of classes; None while they are not known."""
        return len(self.names) or None

    @property
    def is_bound(self) -> bool:
        return bool(self.names)

    def with_labels(self, labels: Sequence[str]) -> Self:
        return dataclasses.replace(self, names=tuple(labels))

    def beside(self, inputs: Mapping[str, Kind]) -> Self:
        return dataclasses.replace(self, of_several=len(inputs) > 1)

    def labels_in(self, value: str) -> Sequence[str]:
        return names_in(value) if self.multiple else (value,)

    def stored_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"kind": self.name, "vocabulary": self.group}
        return {**fields, "multiple": True} if self.multiple else fields

    def check(self, value: Any) -> list[int]:
        return (
            sorted(set(map(self.id_of, names_in(value)))) if self.multiple else [self.id_of(value)]
        )

    def id_of(self, value: Any) -> int:
        """The id of a class that is given by its name or its number.

        Raises:
          BrokenValue: if there is no such class.
        """
        if isinstance(value, str):
            found = self._ids.get(value, self._ids_by_form.get(same_form(value)))
            if found is not None:
                return found
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(self.names):
            return value
        labels = self.names
        shown = ", ".join(labels[:10]) + (f" and {len(labels) - 10} more" * (len(labels) > 10))
        raise BrokenValue(
            "unknown label", f"has the unknown label {value!r}; allowed are {shown or 'none'}"
        )

    @functools.cached_property
    def _ids(self) -> Mapping[str, int]:
        return {label: i for i, label in enumerate(self.names)}

    @functools.cached_property
    def _ids_by_form(self) -> Mapping[str, int]:
        return {same_form(label): i for i, label in enumerate(self.names)}

    @property
    def can_be_exported(self) -> bool:
        return not self.multiple

    def read(self, raw: Any, vocabularies: Vocabularies) -> StoredInput:
        return StoredInput(self.parse_target(_as_text(raw), vocabularies), 1)

    def parse_target(self, text: str, vocabularies: Vocabularies) -> Any:
        stored = self.check(text if self.multiple else text.strip())
        return stored if self.multiple else stored[0]

    def shown(self, stored: Any, vocabularies: Vocabularies, place: str) -> str:
        ids = np.atleast_1d(np.asarray(stored)).tolist()
        return SEPARATOR.join(self.names[i] for i in ids)

    def feed(
        self,
        stored: Tensor,
        hparams: HParams,
        features: str = "",
        training: bool = False,
        seed: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        import tensorflow as tf

        if not self.multiple:
            return tf.cast(stored, tf.int32), tf.ones_like(stored, tf.int32)
        rows = tf.one_hot(stored.values, len(self.names))
        sets = tf.math.unsorted_segment_sum(rows, stored.value_rowids(), stored.nrows())
        return sets, tf.ones([tf.shape(sets)[0]], tf.int32)

    def batch_shape(
        self, batch: int, size: int, hparams: HParams, features: str = ""
    ) -> tuple[int, ...]:
        return (batch, len(self.names)) if self.multiple else (batch,)

    def random_batch(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        if self.multiple:
            return rng.integers(0, 2, shape).astype(np.float32)
        return rng.integers(0, len(self.names), shape).astype(np.int32)

    def positions(self, shape: tuple[int, ...]) -> int:
        return 1

    @property
    def is_ranked(self) -> bool:
        return not self.multiple

    def metrics_beside(self, inputs: Mapping[str, Kind]) -> tuple[str, ...]:
        if self.multiple:
            return ()
        return (*(["accuracy_top5"] if len(self.names) > _TOP else []), "calibration_error")

    @property
    def count_ids(self) -> int | None:
        return None if self.multiple else self.size

    def ids_of(self, target: np.ndarray) -> np.ndarray:
        return np.zeros(0, np.int64) if self.multiple else np.atleast_1d(target)

    def from_prediction(
        self, value: Any, vocabularies: Vocabularies, inputs: Mapping[str, Any]
    ) -> str:
        if self.multiple:
            return SEPARATOR.join(n for n, on in zip(self.names, value, strict=True) if on)
        return self.names[int(value)]

    def graph_predictions(
        self, found: Found, inputs: Mapping[str, tf.Tensor], texts: Mapping[str, Any]
    ) -> tf.Tensor:
        import tensorflow as tf

        names = tf.constant(self.names)
        if not self.multiple:
            return tf.gather(names, found.values)
        chosen = tf.cast(found.values, tf.bool)
        shape = tf.shape(chosen)[:2]
        rows = tf.RaggedTensor.from_row_lengths(
            tf.gather(names, tf.where(tf.reshape(chosen, [-1, len(self.names)]))[:, 1]),
            tf.reduce_sum(tf.cast(tf.reshape(chosen, [-1, len(self.names)]), tf.int64), -1),
        )
        return tf.reshape(tf.strings.reduce_join(rows, -1, separator=SEPARATOR), shape)

    def graph_read(self, contents: tf.Tensor, texts: Mapping[str, Any]) -> Tensor:
        import tensorflow as tf

        from t2t_mm.kinds.graph.checks import require_all

        # A graph cannot normalize, so that it is asked for each of a name's forms.
        spelled = [[*map(form, self.names)] for form in (str, same_form, decomposed)]
        same = tf.reduce_any(tf.equal(contents[:, None, None], tf.constant(spelled)[None]), 1)
        known = require_all(tf.reduce_any(same, -1), f"is none of {', '.join(self.names[:10])}.")
        with tf.control_dependencies([known]):
            return tf.argmax(tf.cast(same, tf.int32), -1)

    def description(self) -> dict[str, Any]:
        return {"kind": self.name, "labels": list(self.names), "multiple": self.multiple}

    @classmethod
    def sample_row(cls, description: Mapping[str, Any]) -> bytes:
        return description["labels"][0].encode()


def names_in(value: Any) -> list[Any]:
    """The classes of a set: a list of names or ids, or names in one text with commas."""
    if isinstance(value, str):
        return [name.strip() for name in value.split(SEPARATOR) if name.strip()]
    if isinstance(value, int):
        return [value]
    return list(value)


def _as_text(raw: Any) -> str:
    return raw.decode() if isinstance(raw, bytes) else str(raw)
