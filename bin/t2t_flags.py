"""Tensor2Tensor's flags that have another name here, no meaning here, or nothing that answers.

One table of rows: from it the flags of t2t-trainer, t2t-decoder and t2t-datagen are made, and
docs/from_t2t.md is (`python -m t2t_mm.bin.t2t_flags`). A flag that means here what it means there
is declared by its command, and has a row here so that the table is whole.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from absl import flags

from t2t_mm.console.table import markdown
from t2t_mm.errors import UserError

TRAINER, DECODER, DATAGEN = "t2t-trainer", "t2t-decoder", "t2t-datagen"

Does = Literal["works", "maps", "no effect", "refused"]


@dataclass(frozen=True)
class Flag:
    """A flag of Tensor2Tensor's.

    Attributes:
      name: as it has it.
      says: what it does here, or what to give instead; a clause.
      does: "works": declared by the command; "maps": `apply` sets ours; "no effect": taken, with
        a note; "refused", unless it asks for nothing (see `harmless`).
      kind: of its value.
      harmless: values that a refused flag may have, or that need no note: T2T's default.
      apply: of a flag that maps: changes the command's flags.
    """

    name: str
    says: str = ""
    does: Does = "works"
    kind: type = str
    harmless: tuple[Any, ...] = ()
    apply: Callable[[flags.FlagValues, Any], None] | None = None


def _works(*names: str) -> list[Flag]:
    return [Flag(name, _SAME.get(name, "the same")) for name in names]


# Of flags that work: what differs a little.
_SAME = {
    "problem": "the same; also --problems, a list",
    "model": "the same; t2t-decoder reads it from the run",
    "hparams_set": "the same; t2t-decoder reads it from the run",
    "hparams": "the same, and --hp_NAME=VALUE; t2t-decoder reads them from the run",
    "train_steps": "the same; by default the hparam train_steps",
    "eval_steps": "the same, of each problem; by default 10 (T2T: 100)",
    "keep_checkpoint_max": "the same; by default 5 (T2T: 20)",
    "keep_checkpoint_every_n_hours": "the same; by default never (T2T: 10000)",
    "save_checkpoints_secs": "the same, besides the checkpoints of evaluations",
    "schedule": "the same; see below",
    "random_seed": "the same; by default 0",
    "output_dir": "the same; by default ~/t2t_train/PROBLEMS/MODEL-SET",
    "worker_gpu": "the same; by default all GPUs that are visible",
    "log_step_count_steps": "the same, of each problem",
    "eval_timeout_mins": "of the schedules that follow a run",
    "decode_reference": "the same: prints BLEU, by t2t-bleu",
    "max_cases": "the same, and of every problem",
    "num_shards": "the same, and of every problem: the train split's",
    "checkpoint_path": "the same; also latest and best",
    "score_file": "the same; writes FILE.<model>...scores",
    "min_length_ratio": "tokens of an answer at least, as a multiple of its input's",
    "eos_penalty": "taken off the log-probability of an answer's end",
    "batch_size": "inputs together; by default as many as fit",
    "extra_length": "the same; by default 50 (T2T: 100)",
}


def _idle(name: str, says: str, kind: type = str, *harmless: Any) -> Flag:
    return Flag(name, says, "no effect", kind, harmless)


def _refused(name: str, says: str, kind: type = str, *harmless: Any) -> Flag:
    return Flag(name, says, "refused", kind, harmless)


def _maps(
    name: str, says: str, apply: Callable[[flags.FlagValues, Any], None], kind: type = str
) -> Flag:
    return Flag(name, says, "maps", kind, (), apply)


def set_flag(values: flags.FlagValues, name: str, value: Any) -> None:
    """Sets one of a command's own flags as if it were given."""
    values[name].value = value
    values[name].present += 1


def _add(values: flags.FlagValues, name: str, assignment: str) -> None:
    """Appends "a=1" to a flag of assignments, before what the user has given himself."""
    set_flag(values, name, ",".join(filter(None, (assignment, values[name].value))))


def _to(own: str) -> Callable[[flags.FlagValues, Any], None]:
    """Sets the flag `own`, unless it is given too."""

    def apply(values: flags.FlagValues, value: Any) -> None:
        if not values[own].present:
            set_flag(values, own, value)

    return apply


