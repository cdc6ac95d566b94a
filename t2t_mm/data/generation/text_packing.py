"""Text to ids as records store them. Words are encoded once and remembered, where that is exact.

A word costs SentencePiece half a microsecond and a dictionary thirty nanoseconds. In a byte-pair
model that only splits at spaces no piece reaches over one, so the ids of a text are those of its
words, one after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from t2t_mm.data.records.files import pack
from t2t_mm.data.records.protobuf import fields, varint
from t2t_mm.kinds.vocabulary import EOS, Vocabulary

_META = "\u2581"  # stands for a space
_MOST_WORDS = 1 << 17  # remembered; some 30 MB
_LONGEST = 40  # characters; what is longer is rarely seen twice
_BPE, _CHAR = 2, 4  # values of SentencePiece's TrainerSpec.model_type


class TextPacker:
    """Packs texts with a vocabulary.

    Args:
      vocabulary: any.
    """

    def __init__(self, vocabulary: Vocabulary):
        self._vocabulary = vocabulary
        self._by_words = words_are_independent(vocabulary)
        self._words: dict[str, bytes] = {}
        self._eos = pack([EOS])

    def pack(self, texts: Sequence[str]) -> list[bytes]:
        """The ids of each text and EOS, packed as in an int64 feature."""
        if not self._by_words:
            return self._whole(texts)
        packed = {i: self._of_words(text) for i, text in enumerate(texts)}
        new = [i for i, content in packed.items() if content is None]
        if new:
            self._learn([texts[i] for i in new])
            packed.update((i, self._of_words(texts[i])) for i in new)
            rest = [i for i in new if packed[i] is None]
            packed.update(zip(rest, self._whole([texts[i] for i in rest]), strict=True))
        return [content for content in packed.values() if content is not None]

    def _of_words(self, text: str) -> bytes | None:
        """The packed ids, None where a word is not known."""
        try:
            return b"".join(map(self._words.__getitem__, text.split(" "))) + self._eos
        except KeyError:
            return None

    def _learn(self, texts: Sequence[str]) -> None:
        words = {word for text in texts for word in text.split(" ")}
        if len(self._words) > _MOST_WORDS:
            self._words.clear()  # what is still in use comes back soon
        new = [w for w in words if w not in self._words and _is_word(w)]
        ids = self._vocabulary.encode_batch(new)
        self._words.update(zip(new, map(pack, ids), strict=True))

    def _whole(self, texts: Sequence[str]) -> list[bytes]:
        return [pack(ids) + self._eos for ids in self._vocabulary.encode_batch(texts)]


def _is_word(word: str) -> bool:
    """False for what is not encoded as a word: an empty one (two spaces), or the space's sign."""
    return 0 < len(word) <= _LONGEST and _META not in word


def words_are_independent(vocabulary: Vocabulary) -> bool:
    """True if the ids of a text are those of its words, joined.

    So it is with the models that t2t_mm builds, and not with a user's own that normalises text,
    has pieces of several words, or weighs sums of scores (a unigram model; ties may round).
    """
    pieces = map(vocabulary.piece, range(vocabulary.size))
    model = dict(fields(vocabulary.model))  # the last of the repeated pieces is of no interest
    trainer, normalizer = (dict(fields(model.get(part, b""), numbers=True)) for part in (2, 3))

    def number(message: Mapping[int, memoryview], key: int, default: int) -> int:
        return varint(message[key])[0] if key in message else default

    return (
        number(trainer, 3, 1) in (_BPE, _CHAR)
        and not number(trainer, 24, 0)  # treat_whitespace_as_suffix
        and bool(number(trainer, 35, 0))  # byte_fallback: unknown characters are never joined
        and not normalizer.get(2)  # precompiled_charsmap
        and bool(number(normalizer, 3, 1))  # add_dummy_prefix
        and not number(normalizer, 4, 1)  # remove_extra_whitespaces
        and bool(number(normalizer, 5, 1))  # escape_whitespaces
        and not any(_META in piece[1:] or " " in piece for piece in pieces)
    )
