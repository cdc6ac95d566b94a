"""Mixtures over several families: the paper's eight problems, and smaller ones.

Each puts all of its text on one vocabulary, as the paper did. A mixture some of whose members are
not registered is left out.
"""

from __future__ import annotations

from t2t_mm import registry
from t2t_mm.lookup import split_suffixes
from t2t_mm.problem import VocabularySpec
from t2t_mm.registry import PROBLEMS

WMT4 = (
    "translate_ende_wmt8k",
    "translate_ende_wmt8k_rev",
    "translate_enfr_wmt8k",
    "translate_enfr_wmt8k_rev",
)
WITHOUT_SPEECH = ("image_imagenet", *WMT4, "image_ms_coco_tokens8k", "parsing_english_ptb8k")
MULTI30K = (
    "translate_ende_multi30k",
    "translate_ende_multi30k_rev",
    "translate_enfr_multi30k",
    "translate_enfr_multi30k_rev",
)
VISION = (
    "image_imagenet32",
    "image_cifar10",
    "image_cifar100",
    "image_mnist",
    "image_fashion_mnist",
)
GLUE = (
    "cola",
    "msr_paraphrase_corpus",
    "multi_nli",
    "question_nli",
    "quora_question_pairs",
    "rte",
    "sentiment_sst_binary",
    "winograd_nli",
)
SMALL8 = (
    "image_cifar10",
    *MULTI30K,
    "sentiment_imdb",
    "parsing_english_ptb8k",
    "librispeech_clean_small",
)


def _register(
    name: str,
    problems: tuple[str, ...],
    summary: str,
    size: int | None,
    vocabulary: str | None = None,
    reads: tuple[str, ...] = (),
) -> None:
    """Registers a mixture; with a size, over a vocabulary of its own name or the one given.

    Args:
      name: of the mixture.
      problems: names of its problems.
      summary: one line.
      size: pieces of the vocabulary; None: each problem keeps its own.
      vocabulary: its name; None: vocab.NAME.
      reads: problems whose text the vocabulary is built over; none: all of them.
    """
    bases = sorted({split_suffixes(problem)[0] for problem in problems})
    if not all(base in PROBLEMS for base in bases):
        return
    if size:
        vocabulary = vocabulary or f"vocab.{name}"
        with_text = tuple(base for base in reads or bases if _has_text(base))
        spec = VocabularySpec(vocabulary, size, with_text)
        registry.VOCABULARIES.register(vocabulary, spec, f"all text of the mixture {name}")
    registry.register_mixture(name, problems, summary, vocabulary)


def _has_text(name: str) -> bool:
    return bool(PROBLEMS.get(name)(name).text_vocabularies)


_register(
    "paper8",
    (*WITHOUT_SPEECH, "wsj"),
    "the eight problems of the paper, on one vocabulary of 8k",
    8192,
    "vocab.multi8k",
)
_register(
    "paper8_librispeech",
    (*WITHOUT_SPEECH, "librispeech"),
    "the eight problems of the paper, with LibriSpeech, which everybody may have, for WSJ",
    8192,
)
_register("wmt4", WMT4, "German and French news of WMT14, both ways, on one vocabulary", 8192)
_register("multi30k", MULTI30K, "German and French of Multi30k, both ways", 8192)
# The vocabulary is the one that the mixture had before STS-B came to it.
_register(
    "glue", (*GLUE, "stsb"), "the tasks of GLUE, on one vocabulary", 8192, reads=tuple(sorted(GLUE))
)
_register("vision", VISION, "five sets of small pictures, on one entrance", None)
_register("small8", SMALL8, "what fits a laptop in a night: all modalities, small sets", 8192)