def _setting(name: str) -> Callable[[flags.FlagValues, Any], None]:
    """Sets a field of --decode_hparams."""
    return lambda values, value: _add(values, "decode_hparams", f"{name}={value}")


def _to_given(own: str) -> Callable[[flags.FlagValues, Any], None]:
    """Sets the flag `own`, where the command has it; -1 stands for none."""

    def apply(values: flags.FlagValues, value: Any) -> None:
        if own not in values:
            raise UserError(
                f"--decode_hparams: {own} of Tensor2Tensor is a flag of t2t-decoder; leave it out."
            )
        if value != -1:
            _to(own)(values, value)

    return apply


_METRIC = re.compile(r"metrics-(?P<problem>[^/]+)/(?:[^/]+/)?(?P<metric>[^/]+)")
_METRICS = {  # Tensor2Tensor's names of figures that have another one here
    "approx_bleu_score": "bleu",
    "word_error_rate": "wer",
    "rouge_2_fscore": "rouge_2",
    "rouge_L_fscore": "rouge_l",
}


def best_metric(name: str) -> str:
    """keep_best_metric of a metric as T2T names it, e.g. "metrics-PROBLEM/targets/accuracy"."""
    found = _METRIC.fullmatch(name)
    metric = found["metric"] if found else name
    metric = _METRICS.get(metric, metric)
    return f"{found['problem']}/{metric}" if found else metric


def _stop_early(values: flags.FlagValues, steps: int) -> None:
    evaluations = max(1, math.ceil(steps / values.local_eval_frequency))
    delta = values.eval_early_stopping_metric_delta
    delta = 0.1 if delta is None else delta
    _add(
        values,
        "hparams",
        f"early_stopping_evals={evaluations},early_stopping_delta={delta}",
    )


def _choose_metric(values: flags.FlagValues, name: str) -> None:
    _add(values, "hparams", f"keep_best_metric={best_metric(name)}")


def _check_direction(values: flags.FlagValues, minimize: bool) -> None:
    metric = best_metric(values.eval_early_stopping_metric or "loss").rpartition("/")[2]
    from t2t_mm.evaluation.metrics import find_metric
    from t2t_mm.registry import METRICS

    falls = metric.endswith("loss") or metric in ("mse", "mae")
    higher = find_metric(metric).higher_is_better if metric in METRICS else not falls
    if higher is minimize:
        raise UserError(
            f"--eval_early_stopping_metric_minimize={str(minimize).lower()}: of {metric}, "
            f"{'more' if higher else 'less'} is better, which is known here; leave the flag out."
        )


def _half(values: flags.FlagValues, on: bool) -> None:
    if on:
        _add(values, "hparams", "precision=mixed_float16")


_CLUSTER = "one machine trains, with all of its GPUs; start one t2t-trainer"
_NO_TPU = "there are no TPUs here: a run takes the GPUs that are visible, or the processor"
_CLOUD = "nothing is sent to Google Cloud ML Engine; run the command on the machine itself"
_ONE_PROCESS = "a process answers with all cores: leave it out, or split the file (split -n l/N)"
_TUNER = (
    "no tuner is built in: RANGED_HPARAMS of t2t_mm.registry gives a set's ranges to one of yours, "
    "which calls t2t_mm.train"
)

# Of absl, in whose program every flag of T2T's was.
_LOGGING = [
    _idle("alsologtostderr", "notes go to standard error anyway", bool, True, False),
    _idle("logtostderr", "notes go to standard error anyway", bool, True, False),
    _idle("verbosity", "set TF_CPP_MIN_LOG_LEVEL in the environment", int, 0, -1),
]

