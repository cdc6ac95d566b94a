"""Text comes back exactly, whole words are reached, and building is deterministic."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from t2t_mm.data.vocabularies.building import build
from t2t_mm.data.vocabularies.text_sample import sample_lines
from t2t_mm.errors import DataError
from t2t_mm.kinds.vocabulary import EOS, PAD, Vocabulary
from t2t_mm.problem import VocabularySpec
from tests.data.datagen_toys import WORDS

HARD = [
    "plain words", "two  spaces", "   leading", "trailing   ", " ", "", "\n", "a\nb\r\nc\td",
    "\x00", "😀 emoji 👩‍👩‍👧 🏳️", "日本語とkana", "<unk> </s> <pad> <0x41>",
    "▁", " ▁ x ▁▁y", "▁a b", " ▁b", "é e\u0301", "\u00a0nb\u3000", "\ufeffbom", "\u2028",
    "(S (NP a) (VP b))", "ﬁ Ⅷ ²", "\u202ertl",
]  # fmt: skip


def sentences(count: int = 2000) -> list[str]:
    rng = random.Random(0)
    return [" ".join(rng.choices(WORDS, k=6)) for _ in range(count)]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.toy.model"
    return build(VocabularySpec("vocab.toy", 8192, ()), sentences(), path)


@pytest.mark.parametrize("text", HARD)
def test_every_text_comes_back(vocabulary: Vocabulary, text: str) -> None:
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert vocabulary.encode_batch([text, "x", text])[2] == vocabulary.encode(text)


def test_random_text_comes_back(vocabulary: Vocabulary) -> None:
    rng = random.Random(1)
    alphabet = [" ", "  ", "▁", "a", "red", "ß", "\n", "界", "😀", "\u0301", "<s>"]
    for _ in range(500):
        text = "".join(rng.choices(alphabet, k=rng.randrange(12)))
        assert vocabulary.decode(vocabulary.encode(text)) == text


def test_whole_words_on_a_small_world(vocabulary: Vocabulary) -> None:
    for text in sentences(50):
        pieces = [vocabulary.piece(i) for i in vocabulary.encode(text)]
        assert pieces == [f"▁{word}" for word in text.split()]
    assert vocabulary.size < 500  # not padded to 8192


def test_reserved_ids(vocabulary: Vocabulary) -> None:
    ids = vocabulary.encode("a red circle")
    assert min(ids) > 2
    assert vocabulary.decode([PAD, *ids, PAD, EOS, 5, 6]) == "a red circle"
    assert vocabulary.decode([EOS]) == ""


def test_load(vocabulary: Vocabulary, tmp_path: Path) -> None:
    path = tmp_path / "vocab.toy.model"
    path.write_bytes(vocabulary.model)
    loaded = Vocabulary.load(path)
    assert (loaded.name, loaded.size) == ("vocab.toy", vocabulary.size)
    assert loaded.digest == vocabulary.digest and len(loaded.digest) == 64
    assert loaded.encode("a red dog") == vocabulary.encode("a red dog")


def test_the_same_bytes_in_another_process(vocabulary: Vocabulary, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from test_vocabulary import *\n"
        "v = build(VocabularySpec('vocab.toy', 8192, ()), sentences(), Path(sys.argv[1]))\n"
        "print(v.digest)"
    )
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", code, str(tmp_path / "v.model"), here]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == vocabulary.digest


def test_more_characters_than_pieces_fall_back_to_bytes(tmp_path: Path) -> None:
    texts = [" ".join(chr(0x4E00 + (7 * i + j) % 3000) for j in range(5)) for i in range(3000)]
    vocabulary = build(VocabularySpec("vocab.many", 600, ()), texts, tmp_path / "vocab.many.model")
    assert vocabulary.size <= 600
    assert all(vocabulary.decode(vocabulary.encode(text)) == text for text in texts[:200])


@pytest.mark.parametrize("distinct", [100, 300, 338, 339, 340, 341, 342, 700])
def test_any_number_of_characters_fits(tmp_path: Path, distinct: int) -> None:
    texts = ["".join(chr(0x4E00 + i) for i in range(distinct))] * 3
    vocabulary = build(VocabularySpec("vocab.many", 600, ()), texts, tmp_path / "vocab.many.model")
    assert vocabulary.decode(vocabulary.encode(texts[0])) == texts[0]


def test_errors(tmp_path: Path, vocabulary: Vocabulary) -> None:
    with pytest.raises(DataError, match=r"'vocab.x' has the size 259; give at least 323: 256 piec"):
        build(VocabularySpec("vocab.x", 259, ()), ["a"], tmp_path / "x.model")
    with pytest.raises(DataError, match=r"'vocab.x' has no text to be built over: .* of p hold no"):
        build(VocabularySpec("vocab.x", 300, ("p",)), [" ", "\n"], tmp_path / "x.model")
    with pytest.raises(DataError, match=r"cannot read the vocabulary .*none.model \(No such file"):
        Vocabulary.load(tmp_path / "none.model")
    for name in ("\ud800", "a\0b"):
        with pytest.raises(DataError, match="cannot read the vocabulary .*; run t2t-datagen to ma"):
            Vocabulary.load(tmp_path / f"{name}.model")
    (tmp_path / "bad.model").write_bytes(b"no model")
    with pytest.raises(DataError, match="'bad' is not a SentencePiece model"):
        Vocabulary.load(tmp_path / "bad.model")
    assert not list(tmp_path.glob(".*.tmp"))


def test_sample_keeps_everything_that_fits_and_its_order() -> None:
    texts = [f"line {i}" for i in range(1000)]
    assert sample_lines(iter(texts), 1 << 20) == texts


def test_sample_is_bounded_uniform_and_repeatable() -> None:
    texts = [f"{i:09d}" for i in range(50_000)]
    kept = sample_lines(iter(texts), 90_000, seed=3)
    assert sum(map(len, kept)) <= 90_000
    assert len(kept) > 9_900
    assert kept == sorted(kept) == sample_lines(texts, 90_000, seed=3)
    assert kept != sample_lines(texts, 90_000, seed=4)
    halves = sum(int(line) < 25_000 for line in kept)
    assert abs(halves / len(kept) - 0.5) < 0.02


def test_sample_cuts_lines() -> None:
    assert sample_lines(["a\nb", "x" * 2500], 1 << 20) == [
        "a",
        "b",
        "x" * 1000,
        "x" * 1000,
        "x" * 500,
    ]


def test_a_model_whose_pieces_are_no_text_is_refused(vocabulary: Vocabulary) -> None:
    """SentencePiece itself ends in a UnicodeDecodeError over its own message."""
    twice = [b"\n\x01a", b"\n\x01e"]
    assert all(piece in vocabulary.model for piece in twice)
    damaged = vocabulary.model
    for piece in twice:
        damaged = damaged.replace(piece, b"\n\x01\xff")
    with pytest.raises(DataError, match="'x' is not a SentencePiece model"):
        Vocabulary(damaged, "x")
