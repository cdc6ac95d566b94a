"""Scenes in English, German and French: lower-case sentences without a full stop.

Each scene has exactly one sentence in a language and each sentence tells exactly one scene, so
that a translation in any direction is a function of its input. German has gender, case and the
contraction 'vom'; French has agreement, adjective order, elision ('l'étoile') and 'du'.
"""

from __future__ import annotations

from dataclasses import dataclass

from t2t_mm.problems.shapes.world import Scene, Thing


@dataclass(frozen=True)
class Noun:
    """A noun and its grammatical gender: 'm', 'f' or 'n'."""

    word: str
    gender: str


ENGLISH_RELATIONS = {
    "above": "above",
    "below": "below",
    "left": "left of",
    "right": "right of",
}


def english_phrase(thing: Thing) -> str:
    """'the small red circle'."""
    return _join("the", thing.size, thing.colour, thing.shape)


def english(scene: Scene) -> str:
    """'the small red circle is above the big blue square'."""
    relation = ENGLISH_RELATIONS[scene.relation]
    return f"{english_phrase(scene.first)} is {relation} {english_phrase(scene.second)}"


def english_tags(scene: Scene) -> str:
    """A tag for each word of `english`: which words name a thing, which the relation."""
    relation = ENGLISH_RELATIONS[scene.relation]
    parts = (
        (english_phrase(scene.first), "THING"),
        ("is", None),
        (relation, "RELATION"),
        (english_phrase(scene.second), "THING"),
    )
    return " ".join(
        "O" if kind is None else f"{'I' if place else 'B'}-{kind}"
        for phrase, kind in parts
        for place, _ in enumerate(phrase.split())
    )


GERMAN_NOUNS = {
    "circle": Noun("Kreis", "m"),
    "square": Noun("Quadrat", "n"),
    "triangle": Noun("Dreieck", "n"),
    "star": Noun("Stern", "m"),
    "diamond": Noun("Raute", "f"),
}
GERMAN_STEMS = {
    "small": "klein",
    "big": "groß",
    "red": "rot",
    "green": "grün",
    "blue": "blau",
    "yellow": "gelb",
    "black": "schwarz",
    "white": "weiß",
}
GERMAN_ARTICLES = {
    "nominative": {"m": "der", "f": "die", "n": "das"},
    "dative": {"m": "dem", "f": "der", "n": "dem"},
}
# After a definite article the adjective is weak: one ending for all genders in these two cases.
GERMAN_ENDINGS = {"nominative": "e", "dative": "en"}
# All four prepositions say where something is, not where to: they take the dative.
GERMAN_RELATIONS = {
    "above": "über",
    "below": "unter",
    "left": "links von",
    "right": "rechts von",
}


def german_phrase(thing: Thing, case: str) -> str:
    """'der kleine rote Kreis' or, in the dative, 'dem kleinen roten Kreis'."""
    noun = GERMAN_NOUNS[thing.shape]
    ending = GERMAN_ENDINGS[case]
    adjectives = (GERMAN_STEMS[word] + ending for word in (thing.size, thing.colour) if word)
    return _join(GERMAN_ARTICLES[case][noun.gender], *adjectives, noun.word)


def german(scene: Scene) -> str:
    """'der kleine rote Kreis ist über dem großen blauen Quadrat'."""
    where = f"{GERMAN_RELATIONS[scene.relation]} {german_phrase(scene.second, 'dative')}"
    where = where.replace("von dem ", "vom ")
    return f"{german_phrase(scene.first, 'nominative')} ist {where}"


FRENCH_NOUNS = {
    "circle": Noun("cercle", "m"),
    "square": Noun("carré", "m"),
    "triangle": Noun("triangle", "m"),
    "star": Noun("étoile", "f"),
    "diamond": Noun("losange", "m"),
}
FRENCH_ADJECTIVES = {
    "small": {"m": "petit", "f": "petite"},
    "big": {"m": "grand", "f": "grande"},
    "red": {"m": "rouge", "f": "rouge"},
    "green": {"m": "vert", "f": "verte"},
    "blue": {"m": "bleu", "f": "bleue"},
    "yellow": {"m": "jaune", "f": "jaune"},
    "black": {"m": "noir", "f": "noire"},
    "white": {"m": "blanc", "f": "blanche"},
}
FRENCH_ARTICLES = {"m": "le", "f": "la"}
FRENCH_RELATIONS = {
    "above": "au-dessus de",
    "below": "au-dessous de",
    "left": "à gauche de",
    "right": "à droite de",
}
FRENCH_VOWELS = "aeiouyàâéèêëîïôûœ"


def french_phrase(thing: Thing) -> str:
    """'le petit cercle rouge': size before the noun, colour after it; 'l'étoile rouge'."""
    noun = FRENCH_NOUNS[thing.shape]
    size = FRENCH_ADJECTIVES[thing.size][noun.gender] if thing.size else None
    words = _join(size, noun.word, FRENCH_ADJECTIVES[thing.colour][noun.gender])
    if words[0] in FRENCH_VOWELS:
        return f"l'{words}"
    return f"{FRENCH_ARTICLES[noun.gender]} {words}"


def french(scene: Scene) -> str:
    """'le petit cercle rouge est au-dessus du grand carré bleu'."""
    where = f"{FRENCH_RELATIONS[scene.relation]} {french_phrase(scene.second)}"
    where = where.replace(" de le ", " du ")
    return f"{french_phrase(scene.first)} est {where}"


def english_references(scene: Scene) -> list[str]:
    """All sentences that are true of a picture of this scene, the canonical one first."""
    canonical = scene.canonical()
    return [english(canonical), english(canonical.inverse())]


def _join(*words: str | None) -> str:
    return " ".join(word for word in words if word)
