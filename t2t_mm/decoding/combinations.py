"""Unseen combinations: the inputs of one problem, the command and the targets of another.

A unified representation invites them (speech -> German, where only speech -> English and English ->
German were trained). The answers are marked as zero-shot wherever they go.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from t2t_mm.errors import UserError, unknown
from t2t_mm.problem import Task
from t2t_mm.runs.trained_run import task_named


@dataclass(frozen=True)
class Combination:
    """A path through the model.

    Attributes:
      task: the trained problem that takes it, or a task made up for it.
      inputs_of, targets_of: the problems whose sides it joins.
      command: what the decoder is told; None: the command of `targets_of`.
      zero_shot: whether no problem was trained on it.
    """

    task: Task
    inputs_of: str
    targets_of: str
    command: str | None
    zero_shot: bool

    @property
    def remark(self) -> str:
        """A note for readers of the answers."""
        if not self.zero_shot:
            return f"this is what problem '{self.task.name}' was trained on"
        return (
            f"zero-shot: no problem was trained from the inputs of '{self.inputs_of}' to the "
            f"targets of '{self.targets_of}' with the command '{self.task.command}'"
        )


def combination(
    tasks: Mapping[str, Task], inputs_of: str, targets_of: str, command: str | None = None
) -> Combination:
    """Joins two trained problems, which may be the same.

    Args:
      tasks: the model's problems, by name.
      inputs_of: the problem whose kind of inputs is read.
      targets_of: the problem whose kind of targets is written.
      command: what the decoder is told; None: the command of `targets_of`.

    Raises:
      UnknownNameError: for a problem or command that the model does not have.
      UserError: for a command where the targets are labels, which no decoder writes.
    """
    source = task_named(tasks, inputs_of, "--input_problem")
    target = task_named(tasks, targets_of, "--target_problem")
    _check_command(tasks, target, command)
    chosen = command or target.command
    for task in [source, *(tasks[name] for name in sorted(tasks))]:
        if _is_trained(task, source, target, chosen):
            return Combination(task, inputs_of, targets_of, command, zero_shot=False)
    joined = dataclasses.replace(
        target,
        name=_name(source, target, chosen),
        data_name=source.data_name,
        inputs=source.inputs,
        command=chosen,
        language=_language(tasks, target, chosen),
        reversed=source.reversed,
        copied=source.copied,
        train_examples=0,
    )
    return Combination(joined, inputs_of, targets_of, command, zero_shot=True)


def _language(tasks: Mapping[str, Task], target: Task, command: str) -> str:
    """The language of a target's text under a command: that of the problems with the command."""
    if command == target.command:
        return target.language
    return next((t.language for t in tasks.values() if t.command == command and t.language), "")


def _is_trained(task: Task, source: Task, target: Task, command: str) -> bool:
    """True if a problem goes from the one's inputs to the other's targets.

    Of images and sounds the kind decides. All languages of a vocabulary are one kind of text, so
    of texts it must be the very problem: German is not what "English to French" was trained on.
    """
    reads_text = any(kind.text_vocabulary for kind in source.inputs.values())
    if task is not source and (reads_text or _read(task) != _read(source)):
        return False
    if task.targets != target.targets:
        return False
    return task.command == command or not target.targets.decoded_by_tokens


def _read(task: Task) -> dict[str, Any]:
    """The inputs as decoding reads them: they are varied in training alone."""
    return {name: kind.without_augmentation() for name, kind in task.inputs.items()}


def _check_command(tasks: Mapping[str, Task], target: Task, command: str | None) -> None:
    if command is None:
        return
    if not target.targets.decoded_by_tokens:
        raise UserError(
            f"--command={command} means nothing to problem '{target.name}', whose targets are "
            f"{target.targets.plural}: no decoder writes them; leave --command out."
        )
    known = {task.command for task in tasks.values() if task.targets.decoded_by_tokens}
    if command not in known:
        raise unknown("command of this model", command, known, "--command")


def _name(source: Task, target: Task, command: str) -> str:
    name = source.name if source is target else f"{source.name}-to-{target.name}"
    return name if command == target.command else f"{name}.{command}"
