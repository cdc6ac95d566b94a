"""Exact tasks over symbols, made from the seed as Tensor2Tensor makes them.

Training sequences have up to 40 symbols and dev up to 400, so dev asks whether what was learnt
holds for longer ones; hparam eval_max_length says how much of it is used. Numbers stand with
their lowest digit first. T2T stores the numbers of symbols; here a symbol is a character and one
piece of the vocabulary that all of these problems share: digits, then letters, + and *. A text
begins with one more piece, SentencePiece's sign for its beginning.
"""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.problem import Sample, Split, Text2TextProblem
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance

_BINARY, _DECIMAL = "01", "0123456789"
_SHIFTED = str.maketrans(_DECIMAL, "abcdefghij")
# These three together have every symbol.
_VOCABULARY = vocabulary(
    "algorithmic",
    512,
    "algorithmic_shift_decimal40",
    "algorithmic_addition_decimal40",
    "algorithmic_multiplication_decimal40",
    characters=True,
)


class AlgorithmicProblem(Text2TextProblem):
    """A text to what follows from it.

    Attributes:
      symbols: what inputs are made of; there are as many as the base of the numbers.
      longest: symbols of the inputs at most, of each split.
      cases: examples of each split.
    """

    symbols: ClassVar[str]
    longest: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 40, Split.DEV: 400}
    cases: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 100_000, Split.DEV: 10_000}
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 10, Split.DEV: 1}
    vocabulary = _VOCABULARY
    metrics = ("exact_match", "cer")
    provenance = Provenance(
        homepage="", licence="none needed", examples={"train": 100_000, "dev": 10_000}
    )

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        """Yields the cases; what is drawn depends on the seed, the problem and the split alone."""
        del tmp_dir
        source = random.Random(f"{seed} {self.data_name} {split.value}")
        for _ in range(self.cases[split]):
            inputs, targets = self.case(source, self.longest[split])
            yield {"inputs": inputs, "targets": targets}

    def case(self, source: random.Random, longest: int) -> tuple[str, str]:
        """One text of 1 to `longest` symbols, every length as likely, and its answer."""
        length = source.randrange(longest) + 1
        inputs = "".join(source.choices(self.symbols, k=length))
        return inputs, self.answer(inputs)

    def answer(self, inputs: str) -> str:
        """The right answer to a text."""
        raise NotImplementedError(f"{type(self).__name__} must define answer")


class Identity(AlgorithmicProblem):
    """A text to itself."""

    command = "to_same"

    def answer(self, inputs: str) -> str:
        return inputs


class Reverse(AlgorithmicProblem):
    """A text to its symbols from the last to the first."""

    command = "to_reversed"

    def answer(self, inputs: str) -> str:
        return inputs[::-1]


class Arithmetic(AlgorithmicProblem):
    """Two numbers to what an operation makes of them.

    Attributes:
      sign: between the numbers.
      operation: what is done.
    """

    sign: ClassVar[str]
    operation: ClassVar[Callable[[int, int], int]]

    def case(self, source: random.Random, longest: int) -> tuple[str, str]:
        first = source.randrange(longest // 2) + 1
        second = source.randrange(longest - first - 1) + 1
        inputs = self.sign.join(self._number(source, length) for length in (first, second))
        return inputs, self.answer(inputs)

    def _number(self, source: random.Random, length: int) -> str:
        """A number of `digits` digits: the last, its highest, is 0 only where it is the one."""
        digits = "".join(source.choices(self.symbols, k=length - 1))
        return digits + source.choice(self.symbols[1 if length > 1 else 0 :])

    def answer(self, inputs: str) -> str:
        base = len(self.symbols)
        one, other = (int(digits[::-1], base) for digits in inputs.split(self.sign))
        result = type(self).operation(one, other)
        return (str(result) if base == 10 else f"{result:b}")[::-1]


class Addition(Arithmetic):
    """Two numbers to their sum."""

    sign = "+"
    operation = operator.add


class Multiplication(Arithmetic):
    """Two numbers to their product."""

    sign = "*"
    operation = operator.mul


@registry.register_problem("algorithmic_identity_binary40")
class AlgorithmicIdentityBinary40(Identity):
    """Binary symbols to themselves."""

    symbols = _BINARY


@registry.register_problem("algorithmic_identity_decimal40")
class AlgorithmicIdentityDecimal40(Identity):
    """Decimal symbols to themselves."""

    symbols = _DECIMAL


@registry.register_problem("algorithmic_shift_decimal40")
class AlgorithmicShiftDecimal40(AlgorithmicProblem):
    """Decimal symbols to ten other ones, each its own: 0 to a, 9 to j; dev up to 80 symbols."""

    symbols = _DECIMAL
    longest: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 40, Split.DEV: 80}
    command = "to_shifted"

    def answer(self, inputs: str) -> str:
        return inputs.translate(_SHIFTED)


@registry.register_problem("algorithmic_reverse_binary40")
class AlgorithmicReverseBinary40(Reverse):
    """Binary symbols in reverse order."""

    symbols = _BINARY


@registry.register_problem("algorithmic_reverse_decimal40")
class AlgorithmicReverseDecimal40(Reverse):
    """Decimal symbols in reverse order."""

    symbols = _DECIMAL


@registry.register_problem("algorithmic_addition_binary40")
class AlgorithmicAdditionBinary40(Addition):
    """Two binary numbers, lowest digit first, to their sum: 01+11 to 101."""

    symbols = _BINARY
    command = "to_binary_sum"  # 01+11 may be decimal too


@registry.register_problem("algorithmic_addition_decimal40")
class AlgorithmicAdditionDecimal40(Addition):
    """Two decimal numbers, lowest digit first, to their sum: 82+5 to 33."""

    symbols = _DECIMAL
    command = "to_decimal_sum"


@registry.register_problem("algorithmic_multiplication_binary40")
class AlgorithmicMultiplicationBinary40(Multiplication):
    """Two binary numbers, lowest digit first, to their product: 01*11 to 011."""

    symbols = _BINARY
    command = "to_binary_product"


@registry.register_problem("algorithmic_multiplication_decimal40")
class AlgorithmicMultiplicationDecimal40(Multiplication):
    """Two decimal numbers, lowest digit first, to their product: 21*5 to 06."""

    symbols = _DECIMAL
    command = "to_decimal_product"


@registry.register_problem("algorithmic_sort_decimal40")
class AlgorithmicSortDecimal40(AlgorithmicProblem):
    """Decimal symbols from the lowest to the highest."""

    symbols = _DECIMAL
    command = "to_sorted"

    def answer(self, inputs: str) -> str:
        return "".join(sorted(inputs))
