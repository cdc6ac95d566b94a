"""Learning rate schedules: plain functions of the step, computed on the host.

The rate enters a training step as a tensor, so a schedule costs the graph nothing. Steps count
from 0: the first update is made with the rate of step 0.

Tensor2Tensor divided the rate of Adam by 500; here nothing is hidden: `learning_rate` multiplies
what the schedule gives, and noam's own constant is 10 instead of 5000. Its products of factors,
"constant*linear_warmup*rsqrt_decay", are in schedule_factors.py.

One of your own: a function of the hparams and the steps in all that returns a `Schedule`, under
`registry.register_schedule`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.registry import SCHEDULES, register_schedule
from t2t_mm.training.schedule_factors import is_product, product

Schedule = Callable[[int], float]

# T2T's exp500k multiplies by 0.9999955 a step: exp(-2.25) over its 500k steps.
_EXP_DECAY = 2.25
# Every schedule but noam warms up exponentially from 1 % of its rate, as in Tensor2Tensor.
_WARMUP_START = 0.01


def make_schedule(hparams: HParams, train_steps: int) -> Schedule:
    """The learning rate as a function of the step.

    Args:
      hparams: the learning_rate fields and hidden_size.
      train_steps: steps in all; the end of exp, and of cosine with learning_rate_decay_steps=0.

    Raises:
      UnknownNameError: for an unknown learning_rate_schedule.
      HParamError: for a negative number of steps, or what a schedule cannot do.
    """
    for field in ("learning_rate_warmup_steps", "learning_rate_decay_steps"):
        if getattr(hparams, field) < 0:
            raise HParamError(f"hparam '{field}' must be 0 or more, got {getattr(hparams, field)}.")
    name = hparams.learning_rate_schedule
    if is_product(name):
        return product(name, hparams, train_steps)
    decay = SCHEDULES.get(name)(hparams, train_steps)
    return lambda step: hparams.learning_rate * decay(step)


def depends_on_train_steps(hparams: HParams) -> bool:
    """True if a run with more train_steps has other rates from the start."""
    name = hparams.learning_rate_schedule
    if name == "cosine" or "cosdecay" in name:
        return hparams.learning_rate_decay_steps == 0
    if name == "step":
        return any(boundary < 1 for boundary in hparams.learning_rate_boundaries)
    return name == "exp" or "linear_decay" in name


@register_schedule
def noam(hparams: HParams, train_steps: int) -> Schedule:
    """10 d^-0.5 min((s+1) W^-1.5, (s+1)^-0.5): linear warm-up, then 1/sqrt (arXiv 1706.03762).

    With W = 0 there is no warm-up.
    """
    scale = 10.0 * hparams.hidden_size**-0.5
    warmup = max(1, hparams.learning_rate_warmup_steps)
    return lambda step: scale * min((step + 1) * warmup**-1.5, (step + 1) ** -0.5)


@register_schedule
def exp(hparams: HParams, train_steps: int) -> Schedule:
    """1 until the last N steps, then r^(steps since), with r^N = e^-2.25; T2T's exp500k for N=500k.

    Differs from Tensor2Tensor in a run shorter than N: there the decay was already under way at
    the first step; here it begins with it.
    """
    length = hparams.learning_rate_decay_steps or train_steps
    begin = max(hparams.learning_rate_warmup_steps, train_steps - length)

    def decay(step: int) -> float:
        return math.exp(-_EXP_DECAY * max(0, step - begin) / length)

    return _warmed_up(hparams, decay)


@register_schedule
def rsqrt(hparams: HParams, train_steps: int) -> Schedule:
    """1 until W, then sqrt(W / s)."""
    warmup = max(1, hparams.learning_rate_warmup_steps)
    return _warmed_up(hparams, lambda step: math.sqrt(warmup / max(step, warmup)))


@register_schedule
def cosine(hparams: HParams, train_steps: int) -> Schedule:
    """Half a cosine from 1 at W to 0 at learning_rate_decay_steps, or train_steps if that is 0."""
    begin = hparams.learning_rate_warmup_steps
    end = max(begin + 1, hparams.learning_rate_decay_steps or train_steps)

    def decay(step: int) -> float:
        done = min(1.0, max(0.0, (step - begin) / (end - begin)))
        return 0.5 * (1.0 + math.cos(math.pi * done))

    return _warmed_up(hparams, decay)


@register_schedule
def constant(hparams: HParams, train_steps: int) -> Schedule:
    """1 after the warm-up."""
    return _warmed_up(hparams, lambda step: 1.0)


@register_schedule
def step(hparams: HParams, train_steps: int) -> Schedule:
    """1, and from each of learning_rate_boundaries on a smaller factor.

    A boundary below 1 is a share of the run, another one a step. The factors are those of
    learning_rate_multiples, none of which builds on the one before, as Tensor2Tensor's "piecewise";
    where that is empty, learning_rate_decay_rate to the power of the boundaries passed.
    """
    shares = hparams.learning_rate_boundaries
    boundaries = [share * train_steps if share < 1 else share for share in shares]
    factors = hparams.learning_rate_multiples or tuple(
        hparams.learning_rate_decay_rate ** (i + 1) for i in range(len(boundaries))
    )
    if boundaries != sorted(boundaries) or len(factors) != len(boundaries):
        raise HParamError(
            "hparam 'learning_rate_boundaries' must rise, with as many learning_rate_multiples or "
            f"none, got {list(shares)} and {list(hparams.learning_rate_multiples)}."
        )

    def decay(step: int) -> float:
        passed = sum(step >= boundary for boundary in boundaries)
        return (1.0, *factors)[passed]

    return _warmed_up(hparams, decay)


def _warmed_up(hparams: HParams, decay: Schedule) -> Schedule:
    """Tensor2Tensor's warm-up: 0.01^((W-s)/W) before step W, on top of `decay`."""
    warmup = hparams.learning_rate_warmup_steps

    def schedule(step: int) -> float:
        if step >= warmup:
            return decay(step)
        return decay(step) * _WARMUP_START ** ((warmup - step) / warmup)

    return schedule
