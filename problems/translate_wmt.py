"""News translation of WMT, by Tensor2Tensor's names: German, French, Czech, Romanian, Chinese.

Dev and test are newstest2013 and newstest2014, or for Romanian and Chinese the dev and test sets of
the first year that had them. Text is cleaned as `translate.TranslateProblem.rules` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.cleaning import TextRules
from t2t_mm.problem import Split
from t2t_mm.problems.translate import TranslateProblem, needs
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFiles, TfdsData

Corpora = Mapping[Split, tuple[tuple[str, str], ...]]

_LICENCE = (
    "free for research, see the page of each corpus (Europarl, Common Crawl, News Commentary)"
)
_SHARDS = {Split.TRAIN: 100, Split.DEV: 1, Split.TEST: 1}
_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def _lines(language: str) -> Corpora:
    """The layout of Stanford's copies, and of most home-made ones."""
    names = {Split.TRAIN: "train", Split.DEV: "newstest2013", Split.TEST: "newstest2014"}
    return {split: ((f"{name}.en", f"{name}.{language}"),) for split, name in names.items()}


def _downloads(pair: str, language: str, train: tuple[tuple[str, str], ...]) -> Corpora:
    """WMT's own files, unpacked, as T2T's datagen leaves them in its tmp_dir."""
    test = f"dev/newstest2014-{pair}"
    return {
        Split.TRAIN: train,
        Split.DEV: (("dev/newstest2013.en", f"dev/newstest2013.{language}"),),
        Split.TEST: ((f"{test}-src.en.sgm", f"{test}-ref.{language}.sgm"),),
    }


def _files(corpora: Mapping[str, Corpora], folder: str) -> tuple[RawFiles, ...]:
    return tuple(
        RawFiles(key, needs(splits), folder if key == "lines" else "")
        for key, splits in corpora.items()
    )


class TranslateEndeWmt(TranslateProblem):
    """English to German of WMT14: Europarl v7, Common Crawl, News Commentary."""

    language = "de"
    command = "to_german"
    shards: ClassVar[Mapping[Split, int]] = _SHARDS
    corpora: ClassVar[Mapping[str, Corpora]] = {
        "lines": _lines("de"),
        "wmt": _downloads(
            "deen",
            "de",
            (
                ("training*/europarl-v7.de-en.en", "training*/europarl-v7.de-en.de"),
                ("commoncrawl.de-en.en", "commoncrawl.de-en.de"),
                (
                    "training*/news-commentary-v*.de-en.en",
                    "training*/news-commentary-v*.de-en.de",
                ),
            ),
        ),
    }
    provenance = Provenance(
        homepage="https://www.statmt.org/wmt14/translation-task.html",
        licence=_LICENCE,
        examples={"train": 4_592_289, "dev": 3_000, "test": 3_003},
        download_bytes=1_730_000_000,
        tfds=(
            TfdsData("wmt_t2t_translate", _SPLITS, "de-en", "1."),
            TfdsData("wmt14_translate", _SPLITS, "de-en", "1."),
        ),
        files=_files(corpora, "*ende*"),
    )


@registry.register_problem("translate_ende_wmt8k")
class TranslateEndeWmt8k(TranslateEndeWmt):
    """English to German news of WMT14, a vocabulary of 8k; with its _rev the paper's problems."""

    vocabulary = vocabulary("translate_ende_wmt", 8192, "translate_ende_wmt8k")


@registry.register_problem("translate_ende_wmt32k")
class TranslateEndeWmt32k(TranslateEndeWmt):
    """English to German news of WMT14, a vocabulary of 32k."""

    vocabulary = vocabulary("translate_ende_wmt", 32_768, "translate_ende_wmt32k")


class TranslateEnfrWmt(TranslateProblem):
    """English to French of WMT14: Europarl v7, Common Crawl, News Commentary, UN, 10^9 words."""

    language = "fr"
    command = "to_french"
    shards: ClassVar[Mapping[Split, int]] = {**_SHARDS, Split.TRAIN: 200}
    corpora: ClassVar[Mapping[str, Corpora]] = {
        "lines": _lines("fr"),
        "wmt": _downloads(
            "fren",
            "fr",
            (
                ("commoncrawl.fr-en.en", "commoncrawl.fr-en.fr"),
                ("training*/europarl-v7.fr-en.en", "training*/europarl-v7.fr-en.fr"),
                (
                    "training*/news-commentary-v*.fr-en.en",
                    "training*/news-commentary-v*.fr-en.fr",
                ),
                ("giga-fren.release2.fixed.en", "giga-fren.release2.fixed.fr"),
                ("un/undoc.2000.fr-en.en", "un/undoc.2000.fr-en.fr"),
            ),
        ),
    }
    provenance = Provenance(
        homepage="https://www.statmt.org/wmt14/translation-task.html",
        licence=_LICENCE,
        examples={"train": 40_836_715, "dev": 3_000, "test": 3_003},
        download_bytes=6_000_000_000,
        tfds=(TfdsData("wmt14_translate", _SPLITS, "fr-en", "1."),),
        files=_files(corpora, "*enfr*"),
    )


