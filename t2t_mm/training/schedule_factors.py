"""Tensor2Tensor's product schedules: learning_rate_schedule=constant*linear_warmup*rsqrt_decay.

Each factor is computed as in its utils/learning_rate.py (1.15). As there, the hparam learning_rate
plays no part: the factor `constant` is learning_rate_constant. What differs:

- A warm-up, or a decay, over 0 steps is one over 1 step; Tensor2Tensor divided by zero.
- linear_decay and cosdecay with learning_rate_decay_steps=0 take the steps in all.
- The factor `legacy` is a schedule of its own here: noam, exp, rsqrt, cosine, step.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from t2t_mm.errors import unknown
from t2t_mm.hparam import HParams

Factor = Callable[[float], float]


def is_product(name: str) -> bool:
    """True if a learning_rate_schedule names factors: several, or one that no schedule is."""
    return "*" in name or (name in FACTORS and name != "constant")


def product(text: str, hparams: HParams, train_steps: int) -> Callable[[int], float]:
    """The product of the named factors.

    Args:
      text: names of factors, separated by "*".
      hparams: the learning_rate fields and hidden_size.
      train_steps: steps in all.

    Raises:
      UnknownNameError: for an unknown factor.
    """
    factors = []
    for name in (part.strip() for part in text.split("*") if part.strip()):
        if name not in FACTORS:
            raise unknown(
                "learning rate factor", name, FACTORS, "the hparam learning_rate_schedule"
            )
        factors.append(FACTORS[name](hparams, train_steps))
    return lambda step: math.prod(factor(float(step)) for factor in factors)


def _warmup(hparams: HParams) -> int:
    return max(1, hparams.learning_rate_warmup_steps)


def _length(hparams: HParams, train_steps: int) -> int:
    return max(1, hparams.learning_rate_decay_steps or train_steps)


def _constant(hparams: HParams, train_steps: int) -> Factor:
    return lambda step: hparams.learning_rate_constant


def _linear_warmup(hparams: HParams, train_steps: int) -> Factor:
    """The step over the warm-up, at most 1: the first update has rate 0."""
    return lambda step: min(1.0, step / _warmup(hparams))


def _linear_decay(hparams: HParams, train_steps: int) -> Factor:
    """The steps left over the length, between 0 and 1."""
    length = _length(hparams, train_steps)
    return lambda step: min(1.0, max(0.0, (train_steps - step) / length))


def _cosdecay(hparams: HParams, train_steps: int) -> Factor:
    """1 in the warm-up, then half a cosine that began at step 0 (OpenAI's GPT)."""
    warmup, length = hparams.learning_rate_warmup_steps, _length(hparams, train_steps)
    return lambda step: 1.0 if step <= warmup else 0.5 * (1 + math.cos(math.pi * step / length))


def _rsqrt_decay(hparams: HParams, train_steps: int) -> Factor:
    return lambda step: max(step, _warmup(hparams)) ** -0.5


def _rsqrt_normalized_decay(hparams: HParams, train_steps: int) -> Factor:
    """rsqrt_decay, 1 until the end of the warm-up."""
    return lambda step: math.sqrt(_warmup(hparams) / max(step, _warmup(hparams)))


def _exp_decay(hparams: HParams, train_steps: int) -> Factor:
    """learning_rate_decay_rate once every learning_rate_decay_steps after the warm-up."""
    warmup, length = hparams.learning_rate_warmup_steps, _length(hparams, train_steps)
    return lambda step: hparams.learning_rate_decay_rate ** max(0.0, (step - warmup) / length)


def _rsqrt_hidden_size(hparams: HParams, train_steps: int) -> Factor:
    return lambda step: hparams.hidden_size**-0.5


FACTORS: dict[str, Callable[[HParams, int], Factor]] = {
    "constant": _constant,
    "linear_warmup": _linear_warmup,
    "linear_decay": _linear_decay,
    "cosdecay": _cosdecay,
    "rsqrt_decay": _rsqrt_decay,
    "rsqrt_normalized_decay": _rsqrt_normalized_decay,
    "exp_decay": _exp_decay,
    "rsqrt_hidden_size": _rsqrt_hidden_size,
}
