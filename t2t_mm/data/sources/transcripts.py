"""Transcripts of several corpora, brought to one form: the spoken words.

Lower-case words and apostrophes, one space between two: no punctuation, which nobody hears.
"""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'", "\uff07": "'", "`": "'"})
_JOINED = re.compile(r"(?<=\w)'(?=\w)|(?<=s)'(?=\s|$)")  # don't, the boys'
_INSIDE = re.compile(r"(?<=\d)[.,:](?=\d)")  # 3.5, 1,000
# The LDC's [door_slam] and [loud_breath/], and what stands for them in Kaldi's transcripts.
_NOISE = re.compile(r"\[[^\]]*\]|<(?:NOISE|SPOKEN_NOISE|UNK|SIL)>")
_UNSPOKEN = re.compile(r"-?\([^()\s]*\)-?")  # the part of a word that was cut off: th(ink)-
_MARKS = str.maketrans("", "", '\\*<>~!`:;"{}')


def plain_words(text: str) -> str:
    """Written text as words: lower case, no punctuation but apostrophes inside of words.

    Points and commas inside of numbers stay. Works on any language that writes with spaces.
    """
    text = unicodedata.normalize("NFC", text).translate(_APOSTROPHES).lower()
    pieces = []
    kept = {match.start() for pattern in (_JOINED, _INSIDE) for match in pattern.finditer(text)}
    for place, character in enumerate(text):
        word = unicodedata.category(character)[0] in "LMN" or place in kept
        pieces.append(character if word else " ")
    return " ".join("".join(pieces).split())


def wsj_words(text: str) -> str:
    """A transcript of CSR-I or CSR-II (.dot, .lsn) as words.

    Left out: noises in square brackets, marks of stress, length, mispronunciation and cut-off
    (* < > ~ ! : and the like, the words of which stay), what of a broken-off word was not said, and
    pauses. Spoken punctuation is its word: ",COMMA" is "comma". Full stops of abbreviations and
    hyphens inside of words stay: "mr.", "u. s.", "mid-week".
    """
    text = _UNSPOKEN.sub("", _NOISE.sub(" ", text.replace("\\", "")))
    words = []
    for word in text.translate(_MARKS).replace("_", " ").lower().split():
        word = word.lstrip("-.,?%&/()#$+=@").rstrip("-,?()/")
        if any(character.isalnum() for character in word):
            words.append(word)
    return " ".join(words)
