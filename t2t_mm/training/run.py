"""One run from its settings to its report: data, model, loop, restored or warm-started, trained."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import keras
import tensorflow as tf

from t2t_mm.errors import DivergedError
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Split
from t2t_mm.runs import model_making
from t2t_mm.runs.checkpoints import by_path, exists, find
from t2t_mm.runs.groups import variable_groups
from t2t_mm.runs.replicas import Replicas, visible_devices
from t2t_mm.runs.run_record import RunRecord, refuse_changes, refuse_other_devices
from t2t_mm.runs.trained_run import held
from t2t_mm.runs.weights import load_weights
from t2t_mm.training import metrics_log, report
from t2t_mm.training.assembly import make_loop
from t2t_mm.training.callback_checks import refuse
from t2t_mm.training.callbacks import Callbacks
from t2t_mm.training.dev_evaluation import DevEvaluator, development_tasks
from t2t_mm.training.lent_attributes import lent
from t2t_mm.training.loop import Loop
from t2t_mm.training.metrics_log import MetricsLog
from t2t_mm.training.progress import Phases, Progress
from t2t_mm.training.run_data import RunData, open_data
from t2t_mm.training.schedules import depends_on_train_steps
from t2t_mm.training.settings import EVALUATE_TRAIN, Settings, TrainResult
from t2t_mm.training.table import metrics_table
from t2t_mm.training.warm_start import warm_start


def train(
    settings: Settings,
    callbacks: Sequence[keras.callbacks.Callback],
    phases: Phases,
    stream: TextIO | None,
) -> TrainResult:
    """Trains; see `api.train`."""
    refuse(callbacks, settings.eval_steps > 0)
    progress = Progress(stream)
    data = open_data(settings)
    with held(settings.output_dir, progress.say):
        replicas = Replicas(visible_devices())
        data = data.on(replicas.count)
        _compare(settings, data.record, progress)
        phases.done("data")
        model = _make_model(settings, data, replicas)
        phases.done("model")
        groups = variable_groups(model, data.tasks)
        loop = make_loop(settings, data.tasks, model, groups, replicas, progress, data.vocabularies)
        phases.done("input pipelines")
        resumed = loop.restore()
        if settings.warm_start_from and not resumed:
            variables = by_path(model.variables)
            start = warm_start(settings.warm_start_from, variables, data.record, data.vocabularies)
            progress.say(start.report())
        if not resumed:
            loop.averages.start()
        phases.done("checkpoint")
        if resumed and loop.is_finished():
            if is_reported(settings.output_dir, loop.state.step):
                progress.say(report.text(report.figures(settings.output_dir), data.tasks, {}))
            else:  # it was stopped between its last checkpoint and the end of its report
                with MetricsLog(settings.output_dir, loop.state.step) as log:
                    _report(settings, data, loop, model, log, progress)
            progress.say(report.finished(settings, loop.state.step))
        else:
            data.write(settings.output_dir)
            progress.say(report.opening(settings, data.tasks, model, loop.state.step))
            with MetricsLog(settings.output_dir, loop.state.step) as log, lent(model, loop):
                watchers = Callbacks(callbacks, model, loop, settings.eval_steps > 0)
                if _run(settings, loop, log, watchers, phases, progress):
                    _report(settings, data, loop, model, log, progress)
        figures = report.figures(settings.output_dir)
    return TrainResult(loop.state.step, figures, settings.output_dir, model)


def with_networks(settings: Settings) -> Settings:
    """The settings with the networks that the model wants; see `model_making.with_networks`."""
    hparams = model_making.with_networks(settings.model, settings.hparams)
    return dataclasses.replace(settings, hparams=hparams)


def _make_model(settings: Settings, data: RunData, replicas: Replicas) -> JointModel:
    return model_making.make_model(
        settings.model, data.tasks, settings.hparams, settings.random_seed, replicas
    )


def _compare(settings: Settings, record: RunRecord, progress: Progress) -> None:
    """Refuses to resume a run that had other settings."""
    if not exists(settings.output_dir):
        return
    old = RunRecord.read(settings.output_dir)
    refuse_changes(settings.output_dir, old, record)
    refuse_other_devices(settings.output_dir, old, record.devices)
    if old.train_steps != record.train_steps and depends_on_train_steps(settings.hparams):
        progress.say(
            f"note: train_steps {old.train_steps} -> {record.train_steps} changes the learning "
            f"rate of the schedule '{settings.hparams.learning_rate_schedule}' from here on."
        )


def _run(
    settings: Settings,
    loop: Loop,
    log: MetricsLog,
    callbacks: Callbacks,
    phases: Phases,
    progress: Progress,
) -> bool:
    """Trains; False if a callback such as TerminateOnNaN ended the run at a loss that is no number.

    Then the step was not taken, and nothing is saved: the same call goes on from the last good
    checkpoint.
    """
    first = loop.state.step
    callbacks.begin()
    told = loop.after_step

    def after_step(step: int, problem: str, loss: float) -> bool:
        if step == first + 1:
            phases.done("first step")
            progress.say(phases.text())
        return told(step, problem, loss)

    loop.after_step = after_step
    progress.begin(first, settings.total_steps)
    diverged = None
    try:
        loop.run(log)
    except DivergedError as error:
        if not callbacks.stopping:
            raise
        diverged = str(error)
        loop.state.step -= 1
    finally:
        progress.close()
    callbacks.end()
    if diverged:
        progress.say(diverged)
    return diverged is None


def _report(
    settings: Settings,
    data: RunData,
    loop: Loop,
    model: JointModel,
    log: MetricsLog,
    progress: Progress,
) -> None:
    """Decodes some examples, logs their figures as far as they are missing, prints the rest."""
    step, best = loop.state.step, loop.plan.best_metric
    samples: dict[str, list[dict[str, str]]] = {}
    if settings.eval_steps:
        progress.say("decoding some development examples")
        tasks = development_tasks(data.tasks, settings.data_dir)
        with loop.averages.swapped():
            metrics, samples = report.decode_samples(
                model, tasks, settings.hparams, data.vocabularies, settings.data_dir, progress.say
            )
        lines = metrics_log.development_lines(settings.output_dir, step)
        for name, values in metrics.items():
            evaluated = [line for line in lines.get(name, ()) if "loss" in line]
            if name in best.decoded:  # the evaluation's own figures stand, of its own examples
                values = {n: v for n, v in values.items() if not any(n in e for e in evaluated)}
            if values and len(lines.get(name, ())) == len(evaluated):
                log.write(step, "dev", name, values)
    rows, further = report.figures(settings.output_dir), [best.metric] if best.decoded else []
    progress.say(report.text(rows, data.tasks, samples, further))
    if best.decoded and samples:
        progress.say(f"{best.metric}: of the {settings.eval_steps} batches of an evaluation.")
    record = RunRecord.read(settings.output_dir)
    dataclasses.replace(record, reported=step).write(settings.output_dir)


def is_reported(output_dir: Path, step: int) -> bool:
    """True if the report of a run that has ended at a step is written.

    Of a run that does not say, it is where there was no evaluation, or more than that.
    """
    reported = RunRecord.read(output_dir).reported
    if reported is not None:
        return reported == step
    lines = metrics_log.development_lines(output_dir, step)
    return not lines or any(len(of_problem) > 1 for of_problem in lines.values())


def evaluate(settings: Settings, stream: TextIO | None) -> TrainResult:
    """Evaluates the latest checkpoint and trains nothing; see `api.train`."""
    progress = Progress(stream)
    checkpoint = find(settings.output_dir)
    data = open_data(settings)
    refuse_changes(settings.output_dir, RunRecord.read(settings.output_dir), data.record)
    model = _make_model(settings, data, Replicas())
    load_weights(checkpoint, model, data.tasks)
    batches = settings.eval_steps or None
    split = Split.TRAIN if settings.schedule == EVALUATE_TRAIN else Split.DEV
    evaluate_all = DevEvaluator(
        model, data.tasks, settings.data_dir, settings.hparams, batches, data.vocabularies, split
    )
    metrics, best = evaluate_all(), evaluate_all.best
    shown = metrics_table(metrics, {best.metric} if best.decoded else ())
    progress.say(f"{checkpoint}:\n{shown}")
    step = int(checkpoint.rpartition("-")[2])
    return TrainResult(step, metrics, settings.output_dir, model)


@contextlib.contextmanager
def quick_start() -> Iterator[None]:
    """Leaves out the graph rewriting that costs a CPU run seconds per signature.

    Grappler took 1.7 of the 4.7 processor seconds before the first step of a text problem of
    multimodel_tiny, and made no step faster (two CPU cores). On a GPU it stays: there it changes
    layouts.
    """
    if tf.config.list_physical_devices("GPU"):
        yield
        return
    before = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})