# Flags of T2T's flags.py that both the trainer and the decoder have.
_COMMON_WORKS = ("model", "hparams_set", "problem", "data_dir", "registry_help")
_DISTRIBUTION = [
    _idle("sync", "several GPUs always take a step together", bool, True, False),
    _refused("worker_job", _CLUSTER, str, "/job:localhost", "/job:worker"),
    _refused("worker_replicas", _CLUSTER, int, 0, 1),
    _refused("worker_id", _CLUSTER, int, 0),
    _refused(
        "worker_gpu_memory_fraction",
        "TensorFlow takes what it needs with TF_FORCE_GPU_ALLOW_GROWTH=true in the environment",
        float,
        0.95,
    ),
    _refused("ps_gpu", _CLUSTER, int, 0),
    _refused("ps_job", _CLUSTER, str, "/job:ps"),
    _refused("ps_replicas", _CLUSTER, int, 0),
    _refused("gpu_order", "choose GPUs with CUDA_VISIBLE_DEVICES=2,1 in the environment", str, ""),
]
_DEBUGGING = [
    _refused(
        "tfdbg",
        "call t2t_mm.train in Python under a debugger; a loss or gradient that is no finite number "
        "ends a run with the problem's name anyway",
        bool,
        False,
    ),
    _refused(
        "dbgprofile",
        "give t2t_mm.train in Python callbacks=[keras.callbacks.TensorBoard(DIR, "
        "profile_batch=(10, 20))]",
        bool,
        False,
    ),
    _idle("enable_graph_rewriter", "TensorFlow 2 decides that by itself", bool, False),
]
_STOPPING = [
    Flag("eval_early_stopping_metric_delta", "with eval_early_stopping_steps: the hparam "
         "early_stopping_delta", "maps", float, (), lambda values, value: None),
    _maps("eval_early_stopping_steps", "the hparam early_stopping_evals: these steps over "
          "local_eval_frequency, rounded up", _stop_early, int),
    _maps("eval_early_stopping_metric", "the hparam keep_best_metric", _choose_metric),
    _maps("eval_early_stopping_metric_minimize", "known of each metric; refused if it is the other "
          "way round", _check_direction, bool),
]  # fmt: skip
_EVALUATING = [
    _idle("eval_throttle_seconds", "evaluations come every local_eval_frequency steps", int, 600),
    _refused(
        "eval_run_autoregressive",
        "with --hparams=keep_best_metric=bleu (or another metric of decoded outputs) each "
        "evaluation also decodes; t2t-eval always does",
        bool,
        False,
    ),
    _refused(
        "eval_use_test_set",
        "training looks at the dev split alone; t2t-eval --eval_use_test_set reports on the test "
        "split",
        bool,
        False,
    ),
]

_TRAINER = [
    *_works(
        *_COMMON_WORKS,
        *("hparams", "train_steps", "eval_steps", "local_eval_frequency", "keep_checkpoint_max"),
        *("keep_checkpoint_every_n_hours", "save_checkpoints_secs", "warm_start_from", "schedule"),
        *("t2t_usr_dir", "random_seed", "output_dir", "generate_data", "tmp_dir", "worker_gpu"),
        *("log_step_count_steps", "log_device_placement", "inter_op_parallelism_threads"),
        *("intra_op_parallelism_threads", "decode_hparams", "decode_from_file", "decode_to_file"),
        *("decode_reference", "eval_timeout_mins"),
    ),
    *_STOPPING,
    *_EVALUATING,
    *_DEBUGGING,
    *_DISTRIBUTION,
    _refused("hparams_range", _TUNER, str, ""),
    _refused("export_saved_model", "run t2t-exporter --output_dir=RUN afterwards", bool, False),
    _refused("master", _CLUSTER, str, ""),
    _refused(
        "profile",
        "give t2t_mm.train in Python callbacks=[keras.callbacks.TensorBoard(DIR, "
        "profile_batch=(10, 20))]",
        bool,
        False,
    ),
    _idle("optionally_use_dist_strat", "several GPUs are used anyway", bool, False),
    _refused("std_server_protocol", _CLUSTER, str, "grpc"),
    _maps("gpu_automatic_mixed_precision", "the hparam precision=mixed_float16", _half, bool),
    _refused("xla_compile", "set TF_XLA_FLAGS=--tf_xla_auto_jit=2 in the environment", bool, False),
    _refused(
        "xla_jit_level", "set TF_XLA_FLAGS=--tf_xla_auto_jit=2 in the environment", int, -1, 0
    ),
    *[_refused(name, _NO_TPU, bool, False) for name in ("use_tpu", "use_tpu_estimator")],
    _idle("tpu_num_shards", _NO_TPU, int, 8),
    _idle("tpu_job_name", _NO_TPU),
    _idle("tpu_infeed_sleep_secs", _NO_TPU, int),
    _refused("cloud_tpu_name", _NO_TPU, str, "", "%s-tpu"),
    _idle("iterations_per_loop", "a step is a step; see local_eval_frequency", int, 100),
    _idle("export_saved_model_api_version", "see t2t-exporter", int, 1, 2),
    _idle("use_guarantee_const_getter", "exports hold constants anyway", bool, False),
    _refused("cloud_mlengine", _CLOUD, bool, False),
    _refused("cloud_mlengine_master_type", _CLOUD, str, ""),
    _refused("job-dir", "give --output_dir", str, ""),
    _refused("autotune_objective", _TUNER, str, ""),
    _idle("autotune_maximize", _TUNER, bool, True),
    _idle("autotune_max_trials", _TUNER, int, 10),
    _idle("autotune_parallel_trials", _TUNER, int, 1),
    *_LOGGING,
    # Of the releases before 1.15.
    _maps("decode_beam_size", "decode_hparams=beam_size=N", _setting("beam_size"), int),
    _maps("decode_alpha", "decode_hparams=alpha=A", _setting("alpha"), float),
    _idle("daisy_chain_variables", "variables are mirrored on all GPUs", bool, True, False),
    _idle("experimental_optimize_placement", "TensorFlow 2 decides that by itself", bool, False),
    _idle("locally_shard_to_cpu", "see worker_gpu", bool, False),
]

