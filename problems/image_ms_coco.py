"""MS COCO captions: a photo to an English sentence, on words' pieces or on characters.

In training each caption is an example; in evaluation each photo is one, and all of its captions,
mostly five, are right answers. Splits are those of 2014, as in Tensor2Tensor: TFDS has them in
Karpathy's parts, which are put together again.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.data.sources.readers import Coco, Reader
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.kinds.preparation import one_space
from t2t_mm.problem import Dropped, Image2TextProblem, Sample, Split
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFiles, TfdsData

_YEARS = {Split.TRAIN: "train2014", Split.DEV: "val2014"}


class ImageMsCoco(NamedProblem, Image2TextProblem):
    """The base of all vocabularies."""

    image_size = 299
    flip = False  # captions say left and right
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 100, Split.DEV: 10}
    provenance = Provenance(
        homepage="https://cocodataset.org/",
        licence="captions CC BY 4.0; photos under Flickr's terms of use",
        examples={"train": 413_915, "dev": 40_504},
        download_bytes=19_900_000_000,
        tfds=(
            TfdsData("coco_captions", {"train": "train", "dev": "val+test+restval"}, "2014", "1."),
        ),
        files=(
            RawFiles(
                "coco",
                (
                    "annotations/captions_train2014.json",
                    "annotations/captions_val2014.json",
                    "train2014",
                    "val2014",
                ),
            ),
        ),
    )

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample | Dropped]:
        captions = [text for text in map(one_space, record.texts("captions/text")) if text]
        image = functools.partial(record.blob, "image")  # read by the worker that writes it
        if not captions:
            yield Dropped("no caption")
        elif split is Split.TRAIN:
            for caption in captions:
                yield {"inputs": image, "targets": caption}
        else:
            yield {"inputs": image, "targets": captions[0], "references": captions}

    def reader(self, files: RawFiles, split: Split) -> Reader:
        year = _YEARS[split]
        return Coco(medium="image", annotations=f"annotations/captions_{year}.json", pictures=year)


@registry.register_problem("image_ms_coco_tokens8k")
class ImageMsCocoTokens8k(ImageMsCoco):
    """COCO photos at 299 x 299 to English captions, a vocabulary of 8k; the paper's problem."""

    vocabulary = vocabulary("image_ms_coco", 8192, "image_ms_coco_tokens8k")


@registry.register_problem("image_ms_coco_tokens32k")
class ImageMsCocoTokens32k(ImageMsCoco):
    """COCO photos at 299 x 299 to English captions, a vocabulary of 32k."""

    vocabulary = vocabulary("image_ms_coco", 32_768, "image_ms_coco_tokens32k")


@registry.register_problem("image_ms_coco_characters")
class ImageMsCocoCharacters(ImageMsCoco):
    """COCO photos at 299 x 299 to English captions, letter by letter."""

    vocabulary = vocabulary("image_ms_coco", 512, "image_ms_coco_characters", characters=True)
    loss_weight = 2.0  # as in T2T
