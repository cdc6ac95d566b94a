"""`export`: a trained model as a SavedModel that needs no t2t_mm, in TensorFlow Serving's folders.

It loads with TensorFlow and tensorflow-text alone. What is in it: docs/export.md.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from t2t_mm.decoding.inputs import unprepared_note
from t2t_mm.decoding.model_loading import LoadedModel, load
from t2t_mm.decoding.run_flags import problem_list
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import UserError
from t2t_mm.files.paths import literal_path
from t2t_mm.problem import Task
from t2t_mm.serving.export.description import describe
from t2t_mm.serving.export.examples import raw_examples, shown_examples
from t2t_mm.serving.export.quality import Quality, quality
from t2t_mm.serving.export.saving import write_version
from t2t_mm.serving.export.signatures import Exportable, is_exportable
from t2t_mm.serving.export.weights import FLOAT32

DEFAULT_FOLDER = "export"  # in the run directory

Log = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """The result of `export`.

    Attributes:
      path: the version's folder.
      bytes: of all its files.
      weight_bytes: of the weights in them.
      quality: problem -> metrics before and after, where they were asked for.
    """

    path: Path
    bytes: int
    weight_bytes: int
    quality: dict[str, Quality] = field(default_factory=dict)


def export(
    output_dir: str | Path,
    export_dir: str | Path | None = None,
    problems: str | Sequence[str] | None = None,
    checkpoint: str | Path | None = None,
    decode_hparams: str = "",
    weights: str = FLOAT32,
    data_dir: str | Path | None = None,
    eval_examples: int = 0,
    log: Log = print,
) -> Exported:
    """Writes a SavedModel with the signatures NAME and explain_NAME for each problem.

    Args:
      output_dir: the run directory.
      export_dir: where the version's folder is made; None: export/ in the run directory.
      problems: those to export, with all that they need and nothing else; None: all whose inputs
        an export can read.
      checkpoint: None or "latest"; "best"; or a checkpoint's path.
      decode_hparams: fields of DecodeSettings, such as "beam_size=4,alpha=0.6".
      weights: "float32", "float16" or "int8".
      data_dir: the generated data, for examples to try and for the quality; None: neither.
      eval_examples: of the dev split of every problem, to measure the quality with; 0: none.
      log: is told what was written.

    Returns:
      Where it is, its size, and its quality.

    Raises:
      UserError: for what cannot be exported, or a run that cannot be loaded.
    """
    settings = DecodeSettings().override(decode_hparams)
    folder = literal_path(export_dir or Path(output_dir) / DEFAULT_FOLDER, "--export_dir")
    _check(data_dir, eval_examples)
    loaded = load(output_dir, checkpoint)
    tasks = _chosen(loaded, problems, log)
    if note := unprepared_note(tasks.values()):
        log(note)
    held_out = {
        name: raw_examples(task, data_dir or "", loaded.vocabularies, eval_examples)
        for name, task in tasks.items()
        if eval_examples
    }  # before what takes long
    made = _exportable(loaded, tasks, settings, weights)
    run = {
        "model": loaded.record.model,
        "hparams_set": loaded.record.hparams_set,
        "step": loaded.step,
        "weights": weights,
    }
    description = describe(tasks, settings, _examples(loaded, tasks, data_dir), **run)
    path = write_version(made, description, folder, loaded.step)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    log(
        f"wrote {path}: {size / 1e6:.2f} MB for {_problems(tasks)}, of which the {weights} "
        f"weights {made.weights.bytes / 1e6:.2f} MB"
    )
    found = {}
    if eval_examples:
        before = None
        if weights != FLOAT32:
            before = _exportable(loaded, tasks, settings, FLOAT32)
        found = quality(path, before, tasks, held_out)
        for problem, one in found.items():
            log("\n".join(one.lines(problem, weights)))
    return Exported(path, size, made.weights.bytes, found)


def _check(data_dir: str | Path | None, eval_examples: int) -> None:
    if eval_examples < 0:
        raise UserError(f"--eval_examples must be 0 or more, got {eval_examples}.")
    if eval_examples and not data_dir:
        raise UserError(
            "--eval_examples needs the generated data; name their folder in --data_dir."
        )


def _chosen(loaded: LoadedModel, problems: str | Sequence[str] | None, log: Log) -> dict[str, Task]:
    text = problems if problems is None or isinstance(problems, str) else ",".join(problems)
    names = problem_list(text, loaded.tasks)
    if names is None:
        names = sorted(name for name, task in loaded.tasks.items() if is_exportable(task))
        left_out = sorted(loaded.tasks.keys() - set(names))
        if left_out:
            log(f"left out, for an export cannot read their inputs: {', '.join(left_out)}")
    return {name: loaded.tasks[name] for name in names}


def _exportable(
    loaded: LoadedModel, tasks: Mapping[str, Task], settings: DecodeSettings, weights: str
) -> Exportable:
    return Exportable(
        loaded.model, list(tasks.values()), loaded.hparams, loaded.vocabularies, settings, weights
    )


def _examples(
    loaded: LoadedModel, tasks: Mapping[str, Task], data_dir: str | Path | None
) -> dict[str, list[Any]]:
    """Examples as a REST client would send them: text as it is, files in base64."""
    if not data_dir:
        return {}
    found: dict[str, list[Any]] = {}
    for name, inputs in shown_examples(tasks, data_dir, loaded.vocabularies):
        found[name] = [_row(tasks[name], one) for one in inputs]
    return found


def _row(task: Task, inputs: Mapping[str, bytes]) -> Any:
    """A REST row: one input alone, or an object of several."""
    row = {
        name: {"b64": base64.b64encode(inputs[name]).decode()}
        if kind.suffixes
        else inputs[name].decode()
        for name, kind in task.inputs.items()
    }
    return row if len(row) > 1 else next(iter(row.values()))


def _problems(tasks: Mapping[str, Task]) -> str:
    return f"{len(tasks)} problem{'s' if len(tasks) > 1 else ''}"
