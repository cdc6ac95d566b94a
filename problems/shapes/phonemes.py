"""Phonemes of the English words of the shapes world: a lexicon, and their acoustics.

The figures are textbook averages for a male speaker, good enough to be told apart, not to be
admired. voice.py turns them into a waveform.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phoneme:
    """Targets that the synthesiser glides between.

    Attributes:
        formants: the first three resonances, in Hz.
        voice: level of the voiced source, 0..1.
        noise: level of the noise source, 0..1.
        noise_centre: middle of the noise band, in Hz.
        noise_width: standard deviation of the noise band, in Hz.
        length: duration, in units of an average phoneme.
    """

    formants: tuple[float, float, float]
    voice: float = 1.0
    noise: float = 0.0
    noise_centre: float = 2000.0
    noise_width: float = 500.0
    length: float = 1.0


def _burst(centre: float, width: float, voice: float, formants: tuple) -> Phoneme:
    return Phoneme(formants, voice, 0.6, centre, width, length=0.4)


_LABIAL, _ALVEOLAR, _VELAR = (300, 900, 2200), (300, 1750, 2600), (300, 1900, 2300)

PHONEMES: dict[str, Phoneme] = {
    # Vowels.
    "i": Phoneme((280, 2250, 2900), length=1.4),
    "I": Phoneme((400, 1950, 2550), length=0.9),
    "E": Phoneme((550, 1800, 2500), length=1.2),
    "ae": Phoneme((690, 1650, 2450), length=1.3),
    "A": Phoneme((730, 1100, 2450), length=1.6),
    "O": Phoneme((580, 850, 2450), length=1.4),
    "uh": Phoneme((640, 1200, 2400), length=1.1),
    "schwa": Phoneme((500, 1450, 2450), voice=0.8, length=0.7),
    "er": Phoneme((490, 1350, 1700), length=1.4),
    "o": Phoneme((480, 950, 2350), length=0.9),
    "u": Phoneme((310, 900, 2250), length=1.0),
    # Glides and liquids.
    "l": Phoneme((360, 1050, 2750), voice=0.55, length=0.9),
    "r": Phoneme((340, 1150, 1600), voice=0.55, length=0.9),
    "w": Phoneme((300, 650, 2300), voice=0.5, length=0.9),
    "y": Phoneme((270, 2200, 3000), voice=0.55, length=0.8),
    # Nasals.
    "m": Phoneme((250, 1000, 2200), voice=0.35, length=0.9),
    "n": Phoneme((250, 1450, 2500), voice=0.35, length=0.9),
    "ng": Phoneme((250, 1950, 2700), voice=0.35, length=0.8),
    # Fricatives.
    "s": Phoneme((320, 1500, 2600), 0.0, 0.45, 3500, 500, length=1.3),
    "z": Phoneme((320, 1500, 2600), 0.2, 0.3, 3500, 500, length=1.0),
    "f": Phoneme((300, 900, 2200), 0.0, 0.25, 2200, 1800, length=1.1),
    "v": Phoneme((300, 900, 2200), 0.25, 0.1, 2200, 1800, length=0.8),
    "dh": Phoneme((300, 1400, 2600), 0.25, 0.08, 2800, 900, length=0.6),
    # Plosives: a closure and its burst.
    "stop": Phoneme((300, 1300, 2400), voice=0.0, length=0.6),
    "voiced stop": Phoneme((250, 1000, 2300), voice=0.12, length=0.6),
    "t burst": _burst(3300, 700, 0.0, _ALVEOLAR),
    "d burst": _burst(3100, 700, 0.3, _ALVEOLAR),
    "k burst": _burst(1800, 350, 0.0, _VELAR),
    "g burst": _burst(1700, 350, 0.3, _VELAR),
    "b burst": _burst(700, 300, 0.3, _LABIAL),
    # Between words.
    "pause": Phoneme((450, 1400, 2450), voice=0.0, length=0.35),
}

_SPELLED = {
    "T": ("stop", "t burst"),
    "D": ("voiced stop", "d burst"),
    "K": ("stop", "k burst"),
    "G": ("voiced stop", "g burst"),
    "B": ("voiced stop", "b burst"),
}

LEXICON: dict[str, str] = {
    "the": "dh schwa",
    "small": "s m O l",
    "big": "B I G",
    "red": "r E D",
    "green": "G r i n",
    "blue": "B l u u",
    "yellow": "y E l o u",
    "black": "B l ae K",
    "white": "w A I T",
    "circle": "s er K schwa l",
    "square": "s K w E er",
    "triangle": "T r A I ae ng G schwa l",
    "star": "s T A r",
    "diamond": "D A I m schwa n D",
    "is": "I z",
    "above": "schwa B uh v",
    "below": "B schwa l o u",
    "left": "l E f T",
    "right": "r A I T",
    "of": "schwa v",
}


def pronounce(sentence: str) -> list[Phoneme]:
    """The phonemes of a sentence, plosives split into closure and burst, a pause after a word.

    Raises:
        ValueError: a word is not in the lexicon.
    """
    phonemes: list[Phoneme] = []
    for word in sentence.split():
        if word not in LEXICON:
            raise ValueError(f"The voice cannot say {word!r}; it knows {', '.join(LEXICON)}.")
        for symbol in LEXICON[word].split():
            phonemes.extend(PHONEMES[part] for part in _SPELLED.get(symbol, (symbol,)))
        phonemes.append(PHONEMES["pause"])
    return phonemes
