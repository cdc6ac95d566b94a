"""Preparation of texts: what each rule does, in graphs too, and where it is written down."""

from __future__ import annotations

import json

import pytest
import tensorflow as tf

from t2t_mm.errors import UserError
from t2t_mm.kinds import Image, Text, Tree
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.graph.text import GraphVocabulary
from t2t_mm.kinds.kind import kind_from_dict
from t2t_mm.kinds.preparation import in_graph, prepare, split_for_graph, words_alone
from t2t_mm.kinds.vocabulary import EOS, Vocabulary
from t2t_mm.registry import TEXT_RULES, register_text_rule
from t2t_mm.serving.http.limits import Limits
from tests.decoding.decoding_run import VOCABULARY, toy_run

RULES = {
    "one_line": ("\u00a0 a \t\r\n b  c\u2028d\x85e ", "a b  c d e"),
    "one_space": ("\u3000a\t\n  b\u00a0\x1fc\u2009", "a b c"),
    "lowercase": ("ΑΣ ÄÖ İSTANBUL ẞ ΌΣ.", "ας äö i̇stanbul ß ός."),
    "nfc": ("e\u0301 Å", "\u00e9 \u00c5"),
    "nfkc": ("ＡＢ１ ﬁ ①", "AB1 fi 1"),
    "no_punctuation": ("«a», b-c! ¿d? 「e」 $5", "a bc d e $5"),
    "cut_words:2": ("a b  c d", "a b"),
    "cut_words:9": ("a b  c d", "a b  c d"),
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_by_itself_and_in_a_graph(rule: str) -> None:
    text, expected = RULES[rule]
    assert prepare(text, [rule]) == expected
    assert prepare(expected, [rule]) == expected
    texts = tf.constant([text, "", expected])
    found = tf.function(lambda given: in_graph(given, [rule]))(texts)
    assert [one.decode() for one in found.numpy()] == [expected, "", expected]


def test_rules_are_applied_in_their_order() -> None:
    assert prepare("Ｂ. A", ("nfkc", "no_punctuation", "lowercase", "cut_words:1")) == "b"
    assert prepare("Don’t, [x]!", ("plain_words",)) == "don't x"


@pytest.fixture
def own_rule():
    @register_text_rule
    def without_stress(text: str) -> str:
        """Marks of stress left out."""
        return text.replace("\u0301", "")

    yield "without_stress"
    TEXT_RULES.remove("without_stress")


def test_a_rule_of_ones_own_is_its_callers_in_an_export(own_rule: str) -> None:
    assert prepare("за\u0301мок", [own_rule]) == "замок"
    rules = ("one_line", own_rule, "lowercase")
    assert split_for_graph(rules) == (("one_line", own_rule), ("lowercase",))
    assert split_for_graph(("one_line", "lowercase")) == ((), ("one_line", "lowercase"))
    assert words_alone(rules) == (own_rule, "lowercase")
    described = Text("v", preparation=rules).description()
    assert described["prepared_by_caller"] == ["one_line", own_rule]
    assert Text.checked_row(" ЗА\u0301\tмок ", described, Limits()) == "ЗА мок".encode()


def test_what_is_wrong_with_a_rule_is_a_sentence() -> None:
    with pytest.raises(UserError, match=r"^unknown text rule 'stress' .* --t2t_usr_dir that regis"):
        prepare("a", ["stress"])
    for wrong in ("cut_words", "cut_words:x", "lowercase:3"):
        with pytest.raises(UserError, match=f"^the text rule '{wrong}' must be written as "):
            prepare("a", [wrong])


def test_a_kind_keeps_its_rules_and_one_of_before_has_none() -> None:
    kind = Text("v", 300, preparation=("one_space", "cut_words:4"))
    stored = json.loads(json.dumps(kind.to_dict()))
    assert kind_from_dict(stored).preparation == ("one_space", "cut_words:4")
    del stored["preparation"]
    before = kind_from_dict(stored)
    assert before.preparation is None and before.prepared(" A\t") == " A\t"
    assert before == kind == Text("v", 300)  # what is shared between features does not depend on it
    assert Text("v").preparation == () == Image(8).preparation
    assert Image(8).with_preparation(("lowercase",)) == Image(8)


def test_inputs_and_targets_are_prepared_when_they_are_read() -> None:
    vocabulary = Vocabulary.load(toy_run().data_dir / f"{VOCABULARY}.model")
    vocabularies, ids = {VOCABULARY: vocabulary}, [*vocabulary.encode("red dog"), EOS]
    kind = Text(VOCABULARY, preparation=("one_line", "lowercase"))
    for raw in ("RED\tDog ", b" red\ndog"):
        assert kind.read(raw, vocabularies).value == ids
    assert kind.parse_target("RED\tdog", vocabularies) == ids
    assert Text(VOCABULARY).read("RED dog", vocabularies).value != ids
    texts = {VOCABULARY: GraphVocabulary(vocabulary)}
    read = kind.graph_read(tf.constant(["RED\tDog ", "red dog"]), texts)
    assert read.to_list() == [ids, ids]
    with pytest.raises(BrokenValue, match="is empty text"):
        Text(VOCABULARY, preparation=("no_punctuation",)).read("?!", vocabularies)


def test_of_a_tree_the_words_are_prepared_and_it_is_spelled_in_one_way() -> None:
    tree = Tree("v", preparation=("one_line", "lowercase"))
    assert tree.prepared("( S\t(NP The)\n(VP (VBZ  Runs)))") == "(S (NP the) (VP (VBZ runs)))"
    assert tree.prepared("S NP DT /NP /S") == "S NP DT /NP /S"
    assert tree.prepared("(S (NP") == "(S (NP"  # no tree: what is wrong is told elsewhere
    assert Tree("v").prepared("(S  The)") == "(S  The)"
