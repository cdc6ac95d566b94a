"""Transcripts of corpora become words."""

from __future__ import annotations

import pytest

from t2t_mm.data.sources.transcripts import plain_words, wsj_words


@pytest.mark.parametrize(
    "text, words",
    [
        ("Hello, World!", "hello world"),
        ("\u201cIt\u2019s\u201d the dogs' - don't: 'tis", "it's the dogs' don't tis"),
        ("rock 'n' roll", "rock n roll"),
        ("3.5 and 1,000 at 10:30.", "3.5 and 1,000 at 10:30"),
        ("well-known e-mail", "well known e mail"),
        ("Stra\u00dfe, na\u0131ve caf\u0065\u0301", "stra\u00dfe na\u0131ve caf\u00e9"),
        ("\u041f\u0440\u0438\u0432\u0435\u0442!", "\u043f\u0440\u0438\u0432\u0435\u0442"),
        ("\u2014 ... \u2014", ""),
    ],
)
def test_plain_words(text: str, words: str) -> None:
    assert plain_words(text) == words
    assert plain_words(words) == words


@pytest.mark.parametrize(
    "text, words",
    [
        ("The *sale of the hotels ~", "the sale of the hotels"),
        ("Mr. Smith of the U. S. said <that>", "mr. smith of the u. s. said that"),
        ("[loud_breath] a mid-week [<door_slam] sale [door_slam>] .", "a mid-week sale"),
        ('one ,COMMA two .PERIOD --DASH \\"DOUBLE-QUOTE', "one comma two period dash double-quote"),
        ("ten .POINT five %PERCENT &AMPERSAND", "ten point five percent ampersand"),
        ("thi(nk)- think w:ell !now", "thi think well now"),
        ("(LEFT-PAREN so )RIGHT-PAREN", "left-paren so right-paren"),
        ("DON'T RISE\\'", "don't rise'"),
        ("[noise] . ~", ""),
    ],
)
def test_wsj_words(text: str, words: str) -> None:
    assert wsj_words(text) == words
