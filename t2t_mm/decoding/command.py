"""The run of t2t-decoder, in order: settings, inputs, model, answers, files.

Everything that can be wrong is found before the model is loaded, except what the model's weights
or a split's data alone can tell.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from t2t_mm.decoding.combinations import Combination, combination
from t2t_mm.decoding.file_decoding import answer_files, checked, score_files
from t2t_mm.decoding.input_files import (
    STANDARD_INPUT,
    DecodeInput,
    first_name,
    is_table,
    read_inputs,
    read_scored,
    read_table,
)
from t2t_mm.decoding.inputs import expanded, shown_input, unprepared_note
from t2t_mm.decoding.output_files import (
    MIXED,
    answer_line,
    check_writable,
    inputs_beside,
    path_name,
    search_name,
    suffix,
    write_lines,
)
from t2t_mm.decoding.run_flags import one_problem
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import UserError
from t2t_mm.runs.trained_run import TrainedRun, open_run

if TYPE_CHECKING:
    from t2t_mm.decoding.decoder import Decoded
    from t2t_mm.decoding.model_loading import LoadedModel
    from t2t_mm.decoding.splits import Answered
    from t2t_mm.problem import Task

    Scorer = Callable[[Task, list[Answered]], Mapping[str, float]]

_SHOWN = 10  # answers printed


@dataclass(frozen=True)
class DecodeRequest:
    """t2t-decoder's flags, by their names; `output_dir` and one way of decoding are given."""

    output_dir: str
    checkpoint_path: str = "latest"
    data_dir: str = ""
    problems: str | None = None
    input_problem: str | None = None
    target_problem: str | None = None
    command: str | None = None
    decode_from_file: str | None = None
    decode_split: str | None = None
    decode_interactive: bool = False
    score_file: str | None = None
    decode_to_file: str | None = None
    decode_hparams: str = ""
    num_samples: int | None = None


def run_request(request: DecodeRequest, score: Scorer) -> Path | None:
    """Does what the flags ask for.

    Args:
      request: the flags.
      score: task, its answered examples -> metric -> figure, for a split's last line. Decoding
        knows no metrics: t2t-decoder hands them in.

    Returns:
      The file with the answers to --decode_from_file; None where there is none.

    Raises:
      UserError: a sentence on what is wrong.
    """
    run = open_run(request.output_dir)
    settings = DecodeSettings().override(request.decode_hparams)
    asks_file = not (request.decode_split or request.decode_interactive)
    if asks_file and (note := unprepared_note(run.tasks.values())):
        _warn(note)
    if request.decode_interactive:
        _run_session(request, run, settings)
    elif request.decode_split:
        _answer_split(request, run, settings, score)
    elif request.score_file:
        _score(request, run, settings)
    else:
        return _answer_file(request, run, settings)
    return None


def _path(request: DecodeRequest, run: TrainedRun) -> Combination:
    """The problem, or the combination, that the flags name."""
    inputs_of, targets_of = request.input_problem, request.target_problem
    if inputs_of is None or targets_of is None:
        inputs_of = targets_of = one_problem(request.problems, run.tasks)
    return combination(run.tasks, inputs_of, targets_of, request.command)


def _load(request: DecodeRequest, path: Combination | None) -> LoadedModel:
    from t2t_mm.decoding.cores import disable_intra_op_threads
    from t2t_mm.decoding.model_loading import load

    if not request.decode_interactive:  # one line at a time has nothing to share out
        disable_intra_op_threads()
    loaded = load(request.output_dir, request.checkpoint_path)
    if path is not None:
        loaded.task_between(path.inputs_of, path.targets_of, path.command)
    return loaded


def _asked(
    request: DecodeRequest, run: TrainedRun, where: str
) -> tuple[Combination | None, list[DecodeInput]]:
    """The path, None where a table mixes problems; and the inputs."""
    scored = request.score_file is not None
    if is_table(where, request.problems or request.input_problem):
        if request.command:
            raise UserError("--command needs a --problem; a table that mixes problems has many.")
        path, asked = None, read_table(run.tasks, where, scored)
    else:
        path = _path(request, run)
        asked = (read_scored if scored else read_inputs)(path.task, where)
    return path, asked[: request.num_samples]


def _target(request: DecodeRequest, where: str, end: str) -> Path | None:
    """The file to write; None for standard output."""
    if request.decode_to_file:
        path = expanded(request.decode_to_file)
    elif where == STANDARD_INPUT:
        return None
    else:
        first = first_name(where)
        path = first.with_name(f"{first.name}.{end}")
    check_writable(path)
    return path


