"""Text: subword ids of a vocabulary, with an end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.kind import (
    INTS,
    Found,
    Kind,
    RowLimits,
    StoredInput,
    Vocabularies,
    utf8,
)
from t2t_mm.kinds.layouts import IdSequence
from t2t_mm.kinds.vocabulary import EOS, PAD
from t2t_mm.tensor import Tensor

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

    import tensorflow as tf

    from t2t_mm.hparam import HParams
    from t2t_mm.kinds.vocabulary import Vocabulary


@dataclass(frozen=True)
class Text(IdSequence, Kind):
    """A text.

    Stored as int64 ids with EOS; fed as int32 [B, L], 0 at padding.

    Attributes:
      vocabulary: its name. Problems that name the same one share its embedding and softmax.
      size: ids of the vocabulary; known once the data are generated.
      absent: nothing is read, as in a language model: the text is always empty, a lone EOS.
    """

    name: ClassVar[str] = "text"
    noun: ClassVar[str] = "text"
    plural: ClassVar[str] = "texts"
    stored_as: ClassVar[str] = INTS
    modality_field: ClassVar[str] = "text_modality"
    decoded_by_tokens: ClassVar[bool] = True
    option_keys: ClassVar[tuple[str, ...]] = ("vocabulary",)
    tokens_per_token: ClassVar[float] = 2.0  # of an output, for a token of a text that is read

    vocabulary: str | None = None
    size: int | None = None
    absent: bool = False

    @classmethod
    def declared(cls, problem: str, options: Mapping[str, Any]) -> Self:
        return cls(options.get("vocabulary", f"vocab.{problem}"))

    @property
    def modality(self) -> str:
        return "text"

    @property
    def text_vocabulary(self) -> str | None:
        return self.vocabulary

    @property
    def is_absent(self) -> bool:
        return self.absent

    @property
    def is_reversible(self) -> bool:
        return not self.absent

    @property
    def is_bound(self) -> bool:
        return bool(self.size)

    def missing(self) -> str | None:
        return None if self.vocabulary else "`vocabulary`"

    def with_vocabulary(self, name: str) -> Self:
        return dataclasses.replace(self, vocabulary=name)

    def bound(self, sizes: Mapping[str, int]) -> Self:
        return dataclasses.replace(self, size=sizes[self.vocabulary or ""])

    def stored_fields(self) -> dict[str, Any]:
        return {"kind": Text.name, "vocabulary": self.vocabulary}

    def check(self, value: Any) -> str:
        return empty_text(value) if self.absent else checked_text(value)

    def read(self, raw: Any, vocabularies: Vocabularies) -> StoredInput:
        if isinstance(raw, bytes):
            try:
                raw = raw.decode()
            except UnicodeDecodeError as error:
                raise BrokenValue(
                    "invalid UTF-8",
                    f"is not valid UTF-8 ({error.reason} at byte {error.start}); convert it to "
                    "UTF-8",
                ) from None
        ids = [*self._vocabulary(vocabularies).encode(self.check(raw)), EOS]
        return StoredInput(ids, len(ids))

    def parse_target(self, text: str, vocabularies: Vocabularies) -> list[int]:
        text = checked_text(text) if text else ""  # nothing at all is an answer too
        return [*self._vocabulary(vocabularies).encode(text), EOS]

    def shown(self, stored: Any, vocabularies: Vocabularies, place: str) -> str:
        return self._vocabulary(vocabularies).decode(np.asarray(stored).tolist())

    def random_batch(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.integers(PAD + 1, self.size, shape).astype(np.int32)

    def suggested_tokens(
        self, lengths: tf.Tensor, target: Kind, hparams: HParams, features: str = ""
    ) -> tf.Tensor:
        import tensorflow as tf

        factor = target.tokens_per_token if isinstance(target, Text) else 1.0
        return tf.cast(tf.round(tf.cast(lengths, tf.float64) * factor), tf.int32)

    def metrics_beside(self, inputs: Mapping[str, Kind]) -> tuple[str, ...]:
        return tuple(m for kind in inputs.values() for m in kind.metrics_of_descriptions)

    @property
    def count_ids(self) -> int | None:
        return self.size

    def ids_of(self, target: np.ndarray) -> np.ndarray:
        return target[target != PAD]

    def from_prediction(
        self, value: Any, vocabularies: Vocabularies, inputs: Mapping[str, Any]
    ) -> str:
        return self._vocabulary(vocabularies).decode(np.asarray(value).tolist())

    def graph_predictions(
        self, found: Found, inputs: Mapping[str, tf.Tensor], texts: Mapping[str, Any]
    ) -> tf.Tensor:
        import tensorflow as tf

        shape = tf.shape(found.values)
        texts_of = texts[self.vocabulary or ""].decode(tf.reshape(found.values, [-1, shape[2]]))
        return tf.reshape(texts_of, shape[:2])

    def graph_read(self, contents: tf.Tensor, texts: Mapping[str, Any]) -> Tensor:
        vocabulary = texts[self.vocabulary or ""]
        return vocabulary.encode_nothing(contents) if self.absent else vocabulary.encode(contents)

    def description(self) -> dict[str, Any]:
        return {"kind": self.name, "absent": self.absent}

    @classmethod
    def checked_row(
        cls, value: str | bytes, description: Mapping[str, Any], limits: RowLimits
    ) -> bytes:
        encoded = utf8(value, limits)
        if encoded or not description.get("absent"):  # where nothing is read it is a prompt
            checked_text(value if isinstance(value, str) else encoded.decode("utf-8"))
        return encoded

    @classmethod
    def sample_row(cls, description: Mapping[str, Any]) -> bytes:
        return b"" if description.get("absent") else b"a"

    def _vocabulary(self, vocabularies: Vocabularies) -> Vocabulary:
        return vocabularies[self.vocabulary or ""]


def checked_text(value: Any) -> str:
    """`value`, if it is text that can be learnt.

    Raises:
      BrokenValue: if it is empty, no str, or not valid Unicode.
    """
    if not isinstance(value, str):
        raise BrokenValue("no text", f"must be str, got {type(value).__name__}")
    if not value.strip():
        raise BrokenValue("empty text", "is empty text; give at least one character")
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError:
        raise BrokenValue(
            "invalid text", "holds half of a surrogate pair; read the file as valid UTF-8"
        ) from None
    return value


def empty_text(value: Any) -> str:
    """`value`, if it is the empty text of a side that is absent.

    Raises:
      BrokenValue: if it is anything else.
    """
    if value != "":
        raise BrokenValue("text", "is text, and this problem has no inputs; give the empty text")
    return ""
