"""`train`: what the command line and Python call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from t2t_mm.files.paths import given_path
from t2t_mm.lookup import find_problems
from t2t_mm.provenance import DEFAULT_ACCESS, DataAccess
from t2t_mm.training.machine import WHOLE_MACHINE, Machine
from t2t_mm.training.one_machine import refuse_clusters
from t2t_mm.training.progress import Phases, Progress, terminal
from t2t_mm.training.settings import (
    DATA_DIR,
    EVALUATE,
    EVALUATE_TRAIN,
    Settings,
    TrainResult,
    default_output_dir,
)

if TYPE_CHECKING:
    import keras


def train(
    problems: str | Sequence[str],
    model: str = "multi_model",
    hparams_set: str = "multimodel_base",
    hparams: str = "",
    data_dir: str | Path = DATA_DIR,
    output_dir: str | Path | None = None,
    train_steps: int | None = None,
    eval_steps: int = 10,
    local_eval_frequency: int = 1000,
    keep_checkpoint_max: int = 5,
    generate_data: bool = False,
    tmp_dir: str | Path | None = None,
    access: DataAccess = DEFAULT_ACCESS,
    random_seed: int = 0,
    warm_start_from: str | None = None,
    schedule: str = "train_and_evaluate",
    save_checkpoints_secs: float = 0.0,
    keep_checkpoint_every_n_hours: float | None = None,
    log_step_count_steps: int | None = None,
    machine: Machine = WHOLE_MACHINE,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: bool = True,
) -> TrainResult:
    """Trains one model on all of the problems, or resumes the run in `output_dir`.

    With several GPUs each takes a batch of its own of the same problem at every step.

    Everything random derives from `random_seed`; the order of the problems changes nothing. On
    SIGINT or SIGTERM the run is saved and KeyboardInterrupt is raised; the same call resumes it.

    Args:
      problems: names, mixtures and `prefix*`, as a list or separated by commas.
      model: the registered name of a body.
      hparams_set: the registered name of an hparams set.
      hparams: changes to the set, "a=1,b=2".
      data_dir: where the generated data are.
      output_dir: the run directory; None: ~/t2t_train/<problems>/<model>-<hparams_set>.
      train_steps: steps in all; None: the hparam train_steps.
      eval_steps: batches per problem and evaluation; 0 = no evaluation.
      local_eval_frequency: steps between evaluations, each with a checkpoint.
      keep_checkpoint_max: checkpoints kept; 0 keeps all.
      generate_data: first generate what data are missing.
      tmp_dir: where raw files are, for generate_data; None: data_dir/tmp.
      access: where prepared data sets of TFDS are, and whether the network may be tried, for
        generate_data.
      random_seed: of everything.
      warm_start_from: a run directory or checkpoint whose matching weights the run begins with.
      schedule: train | train_and_evaluate | continuous_train_and_eval (the same) | evaluate |
        evaluate_on_train_data. train is without evaluation; the last two do nothing else, on the
        latest checkpoint.
      save_checkpoints_secs: seconds between two checkpoints at most, besides those of
        evaluations; 0: those alone.
      keep_checkpoint_every_n_hours: a checkpoint is kept for good each time that so many hours
        have gone by; None: never.
      log_step_count_steps: steps of a problem between two of its train lines in metrics.jsonl;
        None: 100.
      machine: which GPUs and how many threads are used.
      callbacks: told of every step (as a batch) and evaluation (as an epoch); they may set
        `model.stop_training` and `model.optimizer.learning_rate`. Keras's own work, or are
        refused by what a run does instead; see docs/training.md.
      progress: True prints the progress.

    Returns:
      The result; a run that has finished before is not trained further.

    Raises:
      UserError: for unknown names, missing data, settings that differ from those of the run in
        output_dir, a cluster in TF_CONFIG, a callback that cannot work, or a loss that is no longer
        finite (DivergedError).
    """
    from t2t_mm.registry import HPARAMS  # names first: TensorFlow is imported after they are known

    refuse_clusters()
    text = problems if isinstance(problems, str) else ",".join(problems)
    settings = Settings(
        problems=tuple(find_problems(text)),
        model=model,
        hparams_set=hparams_set,
        hparams=HPARAMS.get(hparams_set)().override(hparams),
        data_dir=Path(given_path(data_dir, "--data_dir")).expanduser(),
        output_dir=Path(
            default_output_dir(text, model, hparams_set)
            if output_dir is None
            else given_path(output_dir, "--output_dir")
        ).expanduser(),
        train_steps=train_steps,
        eval_steps=0 if schedule == "train" else eval_steps,
        local_eval_frequency=local_eval_frequency,
        keep_checkpoint_max=keep_checkpoint_max,
        random_seed=random_seed,
        warm_start_from=warm_start_from,
        schedule=schedule,
        save_checkpoints_secs=save_checkpoints_secs,
        keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours,
        log_step_count_steps=log_step_count_steps,
    ).checked()
    phases, stream = Phases(), terminal(progress)
    if generate_data:
        from t2t_mm.data.generation.api import generate  # its workers are forked before TensorFlow

        generate(
            settings.problems,
            settings.data_dir,
            tmp_dir,
            access=access,
            log=Progress(stream).say,
        )
        phases.done("data generation")
    machine.apply()
    from t2t_mm.training import run

    settings = run.with_networks(settings)
    phases.done("imports")
    with run.quick_start():
        if schedule in (EVALUATE, EVALUATE_TRAIN):
            return run.evaluate(settings, stream)
        return run.train(settings, callbacks, phases, stream)
