"""The problems of the shapes world, their shared vocabulary, and mixtures of eight and of nine.

`translate_ende_shapes_rev` and `translate_enfr_shapes_rev` are derived by the registry. In every
problem the target is a function of the input; where a picture allows two sentences, the target is
the canonical one and `references` holds both.
"""

from __future__ import annotations

import functools
import itertools
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.problem import (
    Image2ClassProblem,
    Image2TextProblem,
    Problem,
    QuestionProblem,
    Sample,
    Speech2TextProblem,
    Split,
    Text2SelfProblem,
    Text2TagsProblem,
    Text2TextProblem,
    Text2TreeProblem,
    VocabularySpec,
)
from t2t_mm.problems.shapes import crowd_picture, languages, picture, questions, trees, voice, world
from t2t_mm.problems.shapes.world import Scene
from t2t_mm.provenance import Provenance

VOCABULARY = "vocab.shapes"


def label_of(scene: Scene) -> str:
    """The class of an image, 'big' left out: that of the larger thing, as in 'red circle'."""
    return f"{scene.larger.colour} {scene.larger.shape}"


def _is_caption(scene: Scene) -> bool:
    # A scene and its inverse are one picture: draw it once, under its canonical telling.
    return scene.is_drawable and scene.is_canonical


def _has_larger(scene: Scene) -> bool:
    return scene.is_canonical and scene.larger is not None


class ShapesProblem(Problem):
    """The base of all; a subclass says which scenes it takes and what it makes of one.

    Attributes:
      examples: number of examples per split.
      keep: which scenes are taken, None for all.
    """

    vocabulary: str | None = VOCABULARY
    provenance = Provenance(
        homepage="",
        licence="Apache-2.0, as this program",
        examples={"train": 8000, "dev": 500, "test": 500},
    )
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 4, Split.DEV: 1, Split.TEST: 1}
    examples: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 8000, Split.DEV: 500, Split.TEST: 500}
    keep: ClassVar[Callable[..., bool] | None] = None

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        del tmp_dir  # nothing is downloaded
        split = Split(split)
        # One picture or sound has one seed of its own, whichever worker makes it.
        part = zlib.crc32(f"{self.data_name}/{split.value}".encode())
        scenes = world.sample_scenes(
            split.value, self.examples[split], seed, salt=self.data_name, keep=type(self).keep
        )
        for index, scene in zip(itertools.count(), scenes):
            yield self.sample_of(scene, (seed, part, index))

    def sample_of(self, scene: Scene, seed: tuple[int, int, int]) -> Sample:
        """The example of a scene; `seed` is of what varies in its picture or sound."""
        raise NotImplementedError(f"{type(self).__name__} must define sample_of")


@registry.register_problem("image_shapes")
class ImageShapes(ShapesProblem, Image2ClassProblem):
    """A 32x32 picture of two shapes to the colour and shape of the larger one (30 classes)."""

    labels = tuple(f"{colour} {shape}" for colour in world.COLOURS for shape in world.SHAPES)
    image_size = picture.SIDE
    flip = False  # the mirror image of a training scene may be a test scene
    keep = staticmethod(_has_larger)

    def sample_of(self, scene: Scene, seed: tuple[int, int, int]) -> Sample:
        drawn = functools.partial(picture.render_png, scene, seed)
        return {"inputs": drawn, "targets": label_of(scene)}


@registry.register_problem("caption_shapes")
class CaptionShapes(ShapesProblem, Image2TextProblem):
    """A 32x32 picture of two shapes to the English sentence that says what is where."""

    image_size = picture.SIDE
    flip = False  # it would turn left into right
    # Most of a caption's tokens are easy, so its loss understates what is left to learn.
    mixing_weight = 4.0
    keep = staticmethod(_is_caption)

    def sample_of(self, scene: Scene, seed: tuple[int, int, int]) -> Sample:
        return {
            "inputs": functools.partial(picture.render_png, scene, seed),
            "targets": languages.english(scene),
            "references": languages.english_references(scene),
        }


@registry.register_problem("translate_ende_shapes")
class TranslateEndeShapes(ShapesProblem, Text2TextProblem):
    """English to German sentences about shapes; _rev: German to English."""

    command = "to_german"
    reversed_command = "to_english"

    def sample_of(self, scene: Scene, seed: tuple[int, int, int]) -> Sample:
        return {"inputs": languages.english(scene), "targets": languages.german(scene)}


@registry.register_problem("translate_enfr_shapes")
class TranslateEnfrShapes(ShapesProblem, Text2TextProblem):
    """English to French sentences about shapes; _rev: French to English."""

    command = "to_french"
    reversed_command = "to_english"

    def sample_of(self, scene: Scene, seed: tuple[int, int, int]) -> Sample:
        return {"inputs": languages.english(scene), "targets": languages.french(scene)}


