"""The problems of the shapes world, their shared vocabulary, and the mixture of all eight.

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
    Sample,
    Speech2TextProblem,
    Split,
    Text2TagsProblem,
    Text2TextProblem,
    Text2TreeProblem,
    VocabularySpec,
)
from t2t_mm.problems.shapes import languages, picture, trees, voice, world
from t2t_mm.problems.shapes.world import Scene
from t2t_mm.provenance import Provenance

VOCABULARY = "vocab.shapes"


def label_of(scene: Scene) -> str:
    """What a picture's class names, 'big' left out: the larger thing's, as in 'red circle'."""
    return f"{scene.larger.colour} {scene.larger.shape}"


def _is_caption(scene: Scene) -> bool:
    # A scene and its inverse are one picture: draw it once, under its canonical telling.
    return scene.is_drawable and scene.is_canonical


def _has_larger(scene: Scene) -> bool:
    return scene.is_canonical and scene.larger is not None


class ShapesProblem(Problem):
    """What the six have in common; a subclass says which scenes it takes and what it makes of one.

    Attributes:
      examples: number of examples per split.
      keep: which scenes are taken, None for all.
    """

    vocabulary = VOCABULARY
    provenance = Provenance(
        homepage="",
        licence="Apache-2.0, as this program",
        examples={"train": 8000, "dev": 500, "test": 500},
    )
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 4, Split.DEV: 1, Split.TEST: 1}
    examples: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 8000, Split.DEV: 500, Split.TEST: 500}
    keep: ClassVar[Callable[[Scene], bool] | None] = None

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

registry.register_mixture(
    "shapes8",
    (
        "image_shapes",
        "caption_shapes",
        "translate_ende_shapes",
        "translate_ende_shapes_rev",
        "translate_enfr_shapes",
        "translate_enfr_shapes_rev",
        "parsing_shapes",
        "speech_shapes",
    ),
    "the eight problems of the shapes world: pictures, sound, translation, parsing",
)
