"""The settings of a training run, checked, and its result."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from t2t_mm.errors import UserError, unknown
from t2t_mm.files.paths import literal_path
from t2t_mm.hparam import HParams
from t2t_mm.problem import Problem
from t2t_mm.registry import MIXING_POLICIES, MODALITIES, MODELS, OPTIMIZERS

if TYPE_CHECKING:
    from t2t_mm.models.joint import JointModel

DATA_DIR = "~/t2t_data"
TRAIN_DIR = "~/t2t_train"

# Tensor2Tensor's schedules that train or evaluate. continuous_train_and_eval is train_and_evaluate.
EVALUATE, EVALUATE_TRAIN = "evaluate", "evaluate_on_train_data"
SCHEDULES = ("train", "train_and_evaluate", "continuous_train_and_eval", EVALUATE, EVALUATE_TRAIN)


@dataclass(frozen=True)
class Settings:
    """The arguments of `train` (api.py), names resolved."""

    problems: tuple[Problem, ...]
    model: str
    hparams_set: str
    hparams: HParams
    data_dir: Path
    output_dir: Path
    train_steps: int | None  # None: the hparam train_steps
    eval_steps: int
    local_eval_frequency: int
    keep_checkpoint_max: int
    random_seed: int
    warm_start_from: str | None
    schedule: str
    save_checkpoints_secs: float = 0.0
    keep_checkpoint_every_n_hours: float | None = None
    log_step_count_steps: int | None = None

    @property
    def total_steps(self) -> int:
        """Steps in all."""
        return self.train_steps or self.hparams.train_steps

    def checked(self) -> Settings:
        """Checks the settings, and fills train_steps in.

        Raises:
          UserError: for an unknown name, a number out of range, or a path that TensorFlow takes
            for a pattern.
        """
        MODELS.entry(self.model)
        self.hparams.check()
        literal_path(self.output_dir, "--output_dir")
        if self.warm_start_from is not None:
            literal_path(self.warm_start_from, "--warm_start_from")
        if not self.hparams.optimizer.startswith("keras."):  # those are known when Keras is there
            OPTIMIZERS.entry(self.hparams.optimizer)
        MIXING_POLICIES.entry(self.hparams.problem_choice)
        _check_networks(self.hparams)
        if self.schedule not in SCHEDULES:
            raise unknown("schedule", self.schedule, SCHEDULES, "--schedule")
        least = {
            "train_steps": 1,
            "eval_steps": 0,
            "local_eval_frequency": 1,
            "keep_checkpoint_max": 0,
            "random_seed": 0,
            "save_checkpoints_secs": 0,
            "log_step_count_steps": 1,
        }
        for field, smallest in least.items():
            value = getattr(self, field)
            if value is not None and value < smallest:
                raise UserError(f"--{field} must be {smallest} or more, got {value}.")
        hours = self.keep_checkpoint_every_n_hours
        if hours is not None and not hours > 0:
            raise UserError(f"--keep_checkpoint_every_n_hours must be above 0, got {hours:g}.")
        return dataclasses.replace(self, train_steps=self.total_steps)


def _check_networks(hparams: HParams) -> None:
    """Raises UnknownNameError for a modality that is not registered, with its hparam's name."""
    ending = "_modality"
    named = {name: getattr(hparams, name) for name in hparams.types() if name.endswith(ending)}
    chosen = [(name, value) for name, value in named.items() if value]
    pairs = filter(None, hparams.modalities.split(";"))
    chosen += [("modalities", pair.partition(":")[2]) for pair in pairs]
    for name, value in chosen:
        if value not in MODALITIES:
            raise unknown("modality", value, MODALITIES, f"the hparam {name}")


@dataclass(frozen=True)
class TrainResult:
    """The result of a run.

    Attributes:
      step: steps done in all.
      metrics: problem -> steps, the last train loss, the development metrics and, where decoded,
        the metrics of decoded outputs.
      output_dir: the run directory.
      model: the trained model, with the weights of the last step, not averaged.
    """

    step: int
    metrics: dict[str, dict[str, float]]
    output_dir: Path
    model: JointModel


def default_output_dir(problems: str, model: str, hparams_set: str) -> str:
    """~/t2t_train/<problems or mixture, joined by dashes>/<model>-<hparams_set>."""
    names = sorted({part.strip() for part in problems.split(",") if part.strip()})
    folder = re.sub(r"[^\w.\-]", "_", "-".join(names))
    return f"{TRAIN_DIR}/{folder}/{model}-{hparams_set}"
