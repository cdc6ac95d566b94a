"""Run directories of random values over the tiny problems, and the logits of their models."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm import usr_dir
from t2t_mm.data.batches.pipeline import evaluation_batches
from t2t_mm.data.binding import bind, load_vocabularies
from t2t_mm.data.generation.api import generate
from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.files.writing import write_atomically
from t2t_mm.lookup import find_problems
from t2t_mm.models.joint import JointModel
from t2t_mm.registry import HPARAMS
from t2t_mm.runs.checkpoints import Checkpoints, by_path, find
from t2t_mm.runs.data_digests import training_digests
from t2t_mm.runs.groups import variable_groups
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.weights import load_weights
from t2t_mm.training.moving_average import ExponentialMovingAverage
from t2t_mm.training.optimizer_choice import make_optimizer
from tests.training.tiny_runs import MULTI_MODEL, PROBLEMS_DIR

ALL = "tiny_colours,tiny_digits,tiny_digits_rev"
# Few blocks: half of a test's time is spent on making variables.
HPARAMS_TEXT = f"{MULTI_MODEL['hparams']},num_experts=5,encoder_blocks=0,mixer_blocks=0"


def make_data(data_dir: Path) -> None:
    """Generates the tiny problems' data, where they are missing."""
    usr_dir.load(str(PROBLEMS_DIR))
    generate(find_problems(ALL), data_dir, num_workers=1, log=lambda line: None)


def make_run(
    output_dir: Path, data_dir: Path, problems: str, hparams: str = HPARAMS_TEXT, step: int = 7
) -> Path:
    """A run directory as training leaves it at `step`; every value in it is random.

    Args:
      output_dir: where.
      data_dir: of the problems.
      problems: names.
      hparams: changes to multimodel_tiny.
      step: of the checkpoint.
    """
    tasks = [bind(problem, data_dir) for problem in find_problems(problems)]
    values = HPARAMS.get("multimodel_tiny")().override(hparams)
    model = make_model("multi_model", tasks, values, 3, Replicas())
    groups = variable_groups(model, tasks)
    slots = make_optimizer(values).build(groups)
    slots += ExponentialMovingAverage(values.ema_decay, groups).slots
    trained = [variable.value for variable in model.trainable_variables]
    rng = np.random.default_rng(step)
    for variable in [*trained, *(slot.variable for slot in slots)]:
        noise = rng.normal(0, 0.3, variable.shape)
        if variable.dtype.is_integer:
            noise = rng.integers(1, 1000)
        variable.assign(tf.cast(noise, variable.dtype) + variable)
    vocabularies = load_vocabularies(tasks, data_dir)
    for name, vocabulary in vocabularies.items():
        (output_dir / "vocab").mkdir(parents=True, exist_ok=True)
        write_atomically(vocabulary_path(name, output_dir / "vocab"), vocabulary.model)
    output_dir.mkdir(parents=True, exist_ok=True)
    RunRecord(
        model="multi_model",
        hparams_set="multimodel_tiny",
        hparams=values.to_dict(),
        tasks={task.name: task.to_dict() for task in tasks},
        seed=3,
        vocabularies={name: vocabulary.digest for name, vocabulary in vocabularies.items()},
        train_steps=step,
        data=training_digests(tasks, data_dir),
    ).write(output_dir)
    Checkpoints(output_dir, by_path(model.variables), slots, {}).save(step, {})
    return output_dir


@functools.cache
def loaded(output_dir: Path, averaged: bool = True) -> JointModel:
    """The model of a run directory with its trained weights."""
    record = RunRecord.read(output_dir)
    tasks = record.bound_tasks()
    model = make_model(record.model, tasks, record.bound_hparams(), record.seed, Replicas())
    load_weights(find(output_dir), model, tasks, averaged)
    return model


@functools.cache
def logits(output_dir: Path, data_dir: Path, problem: str, averaged: bool = True) -> np.ndarray:
    """Of the first development batch of a problem, each target given the true ones before it."""
    record = RunRecord.read(output_dir)
    (task,) = [task for task in record.bound_tasks() if task.name == problem]
    hparams = record.bound_hparams()
    batch: dict[str, Any] = next(iter(evaluation_batches(task, "dev", data_dir, hparams)))
    model = loaded(output_dir, averaged)
    command = np.int32(model.command_id(task))
    found, _ = model.forward(model.route(task), batch, batch["targets"], command)
    return np.array(found)
