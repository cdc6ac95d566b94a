"""Cleaning of text before it is learnt, and the examples that are left out: stated, and counted.

Token lengths are no business of this: how many tokens a model takes is an hparam (selection.py).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from t2t_mm.kinds.preparation import Rules, prepare
from t2t_mm.problem import TARGETS, Broken, Dropped, Problem, Sample, Split


@dataclass(frozen=True)
class TextRules:
    """Applied to the samples of a problem, in the order of the fields.

    Evaluation leaves out nothing but what is empty: a score is over the whole set.

    Attributes:
      one_line: runs of white space become one space. Decoded text is compared line by line.
      lowercase: text becomes lower case.
      cut_inputs: inputs end after at most this number of words, in evaluation too.
      max_words: training examples with more words in a text are left out.
      max_ratio: training examples one of whose texts has more than this factor times the words of
        the other are left out: mostly they are not translations.
      distinct: training examples whose two texts are the same are left out.
    """

    one_line: bool = True
    lowercase: bool = False
    cut_inputs: int | None = None
    max_words: int | None = None
    max_ratio: float | None = None
    distinct: bool = False

    def describe(self) -> str:
        """The rules in words, for manifests and tables."""
        words = {
            "one_line": "runs of white space become one space",
            "lowercase": "lower case",
            "cut_inputs": f"inputs cut after {self.cut_inputs} words",
            "max_words": f"training texts over {self.max_words} words left out",
            "max_ratio": f"training pairs over {self.max_ratio:g} times as long left out"
            if self.max_ratio
            else "",
            "distinct": "training pairs of equal texts left out",
        }
        used = [
            words[field.name] for field in dataclasses.fields(self) if getattr(self, field.name)
        ]
        return "; ".join([*used, "empty texts left out"])

    def apply(
        self, sample: Sample | Dropped | Broken, problem: Problem, split: Split
    ) -> Sample | Dropped | Broken:
        """The cleaned sample, or the reason why it is left out.

        Texts that are functions (made by the worker that needs them) are left as they are.
        """
        if isinstance(sample, (Dropped, Broken)):
            return sample
        cleaned = dict(sample)
        texts = []
        for name, kind in problem.kinds.items():
            if kind.text_vocabulary and not kind.is_absent and isinstance(sample[name], str):
                rules = self.of_targets if name == TARGETS else self.of_inputs
                cleaned[name] = prepare(sample[name], rules)
                texts.append(cleaned[name])
        if problem.targets.text_vocabulary and "references" in sample:
            references = (prepare(text, self.of_targets) for text in sample["references"])
            cleaned["references"] = [text for text in references if text]
        reason = self._reason(texts, split)
        return Dropped(reason) if reason else cleaned

    @property
    def of_targets(self) -> Rules:
        """The preparation of a target, see kinds/preparation.py."""
        used = {"one_space": self.one_line, "lowercase": self.lowercase}
        return tuple(rule for rule, on in used.items() if on)

    @property
    def of_inputs(self) -> Rules:
        """The preparation of an input."""
        cut = () if self.cut_inputs is None else (f"cut_words:{self.cut_inputs}",)
        return (*self.of_targets, *cut)

    def _reason(self, texts: list[str], split: Split) -> str | None:
        if not all(text.strip() for text in texts):
            return "empty"
        if split is not Split.TRAIN:
            return None
        counts = [len(text.split()) for text in texts]
        if self.max_words and max(counts, default=0) > self.max_words:
            return f"longer than {self.max_words} words"
        if self.max_ratio and len(counts) == 2 and max(counts) > self.max_ratio * min(counts):
            return f"over {self.max_ratio:g} times as long"
        if self.distinct and len(texts) == 2 and texts[0] == texts[1]:
            return "equal texts"
        return None