def _answer_file(request: DecodeRequest, run: TrainedRun, settings: DecodeSettings) -> Path | None:
    where = request.decode_from_file or ""
    path, asked = _asked(request, run, where)
    name = f"{path_name(path) if path else MIXED}.{search_name(settings)}"
    target = _target(request, where, f"{suffix(run.record, name)}.decodes")
    say = print if target else partial(print, file=sys.stderr)
    if path and path.task.name != path.inputs_of:
        say(path.remark)
    contents = checked(asked, run, settings, _warn)
    try:
        decoded = answer_files(asked, contents, target, settings, lambda: _load(request, path), say)
    except KeyboardInterrupt:
        if target:
            say(f"what is answered is in {target}.partial; the same command goes on from there.")
        raise
    if target is None:
        print("\n".join(answer_line(one, settings) for one in decoded))
        return None
    pairs = list(zip(asked, decoded, strict=True))
    _show([(a, d) for i, (a, d) in enumerate(pairs) if i not in contents.left_out])
    if os.path.isdir(expanded(where)):
        write_lines(inputs_beside(target), (shown_input(one.raw) for one in asked))
    empty = f", {len(contents.left_out)} of them empty (see above)" if contents.left_out else ""
    print(f"wrote {len(decoded)} answers to {target}{empty}")
    return target


def _warn(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _show(pairs: Sequence[tuple[DecodeInput, Decoded]]) -> None:
    for one, answer in pairs[:_SHOWN]:
        print(shown_input(one.raw))
        print(f"  -> {answer.output}   (log-probability {answer.score:.2f})")


def _score(request: DecodeRequest, run: TrainedRun, settings: DecodeSettings) -> None:
    where = request.score_file or ""
    path, asked = _asked(request, run, where)
    name = path_name(path) if path else MIXED
    target = _target(request, where, f"{suffix(run.record, name)}.scores")
    contents = checked(asked, run, settings, _warn)
    found = score_files(asked, contents, target, settings, lambda: _load(request, path))
    if target is None:
        print("\n".join(f"{score:.6f}" for score in found))
        return
    scored = [score for i, score in enumerate(found) if i not in contents.left_out]
    mean = sum(scored) / len(scored) if scored else float("nan")
    left_out = f", {len(contents.left_out)} of them nan (see above)" if contents.left_out else ""
    print(f"wrote {len(found)} scores to {target}{left_out}; mean log-probability {mean:.4f}")


def _answer_split(
    request: DecodeRequest, run: TrainedRun, settings: DecodeSettings, score: Scorer
) -> None:
    path = _path(request, run)
    if not path.task.has_inputs:
        raise UserError(
            f"'{path.task.name}' is a language model: there is nothing to answer in a split; "
            "t2t-eval gives its perplexity, --score_file the log-probability of texts."
        )
    from t2t_mm.decoding.split_decoding import answer_split
    from t2t_mm.decoding.splits import check_data

    source, split = run.tasks[path.inputs_of], request.decode_split or "dev"
    name = f"{split}.{suffix(run.record, f'{path_name(path)}.{search_name(settings)}')}"
    base = expanded(request.decode_to_file or Path(request.output_dir) / name)
    check_writable(base.with_name(f"{base.name}.decodes"))
    check_data(source, split, request.data_dir, run.vocabularies)
    loaded = _load(request, path)
    written = answer_split(
        loaded, path, split, request.data_dir, base, settings, request.num_samples
    )
    for file in written.paths:
        print(f"wrote {file}")
    trained = path.task == source
    for one in written.answers[:_SHOWN]:
        print(f"input  {one.inputs}\ntarget {one.targets}\noutput {one.decoded.output}\n")
    scores = score(source, written.answers) if trained else {}
    figures = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
    what = f"{path.task.name}, {split}, {len(written.answers)} examples"
    print(f"{what}: {figures}" if trained else f"{what}; {path.remark}")


def _run_session(request: DecodeRequest, run: TrainedRun, settings: DecodeSettings) -> None:
    from t2t_mm.decoding.interactive import HELP, Session, typed_lines

    chosen = request.problems or request.input_problem or request.command or len(run.tasks) == 1
    path = _path(request, run) if chosen else None
    session = Session(_load(request, path), settings, path)
    print(HELP)
    if path is None:
        print(f"problems: {', '.join(sorted(run.tasks))}")
    session.run(typed_lines(lambda: session.prompt))
