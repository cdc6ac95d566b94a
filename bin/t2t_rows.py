"""The table: every flag of Tensor2Tensor 1.15's t2t-trainer, t2t-decoder and t2t-datagen.

A flag that means here what it means there is declared by its command, and has a row here so that
the table is whole. Some flags of older releases have rows too.
"""

from __future__ import annotations

from t2t_mm.bin.t2t_mapping import (
    check_direction,
    choose_metric,
    half_precision,
    setting,
    stop_early,
    to,
    to_given,
)
from t2t_mm.bin.t2t_row import DATAGEN, DECODER, TRAINER, Flag, idle, maps, refused, works

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
    idle("alsologtostderr", "notes go to standard error anyway", bool, True, False),
    idle("logtostderr", "notes go to standard error anyway", bool, True, False),
    idle("verbosity", "set TF_CPP_MIN_LOG_LEVEL in the environment", int, 0, -1),
]

# Flags of T2T's flags.py that both the trainer and the decoder have.
_COMMON_WORKS = ("model", "hparams_set", "problem", "data_dir", "registry_help")
_DISTRIBUTION = [
    idle("sync", "several GPUs always take a step together", bool, True, False),
    refused("worker_job", _CLUSTER, str, "/job:localhost", "/job:worker"),
    refused("worker_replicas", _CLUSTER, int, 0, 1),
    refused("worker_id", _CLUSTER, int, 0),
    refused(
        "worker_gpu_memory_fraction",
        "TensorFlow takes what it needs with TF_FORCE_GPU_ALLOW_GROWTH=true in the environment",
        float,
        0.95,
    ),
    refused("ps_gpu", _CLUSTER, int, 0),
    refused("ps_job", _CLUSTER, str, "/job:ps"),
    refused("ps_replicas", _CLUSTER, int, 0),
    refused("gpu_order", "choose GPUs with CUDA_VISIBLE_DEVICES=2,1 in the environment", str, ""),
]
_DEBUGGING = [
    refused(
        "tfdbg",
        "call t2t_mm.train in Python under a debugger; a loss or gradient that is no finite number "
        "ends a run with the problem's name anyway",
        bool,
        False,
    ),
    refused(
        "dbgprofile",
        "give t2t_mm.train in Python callbacks=[keras.callbacks.TensorBoard(DIR, "
        "profile_batch=(10, 20))]",
        bool,
        False,
    ),
    idle("enable_graph_rewriter", "TensorFlow 2 decides that by itself", bool, False),
]
_STOPPING = [
    Flag("eval_early_stopping_metric_delta", "with eval_early_stopping_steps: the hparam "
         "early_stopping_delta", "maps", float, (), lambda values, value: None),
    maps("eval_early_stopping_steps", "the hparam early_stopping_evals: these steps over "
          "local_eval_frequency, rounded up", stop_early, int),
    maps("eval_early_stopping_metric", "the hparam keep_best_metric", choose_metric),
    maps("eval_early_stopping_metric_minimize", "known of each metric; refused if it is the other "
          "way round", check_direction, bool),
]  # fmt: skip
_EVALUATING = [
    idle("eval_throttle_seconds", "evaluations come every local_eval_frequency steps", int, 600),
    refused(
        "eval_run_autoregressive",
        "with --hparams=keep_best_metric=bleu (or another metric of decoded outputs) each "
        "evaluation also decodes; t2t-eval always does",
        bool,
        False,
    ),
    refused(
        "eval_use_test_set",
        "training looks at the dev split alone; t2t-eval --eval_use_test_set reports on the test "
        "split",
        bool,
        False,
    ),
]

