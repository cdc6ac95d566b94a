"""Puts a run's loop together from its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from t2t_mm.data.batches.pipeline import training_batches
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.models.joint import JointModel
from t2t_mm.problem import Task
from t2t_mm.runs.checkpoints import Checkpoints, by_path
from t2t_mm.runs.groups import Groups
from t2t_mm.runs.replicas import Replicas
from t2t_mm.training.dev_evaluation import DevEvaluator
from t2t_mm.training.dry_run import DryRun
from t2t_mm.training.loop import Loop, LoopPlan
from t2t_mm.training.mixing import loss_weights, make_policy
from t2t_mm.training.moving_average import ExponentialMovingAverage
from t2t_mm.training.optimizer_choice import make_optimizer
from t2t_mm.training.progress import Progress
from t2t_mm.training.schedules import make_schedule
from t2t_mm.training.settings import Settings
from t2t_mm.training.step import TrainStep, accumulate_steps
from t2t_mm.training.tuning import Tuning


def make_loop(
    settings: Settings,
    tasks: Sequence[Task],
    model: JointModel,
    groups: Groups,
    replicas: Replicas,
    progress: Progress,
    vocabularies: Mapping[str, Vocabulary],
) -> Loop:
    """The loop of a fresh run; `Loop.restore` takes it to where an older one was.

    Args:
      settings: of the run.
      tasks: the bound problems.
      model: with its initial weights.
      groups: part -> variables, see `runs.groups.variable_groups`.
      replicas: the devices.
      progress: what the user sees.
      vocabularies: by name.
    """
    hparams, seed, data_dir = settings.hparams, settings.random_seed, settings.data_dir
    optimizer, tuning = make_optimizer(hparams), Tuning.of(hparams, model)
    trained = tuning.trained(groups)
    batches = replicas.count * accumulate_steps(hparams)
    with replicas.scope():
        slots = optimizer.build(trained)
        averages = ExponentialMovingAverage(hparams.ema_decay, trained)
        step = TrainStep(model, trained, optimizer, hparams, replicas, averages, tuning)
    iterators = {task.name: iter(training_batches(task, data_dir, hparams, seed)) for task in tasks}
    evaluate = DevEvaluator(model, tasks, data_dir, hparams, settings.eval_steps, vocabularies)
    return Loop(
        plan=LoopPlan(
            train_steps=settings.total_steps,
            evaluate_every=settings.local_eval_frequency,
            best_metric=evaluate.best,
            early_stopping=hparams.early_stopping_evals,
            delta=hparams.early_stopping_delta,
            save_seconds=settings.save_checkpoints_secs,
            log_every=settings.log_step_count_steps,
            further_objectives=step.further_objectives,
        ),
        tasks={task.name: task for task in tasks},
        iterators=iterators,
        policy=make_policy(hparams, tasks, seed),
        step=step,
        devices=batches,
        schedule=make_schedule(hparams, settings.total_steps),
        loss_weights=loss_weights(hparams, tasks),
        evaluate=evaluate,
        before_first=DryRun(model, step, batches, data_dir, hparams),
        checkpoints=Checkpoints(
            settings.output_dir,
            by_path(model.variables),
            [*slots, *step.loss_scale.slots, *averages.slots],
            iterators,
            settings.keep_checkpoint_max,
            groups,
            settings.keep_checkpoint_every_n_hours,
        ),
        averages=averages,
        progress=progress,
        data_dir=data_dir,
    )
