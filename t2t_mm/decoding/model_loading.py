"""A trained model from its run directory alone: no data, no problem's code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from t2t_mm.decoding.answering import answers
from t2t_mm.decoding.bounds import input_bounds
from t2t_mm.decoding.combinations import combination
from t2t_mm.decoding.decoder import Decoded, Decoder
from t2t_mm.decoding.encoded_inputs import EncodedInputs
from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.inputs import LargeInput, Raw, unprepared_note
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.decoding.target_scores import scores
from t2t_mm.errors import UserError
from t2t_mm.hparam import HParams
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Task
from t2t_mm.runs import checkpoints
from t2t_mm.runs.model_making import make_model
from t2t_mm.runs.replicas import Replicas
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.trained_run import open_run, task_named
from t2t_mm.runs.weights import load_weights, without_raw

_log = logging.getLogger("t2t_mm")


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
    _noted: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
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
        """The decoder for all calls with the same settings, so that each path is traced once."""
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
        return task_named(self.tasks, problem, flag)

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
        report: Callable[[int], None] | None = None,
    ) -> list[Decoded]:
        """Answers each input.

        Args:
          problem: one of the model's problems, or what `task_between` gave.
          inputs: text (str or UTF-8 bytes); or images or sounds, each a path or an encoded
            file's bytes; or, of a problem with several inputs, a mapping of these by name.
          settings: how to search, or text such as "beam_size=1"; None: as t2t-decoder does.
          report: called with the number of newly answered inputs after every batch.

        Returns:
          The answer to each, in the order of the inputs, which are batched by length.

        Raises:
          UnknownNameError: for a problem that the model was not trained on.
          HParamError: for settings that are wrong.
          DataError: for an input that cannot be read, or (LargeInput) is too large: its number.
          UserError: if `inputs` is one string, not a list.
        """
        asked = self._asked(problem, inputs)
        chosen = _settings(settings)
        contents = self._contents(asked, chosen)
        decoder = self.decoder_for(chosen)
        done: dict[int, Decoded] = {}
        for found in answers(decoder, asked, contents, self.hparams, done):
            done |= found
            if report:
                report(len(found))
        return [done[index] for index in range(len(asked))]

    def score(
        self, problem: str | Task, inputs: Sequence[Raw], targets: Sequence[str]
    ) -> list[float]:
        """The log-probabilities of given answers.

        Args:
          problem, inputs: as for `decode`.
          targets: the answer to each input: a text, or a label's name.

        Returns:
          The natural logarithm of each answer's probability, its end included.

        Raises:
          UserError: as `decode`; for an unknown label; or if there is not one answer per input.
        """
        if isinstance(targets, (str, bytes)) or len(targets) != len(inputs):
            raise UserError(f"score takes one target per input: a list of {len(inputs)}.")
        asked = self._asked(problem, inputs, targets)
        contents = self._contents(asked, DecodeSettings())
        found: dict[int, float] = {}
        for part in scores(self.decoder, asked, contents, self.hparams, self.vocabularies):
            found |= part
        return [found[index] for index in range(len(asked))]

    def _asked(
        self, problem: str | Task, inputs: Sequence[Raw], targets: Sequence[str] | None = None
    ) -> list[DecodeInput]:
        if isinstance(inputs, (str, bytes)):
            raise UserError("decode takes a list of inputs; put the one input into a list.")
        task = self.task(problem) if isinstance(problem, str) else problem
        if note := self._note_once(task):
            _log.warning(note)
        others: Sequence[str | None] = targets or [None] * len(inputs)
        return [
            DecodeInput(task, raw, None, target) for raw, target in zip(inputs, others, strict=True)
        ]

    def _note_once(self, task: Task) -> str:
        """A note on how the task's texts are read, the first time that it is asked."""
        if task.name in self._noted:
            return ""
        self._noted.add(task.name)
        return unprepared_note([task])

    def _contents(self, asked: Sequence[DecodeInput], settings: DecodeSettings) -> EncodedInputs:
        """Checks what is asked, none of it too large.

        Raises:
          LargeInput: with the number of the first that is.
        """
        bounds = input_bounds(self.hparams, settings)
        contents = EncodedInputs(asked, self.vocabularies, bounds=bounds)
        for index, sentence in contents.left_out.items():
            raise LargeInput(f"inputs[{index}]: {sentence}" if len(asked) > 1 else sentence)
        return contents


def _settings(settings: DecodeSettings | str | None) -> DecodeSettings:
    if isinstance(settings, str):
        return DecodeSettings().override(settings)
    return DecodeSettings() if settings is None else settings


def load(output_dir: str | Path, checkpoint: str | Path | None = None) -> LoadedModel:
    """Restores the model of a run directory.

    Args:
      output_dir: what t2t-trainer wrote; its data are not needed.
      checkpoint: None or "latest"; "best"; or the path of one, such as RUN/checkpoints/model-1000.
        Where it has a moving average of the weights (hparam ema_decay), the model gets that;
        ":raw" at the end, as in "latest:raw", asks for the weights themselves.

    Raises:
      CheckpointError: if the directory or the checkpoint is missing, incomplete, or of another
        model.
    """
    run = open_run(output_dir)
    checkpoint, averaged = without_raw(checkpoint)
    path = checkpoints.resolve_checkpoint(run.output_dir, checkpoint)
    tasks = list(run.tasks.values())
    model = make_model(run.record.model, tasks, run.hparams, run.record.seed, Replicas())
    load_weights(path, model, tasks, averaged)
    return LoadedModel(model, run.tasks, run.vocabularies, run.hparams, run.record, path)
