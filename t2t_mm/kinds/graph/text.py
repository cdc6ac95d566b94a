"""A vocabulary inside a graph: text to ids and back, as kinds/vocabulary.py does it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text

from t2t_mm.kinds.graph.checks import require_all
from t2t_mm.kinds.preparation import in_graph
from t2t_mm.kinds.vocabulary import EOS, PAD, Vocabulary

_META = "\u2581"  # SentencePiece's sign for a space; text that holds it is encoded byte by byte
# What str.strip takes away: white space, separators, and four control characters.
_BLANK = r"[\s\v\x1c-\x1f\x{85}\p{Z}]*"


class GraphVocabulary(tf.Module):
    """The tokenizer of a vocabulary, as operations of tensorflow-text.

    Args:
      vocabulary: its model goes into the graph.
    """

    def __init__(self, vocabulary: Vocabulary):
        super().__init__()
        self._tokenizer = tensorflow_text.SentencepieceTokenizer(model=vocabulary.model)
        pieces = [f"<0x{byte:02X}>" for byte in range(256)]
        self._byte_ids = self._tokenizer.string_to_id(pieces).numpy()
        self._begins = np.array([_loses_space(vocabulary, i) for i in range(vocabulary.size)])

    def encode(self, texts: tf.Tensor, rules: Sequence[str] = ()) -> tf.RaggedTensor:
        """Inputs [B], prepared by rules of kinds/preparation.py, -> ids with EOS, int32 [B, (L)].

        Fails with InvalidArgument for text that is empty or not valid UTF-8.
        """
        texts = in_graph(_valid(texts, "inputs"), rules)
        full = ~tf.strings.regex_full_match(texts, _BLANK)
        full = require_all(full, "is empty text; give at least one character.")
        with tf.control_dependencies([full]):
            return self._ids(texts)

    def encode_nothing(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Inputs [B] of a problem that reads nothing -> a lone EOS each, int32 [B, (1)].

        Fails with InvalidArgument for text that is not empty.
        """
        empty = tf.equal(texts, "")
        none = require_all(empty, "must be empty text: this problem reads nothing.")
        with tf.control_dependencies([none]):
            return self._ids(tf.identity(texts))

    def encode_answers(self, texts: tf.Tensor, rules: Sequence[str] = ()) -> tf.RaggedTensor:
        """Outputs [B], which may be empty, -> ids with EOS, int32 [B, (T)]."""
        return self._ids(in_graph(_valid(texts, "outputs"), rules))

    def _ids(self, texts: tf.Tensor) -> tf.RaggedTensor:
        by_byte = tf.strings.regex_full_match(texts, f"(?s).*{_META}.*")
        pieces = self._tokenizer.tokenize(tf.where(by_byte, "", texts))
        split = tf.strings.bytes_split(tf.where(by_byte, texts, ""))
        values = tf.reshape(tf.io.decode_raw(split.flat_values, tf.uint8), [-1])
        spelled = split.with_flat_values(tf.gather(self._byte_ids, tf.cast(values, tf.int32)))
        ends = tf.RaggedTensor.from_tensor(tf.fill([tf.size(texts), 1], EOS))
        parts = (self._int64(part) for part in (pieces, spelled, ends))
        return tf.concat(list(parts), axis=1)

    @staticmethod
    def _int64(ragged: tf.RaggedTensor) -> tf.RaggedTensor:
        return tf.cast(ragged, tf.int32).with_row_splits_dtype(tf.int64)

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids [R, T] -> texts [R], each up to its first EOS; padding is skipped."""
        ids = tf.cast(ids, tf.int32)
        is_end = tf.cast(tf.equal(ids, EOS), tf.int32)
        kept = tf.equal(tf.cumsum(is_end, axis=1), 0) & tf.not_equal(ids, PAD)
        # The SentencePiece of tensorflow-text takes away all spaces that a text begins with, that
        # of Python the first piece's own: so a letter is put before, and taken away here.
        guards = tf.fill([tf.shape(ids)[0], 1], self._byte_ids[ord("x")])
        guarded = tf.ragged.boolean_mask(
            tf.concat([guards, ids], 1), tf.concat([tf.ones_like(guards, tf.bool), kept], 1)
        )
        texts = self._tokenizer.detokenize(guarded)
        first = guarded[:, 1:2].to_tensor(EOS, shape=[None, 1])[:, 0]
        skipped = 1 + tf.cast(tf.gather(self._begins, first), tf.int32)
        return tf.strings.substr(texts, skipped, tf.strings.length(texts) - skipped)

    def pieces(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids [B, T] -> their pieces [B, T]; "" for padding."""
        names = self._tokenizer.id_to_string(tf.cast(ids, tf.int32))
        return tf.where(tf.equal(ids, PAD), "", names)

    def word_starts(self, ids: tf.Tensor) -> tf.Tensor:
        """A mask of the ids [B, T] that begin a word, bool [B, T]: SentencePiece marks them."""
        names = self._tokenizer.id_to_string(tf.cast(ids, tf.int32))
        real = tf.not_equal(ids, PAD) & tf.not_equal(ids, EOS)
        return real & tf.strings.regex_full_match(names, f"(?s){_META}.*")


def _loses_space(vocabulary: Vocabulary, number: int) -> bool:
    """True if the space that a piece begins with goes where the piece begins a text."""
    piece = vocabulary.piece(number)
    rest = piece[1:].replace(_META, " ")
    return piece.startswith(_META) and vocabulary.decode([number]) == rest


def _valid(texts: tf.Tensor, argument: str) -> tf.Tensor:
    mended = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    same = tf.equal(mended, texts)
    valid = require_all(same, "is not valid UTF-8; convert it to UTF-8.", of=argument)
    with tf.control_dependencies([valid]):
        return tf.identity(texts)