_TRAINING_ONLY = "is about training, and decoding takes no notice of it"
_DECODER = [
    *_works(
        *_COMMON_WORKS,
        *("t2t_usr_dir", "output_dir", "checkpoint_path", "decode_interactive", "score_file"),
        *("decode_hparams", "decode_from_file", "decode_to_file", "decode_reference", "tmp_dir"),
        *("keep_timestamp", "hparams"),
    ),
    *[
        _idle(row.name, _TRAINING_ONLY, row.kind, *row.harmless)
        for row in (*_STOPPING, *_EVALUATING, *_DEBUGGING)
    ],
    *[
        _idle(name, _TRAINING_ONLY, kind, *harmless)
        for name, kind, *harmless in (
            ("train_steps", int, 250_000),
            ("eval_timeout_mins", float, 240.0),
            ("keep_checkpoint_max", int, 20),
            ("keep_checkpoint_every_n_hours", float, 10_000.0),
            ("save_checkpoints_secs", float, 0.0),
            ("local_eval_frequency", int, 1000),
            ("warm_start_from", str),
            ("log_device_placement", bool, False),
            ("worker_gpu", int, 1),
            ("export_saved_model", bool, False),
            ("hparams_range", str, ""),
        )
    ],
    *_DISTRIBUTION,
    _refused("decode_shards", _ONE_PROCESS, int, 1),
    _refused(
        "decode_in_memory",
        "answers always go to a file too; in Python, t2t_mm.load(RUN).decode(...) gives them",
        bool,
        False,
    ),
    _idle("disable_grappler_optimizations", "TensorFlow 2 decides that by itself", bool, False),
    _refused("use_tpu", _NO_TPU, bool, False),
    *_LOGGING,
    # Of the releases before 1.15.
    _maps("interactive", "decode_interactive", _to("decode_interactive"), bool),
    _maps("beam_size", "decode_hparams=beam_size=N", _setting("beam_size"), int),
    _maps("alpha", "decode_hparams=alpha=A", _setting("alpha"), float),
    _maps("decode_beam_size", "decode_hparams=beam_size=N", _setting("beam_size"), int),
    _maps("decode_alpha", "decode_hparams=alpha=A", _setting("alpha"), float),
    _maps("decode_extra_length", "decode_hparams=extra_length=N", _setting("extra_length"), int),
    _maps("decode_batch_size", "decode_hparams=batch_size=N", _setting("batch_size"), int),
    _maps("return_beams", "decode_hparams=return_beams=True", _setting("return_beams"), bool),
    _maps(
        "decode_return_beams", "decode_hparams=return_beams=True", _setting("return_beams"), bool
    ),
    _maps(
        "decode_num_samples",
        "num_samples",
        lambda values, value: None if value < 0 else _to("num_samples")(values, value),
        int,
    ),
    _refused(
        "decode_problem_id",
        "name the problem with --problem, or those of each line in a .tsv file",
        int,
        0,
    ),
    _refused("endless_dec", "run t2t-trainer --schedule=continuous_decode_from_file", bool, False),
    _refused("save_images", "models here write no images", bool, False),
    _refused("decode_save_images", "models here write no images", bool, False),
    _idle("infer_use_last_position_only", "decoding is always step by step", bool, True, False),
    _idle("decode_use_last_position_only", "decoding is always step by step", bool, True, False),
    _idle("identity_module", _TRAINING_ONLY, bool, False),
]

