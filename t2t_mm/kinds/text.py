"""Text: subword ids of a vocabulary, with an end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from t2t_mm.kinds.broken import BrokenValue, TooLarge
from t2t_mm.kinds.kind import (
    INTS,
    Found,
    InputBounds,
    Kind,
    RowLimits,
    StoredInput,
    Vocabularies,
    utf8,
)
from t2t_mm.kinds.layouts import IdSequence
from t2t_mm.kinds.preparation import Rules, prepare, split_for_graph
from t2t_mm.kinds.vocabulary import EOS, PAD
from t2t_mm.tensor import Tensor

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

    import tensorflow as tf

    from t2t_mm.hparam import HParams
    from t2t_mm.kinds.vocabulary import Vocabulary

_LONGEST_PIECE = 16  # characters of a piece, unless it is a run of spaces or the user's own


@dataclass(frozen=True)
class Text(IdSequence, Kind):
    """A text.

    Stored as int64 ids with EOS; fed as int32 [B, L], 0 at padding.

    Attributes:
      vocabulary: its name. Problems that name the same one share its embedding and softmax.
      size: ids of the vocabulary; known once the data are generated.
      absent: nothing is read, as in a language model: the text is always empty, a lone EOS.
      preparation: the rules of preparation.py that a text is brought to one form by, in their
        order; None where nobody knows, as of a run before there were any. Of no account for what
        is shared between features.
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
    preparation: Rules | None = dataclasses.field(default=(), compare=False)

    @classmethod
    def restored(cls, fields: Mapping[str, Any]) -> Self:
        return cls(**{"preparation": None, **fields})

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

    def with_preparation(self, rules: Sequence[str]) -> Self:
        return dataclasses.replace(self, preparation=tuple(rules))

    def prepared(self, value: Any) -> Any:
        if self.absent or not isinstance(value, str):
            return value
        return prepare(value, self.preparation or ())

    @property
    def rules_for_graph(self) -> tuple[Rules, Rules]:
        """The rules that an exported graph leaves to its caller, and those that it applies."""
        return split_for_graph(self.preparation or ())

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
        text = self.check(self.prepared(raw))
        ids = [*self._vocabulary(vocabularies).encode(text), EOS]
        return StoredInput(ids, len(ids))

    def read_bounded(
        self, raw: Any, vocabularies: Vocabularies, bounds: InputBounds
    ) -> StoredInput:
        if len(raw) > _LONGEST_PIECE * bounds.text_tokens:  # as long as nobody need count it
            raise _too_long(f"{len(raw):,} characters", bounds)
        stored = self.read(raw, vocabularies)
        if stored.size > bounds.text_tokens:
            raise _too_long(f"{stored.size:,} tokens ({len(raw):,} characters)", bounds)
        return stored

    def parse_target(self, text: str, vocabularies: Vocabularies) -> list[int]:
        text = self.prepared(text)
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
        if self.absent:
            return vocabulary.encode_nothing(contents)
        return vocabulary.encode(contents, self.rules_for_graph[1])

    def graph_bounded(self, stored: Tensor, bounds: InputBounds) -> Tensor:
        import tensorflow as tf

        from t2t_mm.kinds.graph.checks import require_all

        fits = stored.row_lengths() <= bounds.text_tokens
        words = f"has more than {bounds.text_tokens} tokens; give a shorter text."
        with tf.control_dependencies([require_all(fits, words)]):
            return stored.with_values(tf.identity(stored.values))

    def description(self) -> dict[str, Any]:
        rules = None if self.preparation is None else list(self.preparation)
        by_caller = list(self.rules_for_graph[0])
        return {
            "kind": self.name,
            "absent": self.absent,
            "preparation": rules,
            "prepared_by_caller": by_caller,
        }

    @classmethod
    def checked_row(
        cls, value: str | bytes, description: Mapping[str, Any], limits: RowLimits
    ) -> bytes:
        encoded = utf8(value, limits)
        if not encoded and description.get("absent"):  # where nothing is read it is a prompt
            return encoded
        text = checked_text(value if isinstance(value, str) else encoded.decode("utf-8"))
        return cls._by_caller(text, description.get("prepared_by_caller", ())).encode()

    @classmethod
    def _by_caller(cls, text: str, rules: Sequence[str]) -> str:
        """The text as an exported graph that leaves these rules to its caller takes it."""
        return checked_text(cls(preparation=tuple(rules)).prepared(text)) if rules else text

    @classmethod
    def sample_row(cls, description: Mapping[str, Any]) -> bytes:
        return b"" if description.get("absent") else b"a"

    def _vocabulary(self, vocabularies: Vocabularies) -> Vocabulary:
        return vocabularies[self.vocabulary or ""]


def _too_long(size: str, bounds: InputBounds) -> TooLarge:
    return TooLarge(
        "long text",
        f"has {size}; at most {bounds.text_tokens:,} tokens are answered "
        "(--decode_hparams=max_input_tokens=N allows more, where memory does)",
    )


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