_TRAINER = [
    *works(
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
    refused("hparams_range", _TUNER, str, ""),
    refused("export_saved_model", "run t2t-exporter --output_dir=RUN afterwards", bool, False),
    refused("master", _CLUSTER, str, ""),
    refused(
        "profile",
        "give t2t_mm.train in Python callbacks=[keras.callbacks.TensorBoard(DIR, "
        "profile_batch=(10, 20))]",
        bool,
        False,
    ),
    idle("optionally_use_dist_strat", "several GPUs are used anyway", bool, False),
    refused("std_server_protocol", _CLUSTER, str, "grpc"),
    maps(
        "gpu_automatic_mixed_precision", "the hparam precision=mixed_float16", half_precision, bool
    ),
    refused("xla_compile", "set TF_XLA_FLAGS=--tf_xla_auto_jit=2 in the environment", bool, False),
    refused("xla_jit_level", "set TF_XLA_FLAGS=--tf_xla_auto_jit=2 in the environment", int, -1, 0),
    *[refused(name, _NO_TPU, bool, False) for name in ("use_tpu", "use_tpu_estimator")],
    idle("tpu_num_shards", _NO_TPU, int, 8),
    idle("tpu_job_name", _NO_TPU),
    idle("tpu_infeed_sleep_secs", _NO_TPU, int),
    refused("cloud_tpu_name", _NO_TPU, str, "", "%s-tpu"),
    idle("iterations_per_loop", "a step is a step; see local_eval_frequency", int, 100),
    idle("export_saved_model_api_version", "see t2t-exporter", int, 1, 2),
    idle("use_guarantee_const_getter", "exports hold constants anyway", bool, False),
    refused("cloud_mlengine", _CLOUD, bool, False),
    refused("cloud_mlengine_master_type", _CLOUD, str, ""),
    refused("job-dir", "give --output_dir", str, ""),
    refused("autotune_objective", _TUNER, str, ""),
    idle("autotune_maximize", _TUNER, bool, True),
    idle("autotune_max_trials", _TUNER, int, 10),
    idle("autotune_parallel_trials", _TUNER, int, 1),
    *_LOGGING,
    # Of the releases before 1.15.
    maps("decode_beam_size", "decode_hparams=beam_size=N", setting("beam_size"), int),
    maps("decode_alpha", "decode_hparams=alpha=A", setting("alpha"), float),
    idle("daisy_chain_variables", "variables are mirrored on all GPUs", bool, True, False),
    idle("experimental_optimize_placement", "TensorFlow 2 decides that by itself", bool, False),
    idle("locally_shard_to_cpu", "see worker_gpu", bool, False),
]

_TRAINING_ONLY = "it is about training, and decoding takes no notice of it"
_DECODER = [
    *works(
        *_COMMON_WORKS,
        *("t2t_usr_dir", "output_dir", "checkpoint_path", "decode_interactive", "score_file"),
        *("decode_hparams", "decode_from_file", "decode_to_file", "decode_reference", "tmp_dir"),
        *("keep_timestamp", "hparams"),
    ),
    *[
        idle(row.name, _TRAINING_ONLY, row.kind, *row.harmless)
        for row in (*_STOPPING, *_EVALUATING, *_DEBUGGING)
    ],
    *[
        idle(name, _TRAINING_ONLY, kind, *harmless)
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
    refused("decode_shards", _ONE_PROCESS, int, 1),
    refused(
        "decode_in_memory",
        "answers always go to a file too; in Python, t2t_mm.load(RUN).decode(...) gives them",
        bool,
        False,
    ),
    idle("disable_grappler_optimizations", "TensorFlow 2 decides that by itself", bool, False),
    refused("use_tpu", _NO_TPU, bool, False),
    *_LOGGING,
    # Of the releases before 1.15.
    maps("interactive", "decode_interactive", to("decode_interactive"), bool),
    maps("beam_size", "decode_hparams=beam_size=N", setting("beam_size"), int),
    maps("alpha", "decode_hparams=alpha=A", setting("alpha"), float),
    maps("decode_beam_size", "decode_hparams=beam_size=N", setting("beam_size"), int),
    maps("decode_alpha", "decode_hparams=alpha=A", setting("alpha"), float),
    maps("decode_extra_length", "decode_hparams=extra_length=N", setting("extra_length"), int),
    maps("decode_batch_size", "decode_hparams=batch_size=N", setting("batch_size"), int),
    maps("return_beams", "decode_hparams=return_beams=True", setting("return_beams"), bool),
    maps("decode_return_beams", "decode_hparams=return_beams=True", setting("return_beams"), bool),
    maps(
        "decode_num_samples",
        "num_samples",
        lambda values, value: None if value < 0 else to("num_samples")(values, value),
        int,
    ),
    refused(
        "decode_problem_id",
        "name the problem with --problem, or those of each line in a .tsv file",
        int,
        0,
    ),
    refused("endless_dec", "run t2t-trainer --schedule=continuous_decode_from_file", bool, False),
    refused("save_images", "models here write no images", bool, False),
    refused("decode_save_images", "models here write no images", bool, False),
    idle("infer_use_last_position_only", "decoding is always step by step", bool, True, False),
    idle("decode_use_last_position_only", "decoding is always step by step", bool, True, False),
    idle("identity_module", _TRAINING_ONLY, bool, False),
]

_DATAGEN = [
    *_LOGGING,
    *works(
        *("data_dir", "tmp_dir", "problem", "exclude_problems", "num_shards", "max_cases"),
        *("only_list", "random_seed", "t2t_usr_dir"),
    ),
    maps("num_concurrent_processes", "num_workers", to("num_workers"), int),
    *[
        refused(
            name,
            "one command makes all shards, in --num_workers processes; --runner spreads them over "
            "machines",
            int,
            -1,
        )
        for name in ("task_id", "task_id_start", "task_id_end")
    ],
    *[
        idle(name, "there is no reinforcement learning here", int)
        for name in ("env_problem_max_env_steps", "env_problem_batch_size")
    ],
    refused(
        "timit_paths", "put the files into --tmp_dir; t2t-datagen --list=audio says where", str, ""
    ),
    refused(
        "parsing_path",
        "put the files into --tmp_dir; t2t-datagen --list=parsing says where",
        str,
        "",
    ),
]

_NO_IMAGES = "models here write no images"
# Fields of --decode_hparams, wherever that is a flag.
SETTINGS = [
    *works(
        *("extra_length", "min_length_ratio", "batch_size", "beam_size", "alpha", "eos_penalty"),
        *("return_beams", "write_beam_scores", "num_decodes", "force_decode_length"),
    ),
    maps("num_samples", "num_samples, a flag", to_given("num_samples"), int),
    maps("decode_to_file", "decode_to_file, a flag", to_given("decode_to_file")),
    maps("decode_reference", "decode_reference, a flag", to_given("decode_reference")),
    refused("block_size", "no model here writes several tokens at a time", int, 0),
    refused(
        "max_input_size",
        "a long input is named, not cut in silence; cut the lines yourself, by words",
        int,
        -1,
        0,
    ),
    refused("identity_output", "copy the file", bool, False),
    refused("delimiter", "an input is a line", str, r"\n", ""),
    refused("shards", _ONE_PROCESS, int, 1),
    refused("decode_in_memory", "answers always go to a file too", bool, False),
    refused("multiproblem_task_id", "name the problem with --problem", int, -1),
    refused("save_images", _NO_IMAGES, bool, False),
    refused("skip_eos_postprocess", "an answer ends where the model ends it", bool, False),
    idle("log_results", "the first answers are always printed", bool, True, False),
    idle("decode_timeout_mins", "see eval_timeout_mins", int, 240),
    idle("summaries_log_dir", "t2t-eval writes TensorBoard events to tb/ of the run"),
    idle("shard_id", _ONE_PROCESS, int, 0),
    idle("shards_start_offset", _ONE_PROCESS, int, 0),
    idle("display_decoded_images", _NO_IMAGES, bool, False),
    idle("frames_per_second", _NO_IMAGES, int, 10),
    idle("vgg_ckpt_path", _NO_IMAGES),
    idle("mlperf_mode", "there are no MLPerf logs", bool, False),
    idle("mlperf_threshold", "there are no MLPerf logs", float),
    idle("mlperf_success", "there are no MLPerf logs", bool, False),
    idle("mlperf_decode_step", "there are no MLPerf logs", float),
    idle("export_extra_infer_outputs", "the export's explain_NAME gives them", bool, False),
    idle("use_last_position_only", "decoding is always step by step", bool, True, False),
]

ROWS: dict[str, list[Flag]] = {TRAINER: _TRAINER, DECODER: _DECODER, DATAGEN: _DATAGEN}
TABLES = {**ROWS, "--decode_hparams": SETTINGS}
