"""Words that are remembered give the ids that the whole text gives."""

from __future__ import annotations

import io
import random

import pytest
import sentencepiece

from t2t_mm.data.generation import text_packing
from t2t_mm.data.generation.text_packing import TextPacker, words_are_independent
from t2t_mm.data.records.files import encode_example, pack
from t2t_mm.data.vocabularies.building import build
from t2t_mm.kinds.vocabulary import EOS, Vocabulary
from t2t_mm.problem import VocabularySpec

TEXTS = ["the cat sat on the mat", "Straße und Café", "日本語 の文", "a b  c", "x, y; z!", "12 345"]
ODD = [
    "",
    " ",
    "  a",
    "a  b",
    "a ",
    "\t",
    "a\tb c",
    "▁",
    "a▁b c",
    "x" * 100,
    "😀 😀",
    "<0x41> </s>",
]
ALPHABET = "ab cdeßé日 ,.\t\u3000\xa0ſ1é"


@pytest.fixture(scope="module", params=[False, True])
def vocabulary(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> object:
    path = tmp_path_factory.mktemp("packing") / "v.model"
    spec = VocabularySpec("v", 340, ("p",), characters=request.param)
    return build(spec, TEXTS * 20, path)


def test_words_give_what_the_text_gives(vocabulary: Vocabulary) -> None:
    assert words_are_independent(vocabulary)
    rng = random.Random(0)
    texts = ["".join(rng.choices(ALPHABET, k=rng.randrange(30))) for _ in range(2000)]
    texts += [*TEXTS, *ODD]
    packer = TextPacker(vocabulary)
    expected = [pack([*vocabulary.encode(text), EOS]) for text in texts]
    assert packer.pack(texts) == expected
    assert packer.pack(texts[::-1]) == expected[::-1]  # now all words are known


def test_what_is_forgotten_comes_back(
    vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_packing, "_MOST_WORDS", 3)
    packer = TextPacker(vocabulary)
    for _ in range(3):
        for text in TEXTS:
            assert packer.pack([text]) == [pack([*vocabulary.encode(text), EOS])]


@pytest.mark.parametrize(
    "options",
    [
        {"model_type": "unigram"},
        {"normalization_rule_name": "nmt_nfkc"},
        {"remove_extra_whitespaces": True},
        {"add_dummy_prefix": False},
        {"byte_fallback": False},
        {"split_by_whitespace": False},
        {"treat_whitespace_as_suffix": True},
        {"user_defined_symbols": ["of the"]},
    ],
)
def test_other_models_are_given_whole_texts(options: dict[str, object]) -> None:
    settings = {
        "model_type": "bpe",
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "byte_fallback": True,
        "vocab_size": 320,
        **options,
    }
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["of the cat of the mat of the hat"] * 50),
        model_writer=model,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
        **settings,
    )
    vocabulary = Vocabulary(model.getvalue(), "v")
    assert not words_are_independent(vocabulary)
    texts = ["cat of the mat", "of the  hat"]
    expected = [pack([*vocabulary.encode(text), EOS]) for text in texts]
    assert TextPacker(vocabulary).pack(texts) == expected


def test_packed_values_are_stored_as_plain_ones() -> None:
    for values in ([], [0], [127, 128], list(range(0, 70_000, 7))):
        plain = {"targets": values, "inputs": [1], "references": [b"x"]}
        assert encode_example({**plain, "targets": pack(values)}) == encode_example(plain)
