"""Makes what a run needs from its settings, trains, and reports.

In order: bind the data, compare with the run that is there, make the model, open the input
pipelines, restore or warm-start, loop, report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

import keras

from t2t_mm.data.binding import bind, load_vocabularies
from t2t_mm.data.mixing import loss_weights, make_policy
from t2t_mm.data.pipeline import count_examples, training_batches
from t2t_mm.data.records import write_atomically
from t2t_mm.data.vocabulary import Vocabulary
from t2t_mm.data.vocabulary_building import vocabulary_path
from t2t_mm.models.joint import BODY, JointModel
from t2t_mm.problem import Split, Task
from t2t_mm.registry import OPTIMIZERS
from t2t_mm.training import flat_groups, report
from t2t_mm.training.callbacks import Callbacks
from t2t_mm.training.checkpoints import Checkpoints, by_path, exists, find, load_variables
from t2t_mm.training.development import Development, development_tasks
from t2t_mm.training.dry_run import DryRun
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
    data = _open_data(settings)
    _compare(settings, data.record, progress)
    phases.done("data")
    replicas = Replicas(visible_devices())
    model = _make_model(settings, data, replicas)
    phases.done("model")
    loop, variables = _make_loop(settings, data.tasks, model, replicas, progress)
    phases.done("input pipelines")
    resumed = loop.restore()
    if settings.warm_start_from and not resumed:
        progress.say(warm_start(settings.warm_start_from, variables).report())
    phases.done("checkpoint")
    if resumed and loop.is_finished():
        progress.say(report.text(report.figures(settings.output_dir), data.tasks, {}))
        progress.say(_finished(settings, loop))
    else:
        _write_record(settings, data)
        progress.say(_opening(settings, data.tasks, model, loop, resumed))
        watchers = Callbacks(callbacks, model, settings.train_steps)
        with MetricsLog(settings.output_dir, loop.state.step) as log:
            _run(settings, loop, log, watchers, phases, progress)
            _report(settings, data, model, log, loop.state.step, progress)
    metrics = report.figures(settings.output_dir)
    return TrainResult(loop.state.step, metrics, settings.output_dir, model)


@dataclass(frozen=True)
class _Data:
    """The bound problems, their vocabularies, and what run.json is to say."""

    tasks: list[Task]
    vocabularies: dict[str, Vocabulary]
    record: RunRecord


def _open_data(settings: Settings) -> _Data:
    tasks = [bind(problem, settings.data_dir) for problem in settings.problems]
    vocabularies = load_vocabularies(tasks, settings.data_dir)
    record = RunRecord(
        model=settings.model,
        hparams_set=settings.hparams_set,
        hparams=settings.hparams.to_dict(),
        tasks={task.name: task.to_dict() for task in tasks},
        seed=settings.random_seed,
        vocabularies={name: vocabulary.digest for name, vocabulary in vocabularies.items()},
        train_steps=settings.train_steps,
    )
    return _Data(tasks, vocabularies, record)


def _make_model(settings: Settings, data: _Data, replicas: Replicas) -> JointModel:
    return make_model(settings.model, data.tasks, settings.hparams, settings.random_seed, replicas)


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
        before_first=DryRun(model, step, replicas.count, settings.data_dir, hparams),
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
    settings: Settings,
    loop: Loop,
    log: MetricsLog,
    callbacks: Callbacks,
    phases: Phases,
    progress: Progress,
) -> None:
    first = loop.state.step

    def after_step(step: int, problem: str, loss: float) -> bool:
        if step == first + 1:
            phases.done("first step")
            progress.say(phases.text())
        return callbacks.step(step, problem, loss)

    loop.after_step, loop.after_evaluation = after_step, callbacks.evaluation
    progress.begin(first, settings.train_steps)
    try:
        loop.run(log)
        callbacks.end()
    finally:
        progress.close()


def _report(
    settings: Settings,
    data: _Data,
    model: JointModel,
    log: MetricsLog,
    step: int,
    progress: Progress,
) -> None:
    samples: dict[str, list[dict[str, str]]] = {}
    if settings.eval_steps:
        progress.say("decoding some development examples")
        tasks = development_tasks(data.tasks, settings.data_dir)
        metrics, samples = report.decode_samples(
            model, tasks, settings.hparams, data.vocabularies, settings.data_dir
        )
        for name, values in metrics.items():
            if values:
                log.write(step, "dev", name, values)
    progress.say(report.text(report.figures(settings.output_dir), data.tasks, samples))


def _write_record(settings: Settings, data: _Data) -> None:
    folder = settings.output_dir / VOCABULARIES
    folder.mkdir(parents=True, exist_ok=True)
    for name, vocabulary in data.vocabularies.items():
        write_atomically(vocabulary_path(name, folder), vocabulary.model)
    data.record.write(settings.output_dir)


def _opening(
    settings: Settings, tasks: Sequence[Task], model: JointModel, loop: Loop, resumed: bool
) -> str:
    values = ", ".join(f"{k}={v}" for k, v in settings.hparams.to_dict().items())
    count = sum(flat_groups.sizes(model.groups()).values())
    lines = [
        f"problems: {', '.join(loop.tasks)}",
        f"model: {settings.model}, {count:,} parameters",
        f"hparams {settings.hparams_set}: {values}",
    ]
    for task in tasks:
        counts = count_examples(
            task, Split.TRAIN, settings.data_dir, settings.hparams, training=True
        )
        if counts.dropped or counts.trimmed:
            lines.append(f"{task.name}: trains on {counts}")
    lines += [
        f"run directory: {settings.output_dir}",
        f"going on from step {loop.state.step}" if resumed else "a new run",
    ]
    return "\n".join(lines)


def _finished(settings: Settings, loop: Loop) -> str:
    if loop.state.step >= settings.train_steps:
        why = f"has done its {loop.state.step} steps; to train further, raise --train_steps"
    else:
        why = (
            f"was stopped early at step {loop.state.step}; to train further, raise the hparam "
            "early_stopping_evals"
        )
    return f"this run ({settings.output_dir}) {why}."


def evaluate(settings: Settings, stream: TextIO | None) -> TrainResult:
    """Evaluates the latest checkpoint and trains nothing; see `api.train`."""
    progress = Progress(stream)
    checkpoint = find(settings.output_dir)
    data = _open_data(settings)
    refuse_changes(settings.output_dir, RunRecord.read(settings.output_dir), data.record)
    model = _make_model(settings, data, Replicas())
    load_variables(checkpoint, by_path(model.variables))
    batches = settings.eval_steps or None
    metrics = Development(model, data.tasks, settings.data_dir, settings.hparams, batches)()
    progress.say(f"{checkpoint}:\n{metrics_table(metrics)}")
    step = int(checkpoint.rpartition("-")[2])
    return TrainResult(step, metrics, settings.output_dir, model)