_DATAGEN = [
    *_LOGGING,
    *_works(
        *("data_dir", "tmp_dir", "problem", "exclude_problems", "num_shards", "max_cases"),
        *("only_list", "random_seed", "t2t_usr_dir"),
    ),
    _maps("num_concurrent_processes", "num_workers", _to("num_workers"), int),
    *[
        _refused(
            name,
            "one command makes all shards, in --num_workers processes; --runner spreads them over "
            "machines",
            int,
            -1,
        )
        for name in ("task_id", "task_id_start", "task_id_end")
    ],
    *[
        _idle(name, "there is no reinforcement learning here", int)
        for name in ("env_problem_max_env_steps", "env_problem_batch_size")
    ],
    _refused(
        "timit_paths", "put the files into --tmp_dir; t2t-datagen --list=audio says where", str, ""
    ),
    _refused(
        "parsing_path",
        "put the files into --tmp_dir; t2t-datagen --list=parsing says where",
        str,
        "",
    ),
]

_NO_IMAGES = "models here write no images"
# Fields of --decode_hparams, wherever that is a flag.
_SETTINGS = [
    *_works(
        *("extra_length", "min_length_ratio", "batch_size", "beam_size", "alpha", "eos_penalty"),
        *("return_beams", "write_beam_scores", "num_decodes", "force_decode_length"),
    ),
    _maps("num_samples", "num_samples, a flag", _to_given("num_samples"), int),
    _maps("decode_to_file", "decode_to_file, a flag", _to_given("decode_to_file")),
    _maps("decode_reference", "decode_reference, a flag", _to_given("decode_reference")),
    _refused("block_size", "no model here writes several tokens at a time", int, 0),
    _refused(
        "max_input_size",
        "a long input is named, not cut in silence; cut the lines yourself, by words",
        int,
        -1,
        0,
    ),
    _refused("identity_output", "copy the file", bool, False),
    _refused("delimiter", "an input is a line", str, r"\n", ""),
    _refused("shards", _ONE_PROCESS, int, 1),
    _refused("decode_in_memory", "answers always go to a file too", bool, False),
    _refused("multiproblem_task_id", "name the problem with --problem", int, -1),
    _refused("save_images", _NO_IMAGES, bool, False),
    _refused("skip_eos_postprocess", "an answer ends where the model ends it", bool, False),
    _idle("log_results", "the first answers are always printed", bool, True, False),
    _idle("decode_timeout_mins", "see eval_timeout_mins", int, 240),
    _idle("summaries_log_dir", "t2t-eval writes TensorBoard events to tb/ of the run"),
    _idle("shard_id", _ONE_PROCESS, int, 0),
    _idle("shards_start_offset", _ONE_PROCESS, int, 0),
    _idle("display_decoded_images", _NO_IMAGES, bool, False),
    _idle("frames_per_second", _NO_IMAGES, int, 10),
    _idle("vgg_ckpt_path", _NO_IMAGES),
    _idle("mlperf_mode", "there are no MLPerf logs", bool, False),
    _idle("mlperf_threshold", "there are no MLPerf logs", float),
    _idle("mlperf_success", "there are no MLPerf logs", bool, False),
    _idle("mlperf_decode_step", "there are no MLPerf logs", float),
    _idle("export_extra_infer_outputs", "the export's explain_NAME gives them", bool, False),
    _idle("use_last_position_only", "decoding is always step by step", bool, True, False),
]

