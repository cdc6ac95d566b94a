"""Tags: a label for each word of a text that is read, as in named-entity recognition."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from t2t_mm.files.names import same_form
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.kind import INTS, Found, Kind, Vocabularies
from t2t_mm.kinds.layouts import IdSequence
from t2t_mm.kinds.vocabulary import EOS, PAD, SPACE

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

    import tensorflow as tf

    from t2t_mm.kinds.vocabulary import Vocabulary

UNTAGGED = 0  # the id at positions that begin no word; tag i of `names` has the id i + 1


@dataclass(frozen=True)
class Tags(IdSequence, Kind):
    """A tag for each word of the text under `of`, words being parted by single spaces.

    Stored as int64 ids, one for each token of the text and its EOS: 1 + the tag's number at the
    first token of a word, 0 elsewhere. Fed as int32 [B, L], beside the text's tokens.

    Attributes:
      names: of the tags, e.g. ("O", "B-PER", "I-PER").
      group: the name of the set of tags; problems that name the same one share its network.
      of: name of the input whose words are tagged.
      vocabulary: that input's; known once the problem is bound.
    """

    name: ClassVar[str] = "tags"
    noun: ClassVar[str] = "sequence of tags"
    plural: ClassVar[str] = "sequences of tags"
    stored_as: ClassVar[str] = INTS
    modality_field: ClassVar[str] = "tags_modality"
    has_labels: ClassVar[bool] = True
    option_keys: ClassVar[tuple[str, ...]] = ("labels",)

    names: tuple[str, ...] = ()
    group: str | None = None
    of: str = "inputs"
    vocabulary: str | None = None

    @classmethod
    def declared(cls, problem: str, options: Mapping[str, Any]) -> Self:
        return cls(tuple(options.get("labels", ())), problem)

    @property
    def size(self) -> int | None:
        """Number of tags; None while they are not known."""
        return len(self.names) or None

    @property
    def is_bound(self) -> bool:
        return bool(self.names)

    def with_labels(self, labels: Sequence[str]) -> Self:
        return dataclasses.replace(self, names=tuple(labels))

    def labels_in(self, value: str) -> Sequence[str]:
        return value.split()

    def beside(self, inputs: Mapping[str, Kind]) -> Self:
        return dataclasses.replace(self, vocabulary=inputs[self.of].text_vocabulary)

    def stored_fields(self) -> dict[str, Any]:
        return {"kind": self.name, "vocabulary": self.group}

    def check(self, value: Any) -> list[int]:
        tags = value.split() if isinstance(value, str) else list(value)
        wrong = [tag for tag in tags if same_form(tag) not in self._ids]
        if wrong:
            raise BrokenValue(
                "unknown tag",
                f"has the unknown tag {wrong[0]!r}; allowed are {', '.join(self.names) or 'none'}",
            )
        return [self._ids[same_form(tag)] for tag in tags]

    @functools.cached_property
    def _ids(self) -> Mapping[str, int]:
        return {same_form(tag): number for number, tag in enumerate(self.names, start=1)}

    def align(
        self, stored: list[int], inputs: Mapping[str, Any], vocabularies: Vocabularies
    ) -> list[int]:
        words = inputs[self.of].split(" ")
        if len(words) != len(stored):
            raise BrokenValue(
                "tags and words", f"has {len(stored)} tags for {len(words)} words; give one each"
            )
        ids = vocabularies[self.of].encode(inputs[self.of])
        starts = word_starts([*ids, EOS], vocabularies[self.of])
        if sum(starts) != len(stored):
            raise BrokenValue(
                "tags and words", "is beside a text whose words are not parted by single spaces"
            )
        remaining = iter(stored)
        return [next(remaining) if start else UNTAGGED for start in starts]

    def random_batch(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.integers(1, len(self.names) + 1, shape).astype(np.int32)

    def shown(self, stored: Any, vocabularies: Vocabularies, place: str) -> str:
        return " ".join(self.names[i - 1] for i in np.asarray(stored).tolist() if i != UNTAGGED)

    @property
    def count_ids(self) -> int | None:
        return len(self.names) + 1

    def ids_of(self, target: np.ndarray) -> np.ndarray:
        return target[target != UNTAGGED]

    def from_prediction(
        self, value: Any, vocabularies: Vocabularies, inputs: Mapping[str, Any]
    ) -> str:
        """The tags at the first tokens of words."""
        ids = np.asarray(inputs[self.of]).tolist()
        starts = word_starts(ids, vocabularies[self.vocabulary or ""])
        return " ".join(
            self.names[int(tag) - 1] for tag, start in zip(value, starts, strict=False) if start
        )

    def graph_predictions(
        self, found: Found, inputs: Mapping[str, tf.Tensor], texts: Mapping[str, Any]
    ) -> tf.Tensor:
        import tensorflow as tf

        starts = texts[self.vocabulary or ""].word_starts(inputs[self.of])  # bool [B, L]
        tags = tf.gather(tf.constant(["", *self.names]), found.values[:, 0])
        rows = tf.ragged.boolean_mask(tags, starts)
        return tf.strings.reduce_join(rows, -1, separator=" ")[:, None]

    def description(self) -> dict[str, Any]:
        return {"kind": self.name, "labels": list(self.names)}


def word_starts(ids: Sequence[int], vocabulary: Vocabulary) -> list[bool]:
    """A mask of tokens that begin a word: SentencePiece marks them, the text's first, too."""
    return [value not in (PAD, EOS) and vocabulary.piece(value).startswith(SPACE) for value in ids]
