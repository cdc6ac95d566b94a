"""The rules of kinds/preparation.py inside a graph: of string [B], valid UTF-8.

Letters that Unicode gained after TensorFlow's tables (version 13) keep their case.
"""

from __future__ import annotations

import tensorflow as tf
import tensorflow_text

# What str.isspace is true of: white space, separators, and four control characters.
_SPACE = r"[\s\v\x1c-\x1f\x{85}\p{Z}]"
_BREAK = r" *[\t\n\r\v\f\x1c-\x1e\x{85}\x{2028}\x{2029}]+ *"


def one_line(texts: tf.Tensor) -> tf.Tensor:
    """Line breaks and tabs, with the spaces around them, become a space each; outer ones go."""
    return _stripped(tf.strings.regex_replace(texts, _BREAK, " "))


def one_space(texts: tf.Tensor) -> tf.Tensor:
    """Runs of white space become one space; outer ones go."""
    return _stripped(tf.strings.regex_replace(texts, f"{_SPACE}+", " "))


def _stripped(texts: tf.Tensor) -> tf.Tensor:
    return tf.strings.regex_replace(texts, rf"\A{_SPACE}+|{_SPACE}+\z", "")


def lowercase(texts: tf.Tensor) -> tf.Tensor:
    """Lower case."""
    return tf.strings.lower(texts, encoding="utf-8")


def nfc(texts: tf.Tensor) -> tf.Tensor:
    """Unicode's normal form C."""
    return tensorflow_text.normalize_utf8(texts, "NFC")


def nfkc(texts: tf.Tensor) -> tf.Tensor:
    """Unicode's normal form KC."""
    return tensorflow_text.normalize_utf8(texts, "NFKC")


def no_punctuation(texts: tf.Tensor) -> tf.Tensor:
    """Punctuation left out, then as one_space."""
    return one_space(tf.strings.regex_replace(texts, r"\p{P}", ""))


def cut_words(texts: tf.Tensor, most: int) -> tf.Tensor:
    """The first words, at most so many."""
    spaces = tf.strings.length(texts) - tf.strings.length(tf.strings.regex_replace(texts, " ", ""))
    words = tf.strings.split(one_space(texts), sep=" ")
    return tf.where(spaces < most, texts, tf.strings.reduce_join(words[:, :most], 1, separator=" "))