@registry.register_problem("translate_enfr_wmt8k")
class TranslateEnfrWmt8k(TranslateEnfrWmt):
    """English to French news of WMT14, a vocabulary of 8k; with its _rev the paper's problems."""

    vocabulary = vocabulary("translate_enfr_wmt", 8192, "translate_enfr_wmt8k")


@registry.register_problem("translate_enfr_wmt32k")
class TranslateEnfrWmt32k(TranslateEnfrWmt):
    """English to French news of WMT14, a vocabulary of 32k."""

    vocabulary = vocabulary("translate_enfr_wmt", 32_768, "translate_enfr_wmt32k")


@registry.register_problem("translate_encs_wmt32k")
class TranslateEncsWmt32k(TranslateProblem):
    """English to Czech news of WMT14, a vocabulary of 32k."""

    language = "cs"
    command = "to_czech"
    vocabulary = vocabulary("translate_encs_wmt", 32_768, "translate_encs_wmt32k")
    shards: ClassVar[Mapping[Split, int]] = _SHARDS
    corpora: ClassVar[Mapping[str, Corpora]] = {"lines": _lines("cs")}
    provenance = Provenance(
        homepage="https://www.statmt.org/wmt14/translation-task.html",
        licence=f"{_LICENCE}; CzEng asks for registration",
        examples={"train": 953_621, "dev": 3_000, "test": 3_003},
        download_bytes=1_690_000_000,
        tfds=(TfdsData("wmt14_translate", _SPLITS, "cs-en", "1."),),
        files=_files(corpora, "*encs*"),
    )


class TranslateEnroWmt(TranslateProblem):
    """English to Romanian of WMT16: Europarl v8 and SETIMES; newsdev2016 and newstest2016."""

    language = "ro"
    command = "to_romanian"
    shards: ClassVar[Mapping[Split, int]] = {**_SHARDS, Split.TRAIN: 16}
    corpora: ClassVar[Mapping[str, Corpora]] = {
        "lines": {
            Split.TRAIN: (("train.en", "train.ro"),),
            Split.DEV: (("newsdev2016.en", "newsdev2016.ro"),),
            Split.TEST: (("newstest2016.en", "newstest2016.ro"),),
        }
    }
    provenance = Provenance(
        homepage="https://www.statmt.org/wmt16/translation-task.html",
        licence=_LICENCE,
        examples={"train": 610_320, "dev": 1_999, "test": 1_999},
        download_bytes=340_000_000,
        tfds=(TfdsData("wmt16_translate", _SPLITS, "ro-en", "1."),),
        files=_files(corpora, "*enro*"),
    )


@registry.register_problem("translate_enro_wmt8k")
class TranslateEnroWmt8k(TranslateEnroWmt):
    """English to Romanian news of WMT16, a vocabulary of 8k."""

    vocabulary = vocabulary("translate_enro_wmt", 8192, "translate_enro_wmt8k")


@registry.register_problem("translate_enro_wmt32k")
class TranslateEnroWmt32k(TranslateEnroWmt):
    """English to Romanian news of WMT16, a vocabulary of 32k."""

    vocabulary = vocabulary("translate_enro_wmt", 32_768, "translate_enro_wmt32k")


class TranslateEnzhWmt(TranslateProblem):
    """English to Chinese of WMT17: News Commentary, UN, CWMT; newsdev2017 and newstest2017."""

    language = "zh"
    command = "to_chinese"
    # Chinese has no spaces between words: their number tells nothing of the length.
    rules = TextRules(max_words=250)
    shards: ClassVar[Mapping[Split, int]] = _SHARDS
    corpora: ClassVar[Mapping[str, Corpora]] = {
        "lines": {
            Split.TRAIN: (("train.en", "train.zh"),),
            Split.DEV: (("newsdev2017.en", "newsdev2017.zh"),),
            Split.TEST: (("newstest2017.en", "newstest2017.zh"),),
        }
    }
    provenance = Provenance(
        homepage="https://www.statmt.org/wmt17/translation-task.html",
        licence=_LICENCE,
        examples={"train": 25_136_609, "dev": 2_002, "test": 2_001},
        download_bytes=2_170_000_000,
        tfds=(TfdsData("wmt17_translate", _SPLITS, "zh-en", "1."),),
        files=_files(corpora, "*enzh*"),
    )


@registry.register_problem("translate_enzh_wmt8k")
class TranslateEnzhWmt8k(TranslateEnzhWmt):
    """English to Chinese news of WMT17, a vocabulary of 8k."""

    vocabulary = vocabulary("translate_enzh_wmt", 8192, "translate_enzh_wmt8k")


@registry.register_problem("translate_enzh_wmt32k")
class TranslateEnzhWmt32k(TranslateEnzhWmt):
    """English to Chinese news of WMT17, a vocabulary of 32k."""

    vocabulary = vocabulary("translate_enzh_wmt", 32_768, "translate_enzh_wmt32k")
