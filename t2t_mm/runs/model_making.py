"""Makes a joint model from names and values, the same variables under the same names every time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import keras

from t2t_mm.errors import HParamError, UserError
from t2t_mm.hparam import HParams
from t2t_mm.models.body import Body
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Task
from t2t_mm.registry import MODELS
from t2t_mm.runs.replicas import Replicas, ReplicaSeeds
from t2t_mm.runs.share_seeds import ShareSeeds

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")

Result = TypeVar("Result")


def make_model(
    model: str, tasks: Sequence[Task], hparams: HParams, seed: int, replicas: Replicas
) -> JointModel:
    """A model with all its variables at their initial values.

    Args:
      model: the registered name of the body.
      tasks: the problems that it is for.
      hparams: of the body's own kind.
      seed: of the initial values and of dropout.
      replicas: the devices that hold the variables.

    Raises:
      HParamError: for an unknown precision, hparams of another model, or networks that do not
        fit the data.
      UserError: if the model refuses a problem.
    """
    if hparams.precision not in PRECISIONS:
        raise HParamError(
            f"hparam 'precision' must be one of {', '.join(PRECISIONS)}, got '{hparams.precision}'."
        )
    body_class = MODELS.get(model)
    check_fields(model, body_class, hparams)
    refuse_unfit(model, body_class, tasks)
    fitted = body_class.fitted(hparams, tasks)

    def make() -> JointModel:
        keras.utils.set_random_seed(seed)
        keras.config.set_dtype_policy(hparams.precision)
        with replicas.scope():
            seeds = (ReplicaSeeds if replicas.count > 1 else ShareSeeds)(seed, name="seeds")
            body = body_class.from_hparams(fitted, seeds)
            return JointModel(tasks, body, hparams, seeds, name="joint")

    return in_fresh_keras(make)


def with_networks(model: str, hparams: HParams) -> HParams:
    """The hparams with the networks that a model wants for kinds of data, unless some are chosen.

    They are then part of the run's record: how data are prepared depends on them.
    """
    networks = MODELS.get(model).modalities
    if hparams.modalities or not networks:
        return hparams
    text = ";".join(f"{kind}:{name}" for kind, name in sorted(networks.items()))
    return hparams.replace(modalities=text)


def check_fields(model: str, body_class: type[Body], hparams: HParams) -> None:
    """Refuses the hparams of another model.

    Raises:
      HParamError: names the fields that are missing.
    """
    missing = [name for name in body_class.hparam_fields if not hasattr(hparams, name)]
    if missing:
        raise HParamError(
            f"the hparams set lacks what the model '{model}' needs ({', '.join(missing)}); choose "
            "a set made for it with --hparams_set."
        )


def refuse_unfit(model: str, body_class: type[Body], tasks: Sequence[Task]) -> None:
    """Refuses problems that a model does not fit.

    Raises:
      UserError: says which problem, and why.
    """
    for task in tasks:
        if reason := body_class.refuses(task):
            raise UserError(f"model '{model}' {reason}; choose another with --model.")


def in_fresh_keras(make: Callable[[], Result]) -> Result:
    """Runs `make` where Keras has counted no names yet, and with a dtype policy of its own.

    Keras keeps both per thread. A second model of a process would else be named "multi_model_1",
    and its checkpoints fit no other process.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="model") as thread:
        return thread.submit(make).result()
