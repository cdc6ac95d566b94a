"""Writing without spaces between words: which languages have it, and how a text shows it.

Metrics of words count a whole sentence of such a language as one word, so that right answers get
0, and nearly right ones too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
# Code of a language, one for each script -> its characters.
_OTHERS = {
    "th": "\u0e01-\u0e7f",
    "lo": "\u0e80-\u0eff",
    "bo": "\u0f00-\u0fff",
    "my": "\u1000-\u109f",
    "km": "\u1780-\u17ff",
}
UNSPACED = frozenset({"zh", "yue", "ja", "dz", *_OTHERS})
UNSPACED_CHARACTERS = _HAN + _KANA + "".join(_OTHERS.values())

# Each match counts once: a character where there are no spaces, else a run of letters.
_COUNTED = {
    language: re.compile(f"[{characters}]")
    for language, characters in {"zh": _HAN, "ja": _KANA, **_OTHERS}.items()
}
_COUNTED["ko"] = re.compile(f"[{_HANGUL}]+")
_WORD = re.compile(rf"[^\W\d_{UNSPACED_CHARACTERS}{_HANGUL}]+")
_KANA_OF_JAPANESE = 0.05  # of Han and kana together; a Chinese text has hardly any


def code_of(language: str) -> str:
    """ "zh" of "zh-TW" and "zh_Hans"."""
    return language.lower().replace("_", "-").partition("-")[0]


def language_by_script(texts: Iterable[str]) -> str:
    """A guess of the language by what most of the texts consist of, of words and such characters.

    Returns:
      "zh", "ja", "ko", "th", "lo", "bo", "my" or "km"; "" for what has spaces between words.
    """
    text = "\n".join(texts)
    counts = {language: len(found.findall(text)) for language, found in _COUNTED.items()}
    both = counts["zh"] + counts["ja"]
    japanese = counts["ja"] > _KANA_OF_JAPANESE * both
    counts |= {"ja": both if japanese else 0, "zh": 0 if japanese else both}
    most = max(counts, key=counts.__getitem__)
    others = len(_WORD.findall(text)) + sum(counts.values()) - counts[most]
    return most if counts[most] > others else ""
