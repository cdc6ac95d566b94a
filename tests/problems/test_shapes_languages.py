"""English, German, French and the trees: gold sentences and one-to-one over all scenes."""

from __future__ import annotations

import pytest

from t2t_mm.problems.shapes import languages, trees, world
from t2t_mm.problems.shapes.world import Scene, Thing


def scene(text: str) -> Scene:
    """Scene of 'small red circle above big blue square'; the sizes may be missing."""
    words = text.split()
    at = next(i for i, word in enumerate(words) if word in world.RELATIONS)
    return Scene(_thing(words[:at]), words[at], _thing(words[at + 1 :]))


def _thing(words: list[str]) -> Thing:
    return Thing(words[0] if len(words) == 3 else None, *words[-2:])


# Each gold line was written by hand, not copied from a run.
GOLD = [
    (
        "small red circle above big blue square",
        "the small red circle is above the big blue square",
        "der kleine rote Kreis ist über dem großen blauen Quadrat",
        "le petit cercle rouge est au-dessus du grand carré bleu",
    ),
    (
        "big blue square below small red circle",
        "the big blue square is below the small red circle",
        "das große blaue Quadrat ist unter dem kleinen roten Kreis",
        "le grand carré bleu est au-dessous du petit cercle rouge",
    ),
    (
        "big green star left small white diamond",
        "the big green star is left of the small white diamond",
        "der große grüne Stern ist links von der kleinen weißen Raute",
        "la grande étoile verte est à gauche du petit losange blanc",
    ),
    (
        "small white diamond right big white star",
        "the small white diamond is right of the big white star",
        "die kleine weiße Raute ist rechts vom großen weißen Stern",
        "le petit losange blanc est à droite de la grande étoile blanche",
    ),
    (
        "yellow star above black triangle",
        "the yellow star is above the black triangle",
        "der gelbe Stern ist über dem schwarzen Dreieck",
        "l'étoile jaune est au-dessus du triangle noir",
    ),
    (
        "black triangle left blue star",
        "the black triangle is left of the blue star",
        "das schwarze Dreieck ist links vom blauen Stern",
        "le triangle noir est à gauche de l'étoile bleue",
    ),
    (
        "green diamond below black star",
        "the green diamond is below the black star",
        "die grüne Raute ist unter dem schwarzen Stern",
        "le losange vert est au-dessous de l'étoile noire",
    ),
    (
        "small yellow square above red diamond",
        "the small yellow square is above the red diamond",
        "das kleine gelbe Quadrat ist über der roten Raute",
        "le petit carré jaune est au-dessus du losange rouge",
    ),
    (
        "small red star right big red star",
        "the small red star is right of the big red star",
        "der kleine rote Stern ist rechts vom großen roten Stern",
        "la petite étoile rouge est à droite de la grande étoile rouge",
    ),
]


@pytest.mark.parametrize(("text", "english", "german", "french"), GOLD)
def test_gold_sentences(text, english, german, french):
    assert languages.english(scene(text)) == english
    assert languages.german(scene(text)) == german
    assert languages.french(scene(text)) == french


@pytest.mark.parametrize(
    "tell", [languages.english, languages.german, languages.french, trees.tree]
)
def test_every_scene_has_a_sentence_of_its_own(tell):
    scenes = world.all_scenes()
    assert len({tell(each) for each in scenes}) == len(scenes)


def test_no_sentence_breaks_a_contraction_or_elision():
    for each in world.all_scenes():
        assert "von dem" not in languages.german(each)
        french = languages.french(each)
        assert "de le" not in french
        assert " la étoile" not in f" {french}"
        assert "l'grande" not in french and "l'petite" not in french


def test_references_are_both_tellings_and_the_canonical_one_comes_first():
    told = ["the red star is left of the big blue square"]
    told += ["the big blue square is right of the red star"]
    assert languages.english_references(scene("red star left big blue square")) == told
    assert languages.english_references(scene("big blue square right red star")) == told


def test_train_covers_every_word_of_dev_and_test():
    for tell in (languages.english, languages.german, languages.french):
        words = {split: set() for split in world.SPLITS}
        for split in world.SPLITS:
            for each in world.scenes_of(split):
                words[split].update(tell(each).split())
        assert words["dev"] | words["test"] <= words["train"]


def test_gold_trees():
    assert trees.tree(scene("small red circle above blue square")) == (
        "(S (NP (DT the) (JJ small) (JJ red) (NN circle)) "
        "(VP (VBZ is) (PP (IN above) (NP (DT the) (JJ blue) (NN square)))))"
    )
    assert trees.tree(scene("red star right big white diamond")) == (
        "(S (NP (DT the) (JJ red) (NN star)) (VP (VBZ is) (ADVP (RB right) "
        "(PP (IN of) (NP (DT the) (JJ big) (JJ white) (NN diamond))))))"
    )


def test_trees_are_balanced_and_yield_their_sentence():
    for each in world.all_scenes():
        brackets = trees.tree(each)
        depth = 0
        for position, letter in enumerate(brackets):
            depth += (letter == "(") - (letter == ")")
            assert depth > 0 or position == len(brackets) - 1
        assert depth == 0
        assert trees.sentence_of(brackets) == languages.english(each)
