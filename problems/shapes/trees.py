"""Constituency trees of the English sentences, in one-line Penn Treebank brackets."""

from __future__ import annotations

import re

from t2t_mm.problems.shapes.languages import english_phrase
from t2t_mm.problems.shapes.world import Scene, Thing

# A leaf is a bracket with a tag and a word; words of this world hold no bracket.
_LEAF = re.compile(r"\([A-Z]+ ([^()\s]+)\)")


def noun_phrase_tree(thing: Thing) -> str:
    """'(NP (DT the) (JJ small) (JJ red) (NN circle))'."""
    article, *adjectives, noun = english_phrase(thing).split()
    leaves = [f"(DT {article})", *(f"(JJ {word})" for word in adjectives), f"(NN {noun})"]
    return f"(NP {' '.join(leaves)})"


def tree(scene: Scene) -> str:
    """'(S (NP ...) (VP (VBZ is) (PP (IN above) (NP ...))))' of the scene's English sentence."""
    place = noun_phrase_tree(scene.second)
    if scene.relation in ("above", "below"):
        where = f"(PP (IN {scene.relation}) {place})"
    else:
        where = f"(ADVP (RB {scene.relation}) (PP (IN of) {place}))"
    return f"(S {noun_phrase_tree(scene.first)} (VP (VBZ is) {where}))"


def sentence_of(brackets: str) -> str:
    """The words of a tree, in order: the inverse of parsing."""
    return " ".join(_LEAF.findall(brackets))
