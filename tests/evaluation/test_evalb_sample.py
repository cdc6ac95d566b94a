"""EVALB's sample, whose results are published with it: 24 sentences of every odd kind.

Trees and words are written anew; their brackets, tags, lengths and differences are the sample's. It
has parameters of its own: the tag T equals TT, and one word equals itself with a capital. The
first is set here; the second is applied to sentence 19, since words are compared as they are.
"""

from __future__ import annotations

import pytest

from t2t_mm.evaluation import brackets
from t2t_mm.evaluation.brackets import evalb, read_brackets
from t2t_mm.evaluation.metrics import compute

RIGHT = "(X (Y (D a)) (Z (V b) (Y (D c) (T d))))"
LONG = f"(X {' '.join([RIGHT[3:-1]] * 11)})"  # 44 words
ERROR = None

# Output; matched, gold, output, crossing, words, right tags. The gold tree is RIGHT where no third
# item says otherwise. Ours is one kind of None where EVALB has errors and skipped sentences.
SENTENCES = [
    (RIGHT, (4, 4, 4, 0, 4, 4)),
    ("(X (Y (D a)) (Z (V b) (W (D c) (T d))))", (3, 4, 4, 0, 4, 4)),
    ("(X (Y (D a)) (Z (V b) (Y (D c) (N d))))", (4, 4, 4, 0, 4, 3)),
    ("(X (W (D a)) (Z (V b) (Y (D c) (N d))))", (3, 4, 4, 0, 4, 3)),
    ("(X (Y (D a)) (Z (V b) (D c) (Y (T d))))", (3, 4, 4, 0, 4, 4)),
    ("(X (Y (D a) (V b)) (Y (D c) (T d)))", (2, 4, 3, 1, 4, 4)),
    ("(X (D a) (V b) (D c) (T d))", (1, 4, 1, 0, 4, 4)),
    ("(D a) (V b) (D c) (T d)", (0, 4, 0, 0, 4, 4)),
    ("(X (Y (D a)) (Z (V b) (Y (Y (D c) (T d)))))", (4, 4, 5, 0, 4, 4)),
    ("(X (Y (D a)) (Z (V b) (Y (Y (Y (Y (Y (D c) (T d))))))))", (4, 4, 8, 0, 4, 4)),
    ("", ERROR),
    ("(X (Y (D a)) (Z (V bb) (Y (Y (D c) (T d)))))", ERROR),
    ("(X (Y (D a)) (Z (V b) (N not) (Y (Y (D c) (T d)))))", ERROR),
    ("", ERROR),
    (f"(TOP {RIGHT})", (4, 4, 4, 0, 4, 4)),
    ("(X (Y (D a)) (NONE *) (Z (V b) (Y (D c) (T d))))", ERROR),
    ("(X (Y (D a)) (X (NONE e) (Y (NONE *))) (Z (V b) (Y (D c) (T d))))", ERROR),
    ("(X (Y (D a)) (Z (V b) (Y (D c) (TT d))))", (4, 4, 4, 0, 4, 4)),
    (RIGHT, (4, 4, 4, 0, 4, 4)),
    ("(X (Y (D aa)) (Z (V b) (Y (D c) (T d))))", ERROR),
    (RIGHT, (4, 4, 4, 0, 4, 4), "(X (Y-SBJ-1 (D a)) (Z-ANY (V b) (Y (D c) (T d))))"),
    (LONG, (34, 34, 34, 0, 44, 44), LONG),
    (f"{RIGHT[:-1]} (-NONE- *))", (4, 4, 4, 0, 4, 4), f"{RIGHT[:-1]} (-NONE- *))"),
    (f"{RIGHT[:-1]} (: *))", (4, 4, 4, 0, 4, 4), f"{RIGHT[:-1]} (: *))"),
]
OUTPUTS = [sentence[0] for sentence in SENTENCES]
GOLDS = [[*sentence[2:], RIGHT][0] for sentence in SENTENCES]


@pytest.fixture(autouse=True)
def sample_parameters(monkeypatch):
    monkeypatch.setattr(brackets, "EQUAL_LABELS", {"TT": "T"})


@pytest.mark.parametrize("index", range(24))
def test_every_sentence(index):
    gold = read_brackets(GOLDS[index])
    assert gold is not None
    counts = evalb(read_brackets(OUTPUTS[index]), gold)
    got = counts and (
        counts.matched,
        counts.gold,
        counts.output,
        counts.crossing,
        counts.words,
        counts.tags,
    )
    assert got == SENTENCES[index][1]


def test_the_table_by_sentence_adds_up():
    """The last line of the published table: 86 matched, 98 gold, 95 output, 108 words, 106 tags."""
    sums = [sum(column) for column in zip(*filter(None, (s[1] for s in SENTENCES)), strict=True)]
    assert sums == [86, 98, 95, 1, 108, 106]


@pytest.mark.parametrize(
    ("left_out", "published"),
    [
        # All: 17 of 24 sentences are compared.
        (None, (87.76, 90.53, 52.94, 0.06, 94.12, 100.00, 98.15, 7 / 24)),
        # Those of 40 words at most: 16 of 23.
        (21, (81.25, 85.25, 50.00, 0.06, 93.75, 100.00, 96.88, 7 / 23)),
    ],
)
def test_the_summary(left_out, published):
    rows = [i for i in range(24) if i != left_out]
    score = compute(["bracket_f1"], [OUTPUTS[i] for i in rows], [[GOLDS[i]] for i in rows])
    parts = score["bracket_f1"].parts
    got = (
        round(100 * parts["bracket_recall"], 2),
        round(100 * parts["bracket_precision"], 2),
        round(100 * parts["bracket_complete"], 2),
        round(parts["bracket_crossing"], 2),
        round(100 * parts["bracket_no_crossing"], 2),
        round(100 * parts["bracket_2_or_less_crossing"], 2),
        round(100 * parts["bracket_tagging"], 2),
        parts["bracket_skipped"],
    )
    assert got == published
    recall, precision = parts["bracket_recall"], parts["bracket_precision"]
    assert score["bracket_f1"].value == pytest.approx(2 * precision * recall / (precision + recall))
