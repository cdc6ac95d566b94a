"""Makes what a run needs from its settings, trains, and reports.

In order: bind the data, compare with the run that is there, make the model, open the input
pipelines, restore or warm-start, loop, report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

import keras

from t2t_mm.data.binding import bind, load_vocabularies
from t2t_mm.data.mixing import loss_weights, make_policy
from t2t_mm.data.pipeline import training_batches
from t2t_mm.data.records import write_atomically
from t2t_mm.data.vocabulary import Vocabulary
from t2t_mm.data.vocabulary_building import vocabulary_path
from t2t_mm.models.joint import BODY, JointModel
from t2t_mm.problem import Task
from t2t_mm.registry import OPTIMIZERS
from t2t_mm.training import flat_groups
from t2t_mm.training.callbacks import Callbacks
from t2t_mm.training.checkpoints import Checkpoints, by_path, exists, find, load_variables
from t2t_mm.training.development import Development
from t2t_mm.training.loop import Loop, Plan
from t2t_mm.training.metrics_log import MetricsLog
from t2t_mm.training.model_making import make_model
from t2t_mm.training.progress import Phases, Progress
from t2t_mm.training.replicas import Replicas, visible_devices
from t2t_mm.training.run_record import VOCABULARIES, RunRecord, refuse_changes
from t2t_mm.training.schedules import depends_on_train_steps, make_schedule
from t2t_mm.training.settings import Settings, TrainResult
from t2t_mm.training.step import TrainStep
from t2t_mm.training.table import metrics_table
from t2t_mm.training.warm_start import warm_start


def train(
    settings: Settings,
    callbacks: Sequence[keras.callbacks.Callback],
    phases: Phases,
    stream: TextIO | None,
) -> TrainResult:
    """Trains; see `api.train`."""
    progress = Progress(stream)
    tasks = [bind(problem, settings.data_dir) for problem in settings.problems]
    vocabularies = load_vocabularies(tasks, settings.data_dir)
    record = _record(settings, tasks, vocabularies)
    _compare(settings, record, progress)
    phases.done("data")
    replicas = Replicas(visible_devices())
    model = make_model(settings.model, tasks, settings.hparams, settings.random_seed, replicas)
    phases.done("model")
    loop, variables = _make_loop(settings, tasks, model, replicas, progress)
    phases.done("input pipelines")
    resumed = loop.restore()
    if settings.warm_start_from and not resumed:
        progress.say(warm_start(settings.warm_start_from, variables).report())
    phases.done("checkpoint")
    if resumed and loop.is_finished():
        progress.say(_finished(settings, loop))
        return _result(settings, loop, model)
    _write_record(settings, record, vocabularies)
    progress.say(_opening(settings, model, loop, resumed))
    _run(settings, loop, Callbacks(callbacks, model, settings.train_steps), phases, progress)
    result = _result(settings, loop, model)
    progress.say(metrics_table(result.metrics))
    return result


def _record(
    settings: Settings, tasks: Sequence[Task], vocabularies: dict[str, Vocabulary]
) -> RunRecord:
    return RunRecord(
        model=settings.model,
        hparams_set=settings.hparams_set,
        hparams=settings.hparams.to_dict(),
        tasks={task.name: task.to_dict() for task in tasks},
        seed=settings.random_seed,
        vocabularies={name: vocabulary.digest for name, vocabulary in vocabularies.items()},
        train_steps=settings.train_steps,
    )


def _compare(settings: Settings, record: RunRecord, progress: Progress) -> None:
    """Refuses to go on with a run that had other settings."""
    if not exists(settings.output_dir):
        return
    old = RunRecord.read(settings.output_dir)
    refuse_changes(settings.output_dir, old, record)
    if old.train_steps != record.train_steps and depends_on_train_steps(settings.hparams):
        progress.say(
            f"note: train_steps {old.train_steps} -> {record.train_steps} changes the learning "
            f"rate of the schedule '{settings.hparams.learning_rate_schedule}' from here on."
        )


def _make_loop(
    settings: Settings,
    tasks: Sequence[Task],
    model: JointModel,
    replicas: Replicas,
    progress: Progress,
) -> tuple[Loop, dict[str, object]]:
    hparams, seed = settings.hparams, settings.random_seed
    optimizer = OPTIMIZERS.get(hparams.optimizer)(hparams)
    with replicas.scope():
        groups = variable_groups(model, tasks)
        slots = optimizer.build(flat_groups.sizes(groups))
        step = TrainStep(model, groups, optimizer, hparams, replicas)
    iterators = {
        task.name: iter(training_batches(task, settings.data_dir, hparams, seed)) for task in tasks
    }
    variables = by_path(model.variables)
    checkpoints = Checkpoints(
        settings.output_dir,
        variables,
        {**slots, **step.loss_scale.slots},
        iterators,
        settings.keep_checkpoint_max,
    )
    plan = Plan(
        settings.train_steps,
        settings.local_eval_frequency,
        hparams.keep_best_metric,
        hparams.early_stopping_evals,
    )
    loop = Loop(
        plan=plan,
        tasks={task.name: task for task in tasks},
        iterators=iterators,
        policy=make_policy(hparams, tasks, seed),
        step=step,
        devices=replicas.count,
        schedule=make_schedule(hparams, settings.train_steps),
        loss_weights=loss_weights(hparams, tasks),
        evaluate=Development(model, tasks, settings.data_dir, hparams, settings.eval_steps),
        checkpoints=checkpoints,
        progress=progress,
    )
    return loop, variables


def variable_groups(model: JointModel, tasks: Sequence[Task]) -> dict[str, list[keras.Variable]]:
    """The parts of the model that a step touches as a whole or not at all."""
    signatures = sorted({model.signature(task) for task in tasks})
    paths = [model.signature_variables(signature) for signature in signatures]
    return flat_groups.parts(model.groups(), paths, BODY)


def _run(
    settings: Settings, loop: Loop, callbacks: Callbacks, phases: Phases, progress: Progress
) -> None:
    first = loop.state.step

    def after_step(step: int, problem: str, loss: float) -> bool:
        if step == first + 1:
            phases.done("first step")
            progress.say(phases.text())
        return callbacks.step(step, problem, loss)

    loop.after_step, loop.after_evaluation = after_step, callbacks.evaluation
    progress.begin(first, settings.train_steps)
    log = MetricsLog(settings.output_dir, first)
    try:
        loop.run(log)
        callbacks.end()
    finally:
        log.close()
        progress.close()


def _write_record(
    settings: Settings, record: RunRecord, vocabularies: dict[str, Vocabulary]
) -> None:
    folder = settings.output_dir / VOCABULARIES
    folder.mkdir(parents=True, exist_ok=True)
    for name, vocabulary in vocabularies.items():
        write_atomically(vocabulary_path(name, folder), vocabulary.model)
    record.write(settings.output_dir)


def _opening(settings: Settings, model: JointModel, loop: Loop, resumed: bool) -> str:
    values = ", ".join(f"{k}={v}" for k, v in settings.hparams.to_dict().items())
    count = sum(flat_groups.sizes(model.groups()).values())
    return "\n".join(
        [
            f"problems: {', '.join(loop.tasks)}",
            f"model: {settings.model}, {count:,} parameters",
            f"hparams {settings.hparams_set}: {values}",
            f"run directory: {settings.output_dir}",
            f"going on from step {loop.state.step}" if resumed else "a new run",
        ]
    )


def _finished(settings: Settings, loop: Loop) -> str:
    if loop.state.step >= settings.train_steps:
        why = f"has done its {loop.state.step} steps; to train further, raise --train_steps"
    else:
        why = (
            f"was stopped early at step {loop.state.step}; to train further, raise the hparam "
            "early_stopping_evals"
        )
    table = metrics_table(_rows(loop))
    return f"{table}\nthis run ({settings.output_dir}) {why}."


def _result(settings: Settings, loop: Loop, model: JointModel) -> TrainResult:
    return TrainResult(loop.state.step, _rows(loop), settings.output_dir, model)


def _rows(loop: Loop) -> dict[str, dict[str, float]]:
    state = loop.state
    rows: dict[str, dict[str, float]] = {}
    for name in loop.tasks:
        rows[name] = {"steps": state.problem_steps.get(name, 0)}
        if name in state.train_loss:
            rows[name]["train_loss"] = state.train_loss[name]
        rows[name].update(state.evaluation.get(name, {}))
    return rows


def evaluate(settings: Settings, stream: TextIO | None) -> TrainResult:
    """Evaluates the latest checkpoint and trains nothing; see `api.train`."""
    progress = Progress(stream)
    tasks = [bind(problem, settings.data_dir) for problem in settings.problems]
    record = _record(settings, tasks, load_vocabularies(tasks, settings.data_dir))
    checkpoint = find(settings.output_dir)
    refuse_changes(settings.output_dir, RunRecord.read(settings.output_dir), record)
    model = make_model(settings.model, tasks, settings.hparams, settings.random_seed, Replicas())
    load_variables(checkpoint, by_path(model.variables))
    batches = settings.eval_steps or None
    metrics = Development(model, tasks, settings.data_dir, settings.hparams, batches)()
    progress.say(f"{checkpoint}:\n{metrics_table(metrics)}")
    step = int(checkpoint.rpartition("-")[2])
    return TrainResult(step, metrics, settings.output_dir, model)
