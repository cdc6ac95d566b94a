"""BLEU, chrF and TER, by sacrebleu; and which of its tokenisers belongs to a language."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from t2t_mm.evaluation.metrics.statistics import Answers, References, Statistics

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric


DEFAULT_TOKENIZER = "13a"  # sacrebleu's own

# Languages without spaces between words: sacrebleu's tokeniser and the modules that it needs.
_TOKENIZERS = {"zh": ("zh", ()), "ja": ("ja-mecab", ("MeCab", "ipadic"))}
_WITHOUT = "char"  # where these modules are not installed


def bleu_tokenizer(language: str) -> str:
    """sacrebleu's tokeniser for text of a language.

    Args:
      language: a code such as "de", "zh" or "zh-TW"; "" where nobody said.

    Returns:
      "zh" for Chinese; "ja-mecab" for Japanese where sacrebleu[ja] is installed, "char" where it
      is not; "13a" for every other language.
    """
    code = language.lower().replace("_", "-").partition("-")[0]
    name, modules = _TOKENIZERS.get(code, (DEFAULT_TOKENIZER, ()))
    return name if all(map(importlib.util.find_spec, modules)) else _WITHOUT


def bleu(answers: Answers) -> Statistics:
    """Corpus BLEU, 0 to 100, against all references of each output; sacrebleu's defaults.

    The tokeniser is that of the answers' language.
    """
    return bleu_variant("bleu", answers, tokenize=bleu_tokenizer(answers.language))


def bleu_variant(name: str, answers: Answers, **options: Any) -> Statistics:
    """BLEU by other rules than sacrebleu's defaults.

    Args:
      name: of the figure.
      answers: the outputs.
      options: of `sacrebleu.metrics.BLEU`, such as lowercase and tokenize.
    """
    from sacrebleu.metrics.bleu import BLEU

    return sacrebleu_statistics(name, BLEU(force=True, **options), answers)


def chrf(answers: Answers) -> Statistics:
    """Corpus chrF2, 0 to 100."""
    return chrf_variant("chrf", answers)


def chrf_variant(name: str, answers: Answers, **options: Any) -> Statistics:
    """chrF by other rules: `options` of `sacrebleu.metrics.CHRF`."""
    from sacrebleu.metrics.chrf import CHRF

    return sacrebleu_statistics(name, CHRF(**options), answers)


def ter(answers: Answers) -> Statistics:
    """Translation edit rate, from 0 upwards, 100 being an edit per word; lower is better."""
    return ter_variant("ter", answers)


def ter_variant(name: str, answers: Answers, **options: Any) -> Statistics:
    """TER by other rules: `options` of `sacrebleu.metrics.TER`."""
    from sacrebleu.metrics.ter import TER

    return sacrebleu_statistics(name, TER(**options), answers)


def sacrebleu_statistics(name: str, metric: Metric, answers: Answers) -> Statistics:
    """The statistics of each sentence, as sacrebleu's own significance tests take them.

    sacrebleu has no public name for these two methods; its module `significance` goes by them.
    """
    # Its annotation does not say that it takes None, too, where a sentence has fewer references.
    references = cast("list[list[str]]", streams(answers.references))
    rows = metric._extract_corpus_statistics(list(answers.outputs), references)
    counts = all(isinstance(value, int) for row in rows for value in row)

    def figures(sums: np.ndarray) -> dict[str, float]:
        # Counts are integers to sacrebleu, which formats some of them; TER's lengths are means.
        values = [int(value) for value in sums] if counts else list(sums)
        return {name: float(metric._compute_score_from_stats(values).score)}

    return Statistics(np.array(rows, np.float64), figures, str(metric.get_signature()))


def streams(references: References) -> list[list[str | None]]:
    """References by their place in the lists, as sacrebleu takes them; None where one has fewer."""
    most = max(len(rs) for rs in references)
    return [[rs[i] if i < len(rs) else None for rs in references] for i in range(most)]
