"""The contract of metrics of decoded outputs; the built-in ones are registered in known.py.

One of your own, in a module that `--t2t_usr_dir` or a plug-in imports:

    @register_metric
    @metric(families={"text"})
    def first_word(answers: Answers) -> Statistics:
        '''Outputs whose first word is right.'''
        return mean_of("first_word", [...a number for each example...])

A problem names it in `metrics`, t2t-eval in --metrics, a run in the hparam keep_best_metric.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from t2t_mm.evaluation.metrics.statistics import Answers, Statistics

ANY = "any"  # the family of metrics that can score whatever is answered


@dataclass(frozen=True)
class Metric:
    """A metric by name.

    Attributes:
      name: that of its first figure.
      statistics: answers -> what each example adds, and what follows from the sums.
      summary: one line.
      families: names of the kinds whose answers it scores, or "any"; see `Kind.families`.
      higher_is_better: False for an error rate.
      percent: the value is already on 0 to 100, as BLEU is; otherwise a share, 0 to 1.
      numbers: those of its figures that are plain numbers instead, such as a mean count.
    """

    name: str
    statistics: Callable[[Answers], Statistics]
    summary: str
    families: frozenset[str] = frozenset({"text"})
    higher_is_better: bool = True
    percent: bool = False
    numbers: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        # The registry calls an object as its function is called, and says where that comes from.
        for name in ("__module__", "__qualname__"):
            object.__setattr__(self, name, getattr(self.statistics, name, "?"))
        object.__setattr__(self, "__name__", self.name)
        object.__setattr__(self, "__doc__", self.summary)

    def fits(self, families: Iterable[str]) -> bool:
        """True if it scores answers of a kind of those families."""
        return not self.families.isdisjoint({ANY, *families})


def metric(
    families: Iterable[str] = ("text",),
    *,
    higher_is_better: bool = True,
    percent: bool = False,
    numbers: Iterable[str] = (),
) -> Callable[[Callable[[Answers], Statistics]], Metric]:
    """Makes a metric of a function: its name is the function's, its summary the docstring's line.

    Args:
      families: names of the kinds whose answers it scores, or {"any"}.
      higher_is_better: False for an error rate.
      percent: whether it is on 0 to 100.
      numbers: those of its figures that are neither percentages nor shares.

    Raises:
      TypeError: if families is a text instead of several.
    """
    if isinstance(families, str):
        raise TypeError(f"families of a metric must be a set such as {{'{families}'}}, got a text")

    def make(function: Callable[[Answers], Statistics]) -> Metric:
        return Metric(
            name=function.__name__,
            statistics=function,
            summary=(inspect.getdoc(function) or "").partition("\n")[0],
            families=frozenset(families),
            higher_is_better=higher_is_better,
            percent=percent,
            numbers=frozenset(numbers),
        )

    return make
