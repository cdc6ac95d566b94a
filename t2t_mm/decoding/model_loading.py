"""A trained model from its run directory alone: no data, no problem's code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from t2t_mm.decoding.combinations import combination
from t2t_mm.decoding.decoder import Decoded, Decoder
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.decoding.trained_run import read_run
from t2t_mm.errors import unknown
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Task
from t2t_mm.runs import checkpoints
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.weights import load_weights, without_raw

if TYPE_CHECKING:
    from t2t_mm.decoding.inputs import Raw


@dataclass(frozen=True)
class LoadedModel:
    """A trained model and what it takes to use it.

    Attributes:
      model: with its trained weights.
      tasks: its problems, by name.
      vocabularies: by name.
      hparams: that it was trained with.
      record: the contents of run.json.
      checkpoint: the path that the weights come from.
    """

    model: JointModel
    tasks: dict[str, Task]
    vocabularies: dict[str, Vocabulary]
    hparams: HParams
    record: RunRecord
    checkpoint: str
    _decoders: dict[DecodeSettings, Decoder] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def step(self) -> int:
        """Training steps of the weights; -1 if the checkpoint's name does not tell."""
        return checkpoints.step_of(self.checkpoint)

    @property
    def decoder(self) -> Decoder:
        """The one that searches as t2t-decoder does without --decode_hparams."""
        return self.decoder_for(DecodeSettings())

    def decoder_for(self, settings: DecodeSettings) -> Decoder:
        """One for all calls with the same settings, so that each path is traced once."""
        if settings not in self._decoders:
            self._decoders[settings] = Decoder(
                self.model, self.hparams, self.vocabularies, settings
            )
        return self._decoders[settings]

    def task(self, problem: str, flag: str = "--problem") -> Task:
        """The task of that name.

        Raises:
          UnknownNameError: if the model was not trained on it.
        """
        if problem not in self.tasks:
            raise unknown("problem of this model", problem, self.tasks, flag)
        return self.tasks[problem]

    def task_between(self, inputs_of: str, targets_of: str, command: str | None = None) -> Task:
        """The task from the inputs of one problem to the targets of another, to decode or score.

        It need not have been trained; see `combinations.combination`.
        """
        found = combination(self.tasks, inputs_of, targets_of, command)
        if found.zero_shot:
            self.model.combine(found.task, inputs_of, targets_of)
        return found.task

    def decode(
        self,
        problem: str | Task,
        inputs: Sequence[Raw],
        settings: DecodeSettings | str | None = None,
    ) -> list[Decoded]:
        """Answers each input; see `decoding.api.decode`."""
        from t2t_mm.decoding.api import decode

        return decode(self, problem, inputs, settings)

    def score(
        self, problem: str | Task, inputs: Sequence[Raw], targets: Sequence[str]
    ) -> list[float]:
        """The log-probability of each given answer; see `decoding.api.score`."""
        from t2t_mm.decoding.api import score

        return score(self, problem, inputs, targets)


def load(output_dir: str | Path, checkpoint: str | Path | None = None) -> LoadedModel:
    """Restores the model of a run directory.

    Args:
      output_dir: what t2t-trainer wrote; its data are not needed.
      checkpoint: None or "latest"; "best"; or the path of one, such as RUN/checkpoints/model-1000.
        Where it has a sliding average of the weights (hparam ema_decay), the model gets that;
        ":raw" at the end, as in "latest:raw", asks for the weights themselves.

    Raises:
      CheckpointError: if the directory or the checkpoint is missing, incomplete, or of another
        model.
    """
    run = read_run(output_dir)
    checkpoint, averaged = without_raw(checkpoint)
    path = checkpoints.find_meant(run.output_dir, checkpoint)
    tasks = list(run.tasks.values())
    model = make_model(run.record.model, tasks, run.hparams, run.record.seed, Replicas())
    load_weights(path, model, tasks, averaged)
    return LoadedModel(model, run.tasks, run.vocabularies, run.hparams, run.record, path)