@registry.register_problem("parsing_shapes")
class ParsingShapes(ShapesProblem, Text2TreeProblem):
    """English sentences about shapes to their bracketed constituency trees."""

    reversed_command = "to_english"

    def sample_of(self, scene: Scene, seed: tuple[int, int, int]) -> Sample:
        return {"inputs": languages.english(scene), "targets": trees.tree(scene)}


@registry.register_problem("speech_shapes")
class SpeechShapes(ShapesProblem, Speech2TextProblem):
    """Synthesised speech at 8 kHz, six speakers, to the English sentence."""

    sample_rate = voice.SAMPLE_RATE

    def sample_of(self, scene: Scene, seed: tuple[int, int, int]) -> Sample:
        sentence = languages.english(scene)
        spoken = functools.partial(voice.speak_wav, sentence, seed)
        return {"inputs": spoken, "targets": sentence}


@registry.register_problem("tagging_shapes")
class TaggingShapes(ShapesProblem, Text2TagsProblem):
    """The words of English sentences about shapes to the things and relations that they name."""

    labels = ("O", "B-THING", "I-THING", "B-RELATION", "I-RELATION")

    def sample_of(self, scene: Scene, seed: tuple[int, int, int]) -> Sample:
        del seed
        return {"inputs": languages.english(scene), "targets": languages.english_tags(scene)}


@registry.register_problem("languagemodel_shapes")
class LanguagemodelShapes(ShapesProblem, Text2SelfProblem):
    """English sentences about shapes, alone: each sentence of a split exactly once.

    The perplexity of the test split has a known floor. There are 31,560 sentences: 90 things (2
    sizes or none said, 6 colours, 5 shapes), 4 relations, 90 things again, less those that the
    first could not be told apart from: itself where a size is said (60 x 2 with the one of its kind
    without), all 3 of its kind where none is (30 x 3). 4 (90 x 90 - 120 - 90) = 31,560. Which of
    them are test sentences is decided by a hash, so a model that has learnt the language and no
    more gives each the same chance: ln 31,560 = 10.36 nats a sentence, its end included; of 10.87
    words on average, it is a perplexity_per_word of 2.59. A model that has learnt its training
    sentences by heart does worse. One that does better has seen test sentences.

    Test is all of its 2,234 sentences, not a sample, so that nothing is left to luck.
    """

    command = "to_english"
    provenance = Provenance(
        homepage="",
        licence="Apache-2.0, as this program",
        examples={"train": 27_200, "dev": 2_126, "test": 2_234},
    )
    examples: ClassVar[Mapping[Split, int]] = {
        Split.TRAIN: 27_200,
        Split.DEV: 2_126,
        Split.TEST: 2_234,
    }

    def sample_of(self, scene: Scene, seed: tuple[int, int, int]) -> Sample:
        return {"inputs": "", "targets": languages.english(scene)}


@registry.register_problem("question_shapes")
class QuestionShapes(ShapesProblem, QuestionProblem):
    """A 48x48 picture of four to six shapes and an English question to one word (23 classes)."""

    labels = questions.ANSWERS
    image_size = questions.SIDE
    provenance = Provenance(
        homepage="",
        licence="Apache-2.0, as this program",
        examples={"train": 48_000, "dev": 1_200, "test": 1_200},
    )
    examples: ClassVar[Mapping[Split, int]] = {
        Split.TRAIN: 48_000,
        Split.DEV: 1_200,
        Split.TEST: 1_200,
    }

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        del tmp_dir  # nothing is downloaded
        split = Split(split)
        part = zlib.crc32(f"{self.data_name}/{split.value}".encode())
        asked = questions.examples(split.value, self.examples[split], seed)
        for index, one in enumerate(asked):
            yield {
                "inputs": functools.partial(
                    crowd_picture.render_png, one.scene, (seed, part, index)
                ),
                "question": one.question,
                "targets": one.answer,
            }


registry.VOCABULARIES.register(
    VOCABULARY,
    VocabularySpec(
        VOCABULARY,
        640,
        (
            "caption_shapes",
            "parsing_shapes",
            "speech_shapes",
            "translate_ende_shapes",
            "translate_enfr_shapes",
        ),
    ),
    "English, German, French and trees of the shapes world",
)

SHAPES8 = (
    "image_shapes",
    "caption_shapes",
    "translate_ende_shapes",
    "translate_ende_shapes_rev",
    "translate_enfr_shapes",
    "translate_enfr_shapes_rev",
    "parsing_shapes",
    "speech_shapes",
)
registry.register_mixture(
    "shapes8",
    SHAPES8,
    "the eight problems of the shapes world: pictures, sound, translation, parsing",
)
registry.register_mixture(
    "shapes9", (*SHAPES8, "question_shapes"), "shapes8 and questions about pictures"
)
