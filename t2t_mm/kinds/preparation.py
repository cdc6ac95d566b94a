"""Preparation of texts: named rules that data generation applies, and everything that reads texts.

A text's kind holds the names of its rules in their order, such as ("one_line", "nfc", "lowercase")
or ("one_space", "cut_words:400"), a number after a colon being the rule's argument. So they stand
in run.json and in an export, and a text is brought to one form wherever it comes in. A rule is a
function from text to text in the registry TEXT_RULES; one of your own:

    @register_text_rule
    def without_stress(text: str) -> str:
        '''Marks of stress left out.'''
        return text.replace("\u0301", "")

Rules for what is left out of the data, such as texts of too many words, are no business of this.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from t2t_mm.errors import DataError, UserError
from t2t_mm.registry import TEXT_RULES
from t2t_mm.tensor import Tensor

Rules = tuple[str, ...]

_SPACES = re.compile(r"[\s\x1c-\x1f\x85]+")
_BREAKS = re.compile(r"[ ]*[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+[ ]*")


@dataclass(frozen=True)
class TextRule:
    """A rule with a form for exported graphs.

    Attributes:
      function: text -> text; with `argument` (text, whole number) -> text.
      in_graph: the same of a string tensor [B] of valid UTF-8; None: an export leaves the rule to
        whoever calls it.
      argument: what its number counts, e.g. "words"; "" for a rule without one.
      is_layout: it changes white space alone, of a tree the space around brackets.
    """

    function: Callable[..., str]
    in_graph: Callable[..., Tensor] | None = None
    argument: str = ""
    is_layout: bool = False

    def __post_init__(self) -> None:
        for name in ("__module__", "__qualname__", "__doc__"):
            object.__setattr__(self, name, getattr(self.function, name, "?"))

    def __call__(self, text: str, *argument: int) -> str:
        """The text by the rule."""
        return self.function(text, *argument)


def prepare(text: str, rules: Sequence[str]) -> str:
    """The text by the rules, one after the other.

    Raises:
      UserError: for a rule that is not registered here, or a wrong argument.
    """
    for written in rules:
        rule, argument = found_rule(written)
        text = rule(text, *argument)
    return text


def found_rule(written: str) -> tuple[TextRule, tuple[int, ...]]:
    """The rule that a text's preparation names, and its argument.

    Raises:
      UserError: for a name that is not registered, or a wrong argument.
    """
    name, _, number = written.partition(":")
    if name not in TEXT_RULES:
        raise UserError(
            f"unknown text rule '{name}' in the preparation of a text; known are "
            f"{', '.join(TEXT_RULES)}; if it is your own, give the --t2t_usr_dir that registers it."
        )
    found = TEXT_RULES.get(name)
    rule = found if isinstance(found, TextRule) else TextRule(found)
    if bool(number) != bool(rule.argument) or (number and not number.isdecimal()):
        form = f"{name}:N, N {rule.argument}" if rule.argument else f"{name} alone"
        raise DataError(f"the text rule '{written}' must be written as {form}.")
    return rule, (int(number),) if number else ()


def in_graph(texts: Tensor, rules: Sequence[str]) -> Tensor:
    """`prepare` inside a graph, of string [B] of valid UTF-8; for rules that have such a form."""
    for written in rules:
        rule, argument = found_rule(written)
        if rule.in_graph is None:
            raise ValueError(f"the text rule '{written}' has no form for graphs")
        texts = rule.in_graph(texts, *argument)
    return texts


def split_for_graph(rules: Sequence[str]) -> tuple[Rules, Rules]:
    """The rules that are the caller's of an exported graph, and those that the graph applies.

    They keep their order: all up to the last one without a form for graphs are the caller's.
    """
    for place in range(len(rules), 0, -1):
        if found_rule(rules[place - 1])[0].in_graph is None:
            return tuple(rules[:place]), tuple(rules[place:])
    return (), tuple(rules)


def words_alone(rules: Sequence[str]) -> Rules:
    """The rules that change more than white space."""
    return tuple(written for written in rules if not found_rule(written)[0].is_layout)


def one_line(text: str) -> str:
    """Line breaks and tabs, with the spaces around them, become a space each; outer ones go."""
    return _BREAKS.sub(" ", text).strip()


def one_space(text: str) -> str:
    """Runs of white space, line breaks included, become one space; outer ones go."""
    return _SPACES.sub(" ", text).strip()


def lowercase(text: str) -> str:
    """Lower case."""
    return text.lower()


def nfc(text: str) -> str:
    """Unicode's normal form C: a letter with its accent is one character."""
    return unicodedata.normalize("NFC", text)


def nfkc(text: str) -> str:
    """Unicode's normal form KC: full-width letters, ligatures and the like become plain ones."""
    return unicodedata.normalize("NFKC", text)


def no_punctuation(text: str) -> str:
    """Punctuation (Unicode's categories P) left out, then as one_space."""
    return one_space("".join(c for c in text if unicodedata.category(c)[0] != "P"))


def cut_words(text: str, most: int) -> str:
    """The first words, at most so many."""
    if text.count(" ") < most:
        return text
    return " ".join(text.split()[:most])


def _graph(name: str) -> Callable[..., Tensor]:
    """A function of kinds/graph/text_rules.py, which imports TensorFlow when it is called."""

    def call(texts: Tensor, *argument: int) -> Tensor:
        from t2t_mm.kinds.graph import text_rules

        return getattr(text_rules, name)(texts, *argument)

    return call


_BUILT_IN = (
    TextRule(one_line, _graph("one_line"), is_layout=True),
    TextRule(one_space, _graph("one_space"), is_layout=True),
    TextRule(lowercase, _graph("lowercase")),
    TextRule(nfc, _graph("nfc")),
    TextRule(nfkc, _graph("nfkc")),
    TextRule(no_punctuation, _graph("no_punctuation")),
    TextRule(cut_words, _graph("cut_words"), argument="words"),
)
for _rule in _BUILT_IN:
    TEXT_RULES.register(_rule.function.__name__, _rule)
for _name, _summary in (
    ("plain_words", "Spoken words: lower case, no punctuation but apostrophes inside of words."),
    ("wsj_words", "Spoken words of a transcript of CSR-I or CSR-II."),
):
    TEXT_RULES.declare(_name, f"t2t_mm.data.sources.transcripts:{_name}", _summary)