ROWS: dict[str, list[Flag]] = {TRAINER: _TRAINER, DECODER: _DECODER, DATAGEN: _DATAGEN}
TABLES = {**ROWS, "--decode_hparams": _SETTINGS}

_DEFINE = {
    str: flags.DEFINE_string,
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
}


def define(values: flags.FlagValues, command: str) -> None:
    """Makes the flags of a command's rows that it does not declare itself; --help hides them."""
    for row in ROWS[command]:
        if row.does != "works":
            make: Any = _DEFINE[row.kind]
            make(row.name, None, HIDDEN, flag_values=values, module_name=command)


HIDDEN = "Tensor2Tensor's; see docs/from_t2t.md."


def apply(values: flags.FlagValues, command: str) -> None:
    """Does what the rows say of the flags that are given.

    Args:
      values: the command's flags, parsed.
      command: its name.

    Raises:
      UserError: for a flag that is refused, with what to give instead.
    """
    for row in ROWS[command]:
        if row.does == "works" or not values[row.name].present:
            continue
        value = values[row.name].value
        if row.apply is not None:
            row.apply(values, value)
        elif value in row.harmless:
            continue
        elif row.does == "refused":
            raise UserError(f"--{row.name} of Tensor2Tensor is not here: {row.says}.")
        else:
            note = f"note: --{row.name} of Tensor2Tensor has no effect here: {row.says}."
            print(note, file=sys.stderr, flush=True)


def apply_settings(values: flags.FlagValues) -> None:
    """Takes Tensor2Tensor's own fields out of --decode_hparams, and does what their rows say.

    Raises:
      UserError: for a field that is refused, with what to give instead.
    """
    known = {row.name: row for row in _SETTINGS if row.does != "works"}
    kept = []
    for item in (values.decode_hparams or "").split(","):
        name, _, text = (part.strip() for part in item.partition("="))
        row = known.get(name)
        if row is None:
            kept.append(item)
            continue
        value = _parsed(row, text)
        if row.apply is not None:
            row.apply(values, value)
        elif row.does == "refused" and value not in row.harmless:
            raise UserError(f"--decode_hparams: {name} of Tensor2Tensor is not here: {row.says}.")
    values["decode_hparams"].value = ",".join(kept)


def _parsed(row: Flag, text: str) -> Any:
    try:
        if row.kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        return row.kind(text)
    except (ValueError, KeyError):
        raise UserError(
            f"--decode_hparams: {row.name} must be "
            f"{'true or false' if row.kind is bool else 'a number'}, got '{text}'."
        ) from None


def with_hparams(argv: Sequence[str]) -> list[str]:
    """Arguments with --hp_NAME VALUE and --hp_NAME=VALUE appended to --hparams, as in T2T.

    Raises:
      UserError: for an --hp_NAME without a value.
    """
    rest: list[str] = []
    given: list[str] = []
    changes: list[str] = []
    words = iter(argv)
    for word in words:
        found = re.fullmatch(r"--?(hp_\w[\w.]*|hparams)(?:=(.*))?", word, re.DOTALL)
        if not found:
            rest.append(word)
            continue
        name, value = found.groups()
        if value is None:
            value = next(words, None)
        if value is None:
            raise UserError(f"--{name} has no value; write --{name}=VALUE.")
        if name == "hparams":
            given = [value]
        else:
            changes.append(f"{name.removeprefix('hp_')}={value}")
    if not given and not changes:
        return rest
    return [*rest, f"--hparams={','.join(filter(None, [*given, *changes]))}"]


def tables() -> str:
    """The tables of docs/from_t2t.md, in Markdown."""
    parts = []
    for command, rows in TABLES.items():
        dashes = "--" if command in ROWS else ""
        shown = [[f"`{dashes}{row.name}`", row.does, _says(row)] for row in rows]
        parts.append(f"### {command}\n\n{markdown(['T2T', 'here', ''], shown)}")
    return "\n\n".join(parts)


def _says(row: Flag) -> str:
    """The last cell of a row: what it says, and which values a refused flag may have."""
    values: Iterable[Any] = row.harmless if row.does == "refused" else ()
    taken = ", ".join(f"`{value}`" for value in values if value != "")
    return f"{row.says} (taken: {taken})" if taken else row.says


if __name__ == "__main__":
    print(tables())
