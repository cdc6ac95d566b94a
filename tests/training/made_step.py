"""A tiny model of three problems, or of six, its optimizer and training step, and batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from t2t_mm.hparam import HParams
from t2t_mm.kinds import Image, Label, Number, Text
from t2t_mm.problem import Task
from t2t_mm.registry import HPARAMS
from t2t_mm.runs.groups import variable_groups
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas
from t2t_mm.training.dry_run import random_batch
from t2t_mm.training.moving_average import ExponentialMovingAverage
from t2t_mm.training.optimizer_choice import make_optimizer
from t2t_mm.training.step import TrainStep
from t2t_mm.training.step_stats import FIELDS
from t2t_mm.training.tuning import Tuning
from tests.training.tiny_runs import TRANSFORMER

TEXT = Text("vocab.x", 30)
PICTURE = Image(8)
LABEL = Label(("a", "b", "c"), "colours")
NUMBER = Number(0.0, 4.0)
SETS = Label(("a", "b", "c"), "sets", multiple=True)
ALL = [
    Task("colours", "colours", PICTURE, LABEL, "to_label"),
    Task("digits", "digits", TEXT, TEXT, "to_digits"),
    Task("words", "words", TEXT, TEXT, "to_words"),
    Task("asked", "asked", {"inputs": PICTURE, "question": TEXT}, LABEL, "to_label"),
    Task("counted", "counted", TEXT, NUMBER, "to_number"),
    Task("sets", "sets", PICTURE, SETS, "to_label"),
]
COLOURS, DIGITS, WORDS, ASKED, COUNTED, SETTLED = ALL
TASKS = ALL[:3]
RATE = 0.01


class Made:
    """A model, its optimizer's slots and its step."""

    def __init__(
        self,
        model: str = "transformer",
        text: str = "",
        tasks: Sequence[Task] = TASKS,
        **changes: Any,
    ):
        self.hparams: HParams = HPARAMS.get("transformer_tiny")().override(TRANSFORMER)
        self.hparams = self.hparams.replace(dropout=0.0, attention_dropout=0.0, **changes).override(
            text
        )
        self.model = make_model(model, tasks, self.hparams, 0, Replicas())
        tuning = Tuning.of(self.hparams, self.model)
        self.groups = tuning.trained(variable_groups(self.model, tasks))
        optimizer = make_optimizer(self.hparams)
        self.built = optimizer.build(self.groups)
        self.averages = ExponentialMovingAverage(self.hparams.ema_decay, self.groups)
        self.averages.start()
        self.step = TrainStep(
            self.model, self.groups, optimizer, self.hparams, Replicas(), self.averages, tuning
        )

    def __call__(self, task: Task, *batches: Any, loss_weight: float = 1.0) -> dict[str, float]:
        report = self.step(task, batches, loss_weight, RATE)
        return dict(zip(FIELDS, report.tolist(), strict=True))

    def slots(self) -> dict[str, np.ndarray]:
        """Name -> value, as a checkpoint holds them."""
        slots = [*self.built, *self.step.loss_scale.slots, *self.averages.slots]
        return {name: np.array(v) for slot in slots for name, v in slot.pieces().items()}

    def values(self) -> dict[str, np.ndarray]:
        return {v.path: v.numpy() for v in self.model.trainable_variables}

    def gradient(self, task: Task, batch: Any, loss_weight: float) -> tuple[float, list[Any]]:
        """The loss and its gradient, from the definition."""
        model, route = self.model, self.model.route(task)
        variables = [v.value for v in model.trainable_variables]
        with tf.GradientTape() as tape:
            logits, aux = model.forward(
                route, batch, batch["targets"], model.command_id(task), training=True
            )
            total, weight = model.loss(
                route, logits, batch["targets"], self.hparams.label_smoothing
            )
            loss = loss_weight * total / weight + aux
        gradient = tape.gradient(loss, variables)
        return float(total / weight), [
            g if g is None else tf.convert_to_tensor(g) for g in gradient
        ]


def text_batch() -> dict[str, tf.Tensor]:
    inputs = tf.constant([[5, 6, 7, 1], [8, 1, 0, 0]])
    targets = tf.constant([[9, 1, 0], [9, 10, 1]])
    return {"inputs": inputs, "inputs_length": tf.constant([4, 2]), "targets": targets}


def pictures() -> dict[str, tf.Tensor]:
    shapes = {"inputs": (4, 8, 8, 3), "inputs_length": (4,), "targets": (4,)}
    return random_batch(COLOURS, shapes)
