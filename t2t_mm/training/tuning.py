"""Frozen variables and learning rates of their own: freeze and learning_rate_multipliers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import keras
import numpy as np

from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.models.joint import JointModel
from t2t_mm.runs.groups import Groups
from t2t_mm.runs.patterns import matchable_paths, matching, split


@dataclass(frozen=True)
class Tuning:
    """Frozen variables, and factors on the learning rate.

    Attributes:
      frozen: paths of variables that training leaves as they are: no gradient, no decay, no slots,
        no average; statistics of batches among them stay too.
      kept: path -> 1 where a variable may change and 0 where not, in its shape: the table of
        commands, whose rows may be frozen one by one.
      factors: path -> factor on the learning rate.
    """

    frozen: frozenset[str] = frozenset()
    kept: Mapping[str, np.ndarray] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, hparams: HParams, model: JointModel) -> Tuning:
        """Reads the hparams.

        Raises:
          HParamError: for a pattern that matches no variable, a factor that is no positive number,
            or when everything is frozen.
        """
        frozen: set[str] = set()
        if hparams.freeze:
            frozen = matching(hparams.freeze, matchable_paths(model), "freeze")
        kept = {}
        if model.commands is not None:
            path = model.commands.path
            rows = [f"{path}/{name}" not in frozen for name in model.command_names]
            if not any(rows):
                frozen.add(path)
            elif not all(rows):
                kept[path] = np.repeat(np.asarray(rows, np.float32)[:, None], model.hidden_size, 1)
        if frozen.issuperset(variable.path for variable in model.trainable_variables):
            raise HParamError(
                f"hparam 'freeze' is '{hparams.freeze}', which freezes every variable of the "
                "model; leave something to train."
            )
        return cls(frozenset(frozen), kept, _factors(hparams.learning_rate_multipliers, model))

    def trained(self, groups: Groups) -> dict[str, list[keras.Variable]]:
        """The groups without frozen variables."""
        left = {
            name: [variable for variable in group if variable.path not in self.frozen]
            for name, group in groups.items()
        }
        return {name: group for name, group in left.items() if group}

    def factor(self, variable: keras.Variable) -> float:
        """The factor on a variable's learning rate."""
        return self.factors.get(variable.path, 1.0)


def _factors(text: str, model: JointModel) -> dict[str, float]:
    """ "pattern:factor;..." -> path -> factor; the first pattern that matches a path counts."""
    paths = [variable.path for variable in model.trainable_variables]
    found: dict[str, float] = {}
    for item in split(text):
        pattern, colon, number = item.rpartition(":")
        factor = _number(number) if colon else None
        if factor is None or not 0 < factor < float("inf"):
            raise HParamError(
                f"hparam 'learning_rate_multipliers' got '{item}'; write pattern:factor with a "
                "factor above 0, such as joint/text*:0.1 (what is not to be trained goes into "
                "freeze)."
            )
        for path in matching(pattern, paths, "learning_rate_multipliers"):
            found.setdefault(path, factor)
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
