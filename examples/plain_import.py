"""A problem registered by a plain import and trained from Python; run this file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import t2t_mm
from t2t_mm import registry
from t2t_mm.problem import Sample, Split, Text2ClassProblem


@registry.register_problem("count_vowels")
class CountVowels(Text2ClassProblem):
    """A word to whether it has an even or an odd number of vowels."""

    labels = ("even", "odd")
    consonants, vowels = "bdgklmnprst", "aeiou"

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        words = [c + v + d + w for c in self.consonants for v in self.vowels
                 for d in self.consonants for w in ("", *self.vowels)]  # fmt: skip
        part = {Split.TRAIN: 0, Split.DEV: 1, Split.TEST: 2}[split]
        for index, word in enumerate(words):
            if min(index % 10, 2) == (part + 2) % 3:
                vowels = sum(letter in self.vowels for letter in word)
                yield {"inputs": word, "targets": self.labels[vowels % 2]}


def main(train_steps: int = 200) -> None:
    """Trains the problem jointly with a translation of the shapes world."""
    with tempfile.TemporaryDirectory() as folder:
        result = t2t_mm.train(
            problems="count_vowels,translate_ende_shapes",
            model="multi_model",
            hparams_set="multimodel_tiny",
            data_dir=f"{folder}/data",
            output_dir=f"{folder}/run",
            train_steps=train_steps,
            generate_data=True,
        )
        print(result.metrics)


if __name__ == "__main__":
    main()
