"""Smaller corpora: talks (English to Vietnamese) and image descriptions (Multi30k)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.problem import Dropped, Sample, Split
from t2t_mm.problems.translate import TranslateProblem, needs
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFiles, TfdsData

_IWSLT = {
    Split.TRAIN: (("train.en", "train.vi"),),
    Split.DEV: (("tst2012.en", "tst2012.vi"),),
    Split.TEST: (("tst2013.en", "tst2013.vi"),),
}


@registry.register_problem("translate_envi_iwslt32k")
class TranslateEnviIwslt32k(TranslateProblem):
    """English to Vietnamese TED talks, a vocabulary of 32k.

    Stanford's files of IWSLT15 (dev tst2012, test tst2013), or TFDS's ted_multi_translate, whose
    parts are other ones and larger.
    """

    language = "vi"
    command = "to_vietnamese"
    vocabulary = vocabulary("translate_envi_iwslt", 32_768, "translate_envi_iwslt32k")
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 8, Split.DEV: 1, Split.TEST: 1}
    corpora: ClassVar = {"lines": _IWSLT}
    provenance = Provenance(
        homepage="https://nlp.stanford.edu/projects/nmt/",
        licence="TED talks, CC BY-NC-ND 4.0",
        examples={"train": 133_317, "dev": 1_553, "test": 1_268},
        download_bytes=352_000_000,
        tfds=(
            TfdsData(
                "ted_multi_translate",
                {"train": "train", "dev": "validation", "test": "test"},
                "plain_text",
                "1.",
            ),
        ),
        files=(RawFiles("lines", needs(_IWSLT), "*iwslt*|*en-vi*"),),
    )

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample | Dropped]:
        texts = record.texts("translations/translation")
        told = dict(zip(record.texts("translations/language"), texts, strict=True))
        if "en" in told and "vi" in told:  # each talk is in some of sixty languages
            yield {"inputs": told["en"], "targets": told["vi"]}


class TranslateMulti30k(TranslateProblem):
    """Image descriptions of Flickr30k and their translations, task 1 of Multi30k."""

    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 4, Split.DEV: 1}

    def __init_subclass__(cls, **options: object):
        super().__init_subclass__(**options)
        parts = {Split.TRAIN: "train", Split.DEV: "val"}
        splits = {s: ((f"{name}.en", f"{name}.{cls.language}"),) for s, name in parts.items()}
        cls.corpora = {"lines": splits}
        cls.provenance = Provenance(
            homepage="https://github.com/multi30k/dataset",
            licence="Flickr30k's terms: non-commercial research and education",
            examples={"train": 29_000, "dev": 1_014},
            download_bytes=1_500_000,
            files=(RawFiles("lines", needs(splits), "*multi30k*|raw"),),
            access="download train.* and val.* from data/task1/raw of that repository",
        )


@registry.register_problem("translate_ende_multi30k")
class TranslateEndeMulti30k(TranslateMulti30k):
    """English to German image descriptions of Multi30k."""

    language = "de"
    command = "to_german"
    vocabulary = vocabulary("translate_ende_multi30k", 8192, "translate_ende_multi30k")


@registry.register_problem("translate_enfr_multi30k")
class TranslateEnfrMulti30k(TranslateMulti30k):
    """English to French image descriptions of Multi30k."""

    language = "fr"
    command = "to_french"
    vocabulary = vocabulary("translate_enfr_multi30k", 8192, "translate_enfr_multi30k")


@registry.register_problem("translate_encs_multi30k")
class TranslateEncsMulti30k(TranslateMulti30k):
    """English to Czech image descriptions of Multi30k."""

    language = "cs"
    command = "to_czech"
    vocabulary = vocabulary("translate_encs_multi30k", 8192, "translate_encs_multi30k")
