"""Every flag of Tensor2Tensor 1.15: works, maps to ours, has no effect and says so, or is refused.

The lists of flags here are theirs; the table of rows is bin/t2t_rows.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from absl import flags

from t2t_mm.bin import t2t_datagen, t2t_decoder, t2t_flags, t2t_trainer, trainer_schedules
from t2t_mm.bin.command_line import exit_status, parse
from t2t_mm.bin.t2t_flags import HIDDEN
from t2t_mm.bin.t2t_row import DATAGEN, DECODER, TRAINER, Flag
from t2t_mm.bin.t2t_rows import ROWS, TABLES
from t2t_mm.decoding.settings import DecodeSettings
from t2t_mm.errors import UserError

COMMON = """model hparams_set hparams hparams_range problem data_dir registry_help train_steps
eval_early_stopping_metric eval_early_stopping_metric_delta eval_early_stopping_steps
eval_early_stopping_metric_minimize eval_timeout_mins eval_throttle_seconds
eval_run_autoregressive eval_use_test_set keep_checkpoint_max keep_checkpoint_every_n_hours
save_checkpoints_secs local_eval_frequency warm_start_from tfdbg dbgprofile
log_device_placement enable_graph_rewriter sync worker_job worker_gpu worker_replicas
worker_id worker_gpu_memory_fraction ps_gpu gpu_order ps_job ps_replicas decode_hparams
decode_from_file decode_to_file decode_reference export_saved_model"""
THEIRS = {
    TRAINER: f"""{COMMON}
t2t_usr_dir random_seed output_dir master schedule eval_steps generate_data tmp_dir profile
log_step_count_steps inter_op_parallelism_threads intra_op_parallelism_threads
optionally_use_dist_strat std_server_protocol gpu_automatic_mixed_precision xla_compile
xla_jit_level use_tpu use_tpu_estimator tpu_num_shards tpu_job_name iterations_per_loop
tpu_infeed_sleep_secs cloud_tpu_name export_saved_model_api_version
use_guarantee_const_getter cloud_mlengine cloud_mlengine_master_type job-dir
autotune_objective autotune_maximize autotune_max_trials autotune_parallel_trials""",
    DECODER: f"""{COMMON}
t2t_usr_dir output_dir checkpoint_path keep_timestamp decode_interactive decode_shards
score_file decode_in_memory disable_grappler_optimizations""",
    DATAGEN: """data_dir tmp_dir problem exclude_problems num_shards max_cases only_list random_seed
task_id task_id_start task_id_end num_concurrent_processes t2t_usr_dir env_problem_max_env_steps
env_problem_batch_size timit_paths parsing_path""",
}
SETTINGS = """save_images log_results extra_length min_length_ratio batch_size beam_size alpha
eos_penalty block_size return_beams write_beam_scores max_input_size identity_output num_samples
delimiter decode_to_file decode_reference decode_in_memory decode_timeout_mins
summaries_log_dir shards shard_id shards_start_offset num_decodes force_decode_length
display_decoded_images multiproblem_task_id skip_eos_postprocess frames_per_second
vgg_ckpt_path mlperf_mode mlperf_threshold mlperf_success mlperf_decode_step
export_extra_infer_outputs"""

MAKE: dict[str, Callable[[], flags.FlagValues]] = {
    TRAINER: t2t_trainer._flags,
    DECODER: t2t_decoder._flags,
    DATAGEN: t2t_datagen._flags,
}
EACH = [(command, row) for command, rows in ROWS.items() for row in rows]
# A value that says something, of each type.
SOME: dict[type, Any] = {str: "some", bool: True, int: 7, float: 7.5}


def parsed(command: str, *argv: str) -> flags.FlagValues:
    values = MAKE[command]()
    assert parse(values, argv, "", command)
    return values


def strange(row: Flag) -> Any:
    """A value that is not one of a row's harmless ones."""
    value = SOME[row.kind]
    return value if value not in row.harmless else (not value if row.kind is bool else value + 1)


@pytest.mark.parametrize("command", THEIRS)
def test_every_flag_of_theirs_has_a_row(command: str) -> None:
    assert set(THEIRS[command].split()) <= {row.name for row in ROWS[command]}
    names = [row.name for row in ROWS[command]]
    assert len(names) == len(set(names))
    assert set(names) <= set(MAKE[command]())
    assert set(SETTINGS.split()) <= {row.name for row in TABLES["--decode_hparams"]}


@pytest.mark.parametrize(("command", "row"), EACH, ids=lambda each: getattr(each, "name", each))
def test_each_flag_does_what_its_row_says(
    command: str, row: Flag, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = MAKE[command]()[row.name]
    assert (flag.help == HIDDEN) == (row.does != "works")
    for value in row.harmless:
        parsed(command, f"--{row.name}={value}")
        assert capsys.readouterr().err == ""
    if row.does == "refused":
        with pytest.raises(UserError) as error:
            parsed(command, f"--{row.name}={strange(row)}")
        assert f"--{row.name} of Tensor2Tensor is not here: {row.says}." == str(error.value)
    elif row.does == "no effect" and (row.kind, row.harmless) != (bool, (True, False)):
        parsed(command, f"--{row.name}={strange(row)}")
        said = capsys.readouterr().err
        assert said == f"note: --{row.name} of Tensor2Tensor has no effect here: {row.says}.\n"
    assert (row.does == "maps") == (row.apply is not None)


@pytest.mark.parametrize(
    ("command", "argv", "flag", "value"),
    [
        (TRAINER, ["--problem=a"], "problems", "a"),
        (
            TRAINER,
            ["--eval_early_stopping_steps=2500", "--local_eval_frequency=1000"],
            "hparams",
            "early_stopping_evals=3,early_stopping_delta=0.1",
        ),
        (
            TRAINER,
            ["--eval_early_stopping_steps=900", "--eval_early_stopping_metric_delta=0"],
            "hparams",
            "early_stopping_evals=1,early_stopping_delta=0.0",
        ),
        (
            TRAINER,
            ["--eval_early_stopping_metric=metrics-a/targets/approx_bleu_score"],
            "hparams",
            "keep_best_metric=a/bleu",
        ),
        (
            TRAINER,
            ["--eval_early_stopping_metric=accuracy", "--noeval_early_stopping_metric_minimize"],
            "hparams",
            "keep_best_metric=accuracy",
        ),
        (TRAINER, ["--gpu_automatic_mixed_precision"], "hparams", "precision=mixed_float16"),
        (TRAINER, ["--gpu_automatic_mixed_precision=false"], "hparams", ""),
        (TRAINER, ["--hp_dropout", "0.3", "--hparams=a=1"], "hparams", "a=1,dropout=0.3"),
        (TRAINER, ["--hparams", "a=[1,2]", "--hp_b=[3]"], "hparams", "a=[1,2],b=[3]"),
        (TRAINER, ["--decode_beam_size=2"], "decode_hparams", "beam_size=2"),
        (TRAINER, ["--decode_alpha=0.9"], "decode_hparams", "alpha=0.9"),
        (DECODER, ["--interactive"], "decode_interactive", True),
        (DECODER, ["--beam_size=2", "--alpha=1"], "decode_hparams", "alpha=1.0,beam_size=2"),
        (DECODER, ["--decode_beam_size=2"], "decode_hparams", "beam_size=2"),
        (DECODER, ["--decode_alpha=0"], "decode_hparams", "alpha=0.0"),
        (DECODER, ["--decode_extra_length=9"], "decode_hparams", "extra_length=9"),
        (DECODER, ["--decode_batch_size=9"], "decode_hparams", "batch_size=9"),
        (DECODER, ["--return_beams"], "decode_hparams", "return_beams=True"),
        (DECODER, ["--decode_return_beams"], "decode_hparams", "return_beams=True"),
        (DECODER, ["--decode_num_samples=4"], "num_samples", 4),
        (DECODER, ["--decode_num_samples=-1"], "num_samples", None),
        (DATAGEN, ["--num_concurrent_processes=3"], "num_workers", 3),
        (DATAGEN, ["--problem=a"], "problems", "a"),
        (DECODER, ["--decode_hparams=num_samples=3,beam_size=1"], "num_samples", 3),
        (DECODER, ["--decode_hparams=num_samples=-1,beam_size=1"], "decode_hparams", "beam_size=1"),
        (DECODER, ["--decode_hparams=decode_to_file=x"], "decode_to_file", "x"),
        (DECODER, ["--decode_hparams=decode_reference=y"], "decode_reference", "y"),
        (DECODER, ["--decode_hparams=alpha=1,log_results=False"], "decode_hparams", "alpha=1"),
        (DECODER, [r"--decode_hparams=delimiter=\n,block_size=0"], "decode_hparams", ""),
    ],
)
def test_flags_that_map(command: str, argv: list[str], flag: str, value: Any) -> None:
    found = parsed(command, *argv)[flag].value
    assert (found or None) == (value or None) and (value is not False or found is False)


def test_every_row_that_maps_is_shown_by_a_test() -> None:
    shown = test_flags_that_map.pytestmark[0].args[1]
    for command, row in EACH:
        if row.does == "maps":
            given = [word for c, argv, *_ in shown if c == command for word in argv]
            assert any(row.name in word for word in given), (command, row.name)


@pytest.mark.parametrize("row", TABLES["--decode_hparams"], ids=lambda row: row.name)
def test_each_decode_hparam_does_what_its_row_says(row: Flag) -> None:
    if row.does == "works":
        assert row.name in DecodeSettings.types()
        return
    assert row.name not in DecodeSettings.types()
    for value in row.harmless:
        assert not parsed(DECODER, f"--decode_hparams={row.name}={value}").decode_hparams
    if row.does == "refused":
        with pytest.raises(UserError) as error:
            parsed(DECODER, f"--decode_hparams={row.name}={strange(row)}")
        said = f"--decode_hparams: {row.name} of Tensor2Tensor is not here: {row.says}."
        assert said == str(error.value)
    elif row.does == "no effect":
        assert not parsed(DECODER, f"--decode_hparams={row.name}={strange(row)}").decode_hparams


@pytest.mark.parametrize(
    ("command", "argv", "words"),
    [
        (
            TRAINER,
            ["--eval_early_stopping_metric=bleu", "--eval_early_stopping_metric_minimize"],
            "of bleu, more is better, which is known here; leave the flag out.",
        ),
        (TRAINER, ["--noeval_early_stopping_metric_minimize"], "of loss, less is better"),
        (TRAINER, ["--hp_dropout"], "--hp_dropout has no value; write --hp_dropout=VALUE."),
        (DECODER, ["--decode_hparams=block_size=x"], "block_size must be a number, got 'x'."),
        (DECODER, ["--decode_hparams=identity_output=x"], "must be true or false, got 'x'."),
    ],
)
def test_mistakes_in_their_flags(command: str, argv: list[str], words: str) -> None:
    with pytest.raises(UserError) as error:
        parsed(command, *argv)
    assert words in str(error.value)


def test_help_shows_no_flag_that_is_theirs_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert t2t_trainer.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "--worker_gpu:" in shown and "--use_tpu" not in shown and HIDDEN not in shown


def test_the_page_for_those_who_come_from_there_is_the_table() -> None:
    page = Path(__file__).parents[2] / "docs" / "from_t2t.md"
    text = page.read_text(encoding="utf-8")
    assert t2t_flags.tables() in text, "python -m t2t_mm.bin.t2t_flags prints what it should hold"
    for schedule in trainer_schedules.SCHEDULES:
        assert f"`{schedule}`" in text, schedule


@pytest.mark.parametrize(
    ("schedule", "settings"),
    [
        ("train", {"schedule": "train", "train_steps": 9}),
        ("evaluate", {"schedule": "evaluate"}),
        ("evaluate_on_train_data", {"schedule": "evaluate_on_train_data"}),
        ("test", {"schedule": "train_and_evaluate", "train_steps": 1, "eval_steps": 1}),
        ("local_run", {"schedule": "train_and_evaluate", "train_steps": 9}),
    ],
)
def test_schedules_that_train(schedule: str, settings: dict[str, Any]) -> None:
    values = parsed(TRAINER, f"--schedule={schedule}", "--train_steps=9")
    called: list[flags.FlagValues] = []
    assert trainer_schedules.run(values, called.append) == 0
    assert {name: values[name].value for name in settings} == settings and called == [values]


@pytest.mark.parametrize(
    ("argv", "command", "handed"),
    [
        (
            ["--schedule=continuous_eval", "--eval_timeout_mins=0", "--eval_steps=3"],
            "t2t_eval",
            ["--schedule=continuous_eval", "--split=dev", "--eval_steps=3"],
        ),
        (
            ["--schedule=continuous_eval_on_train_data"],
            "t2t_eval",
            ["--schedule=continuous_eval", "--split=train"],
        ),
        (["--schedule=decode"], "t2t_decoder", ["--decode_split=dev"]),
        (
            ["--schedule=decode", "--decode_from_file=f", "--decode_hparams=beam_size=1"],
            "t2t_decoder",
            ["--decode_from_file=f", "--decode_hparams=beam_size=1"],
        ),
        (["--schedule=train_eval_and_decode"], "t2t_decoder", ["--decode_split=dev"]),
    ],
)
def test_schedules_of_other_commands(
    argv: list[str], command: str, handed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(f"t2t_mm.bin.{command}.main", lambda argv: calls.append(argv) or 0)
    values = parsed(TRAINER, "--problem=a", "--model=transformer", "--data_dir=d", *argv)
    assert trainer_schedules.run(values, lambda values: None) == 0
    (call,) = calls
    run = "--output_dir=~/t2t_train/a/transformer-multimodel_base"
    assert {*handed, run, "--problems=a", "--data_dir=d", "--model=transformer"} <= set(call)


def test_schedules_that_decode_each_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr("t2t_mm.bin.t2t_decoder.main", lambda argv: calls.append(argv) or 0)
    found = iter(["r/checkpoints/model-5", "r/checkpoints/model-10"])
    monkeypatch.setattr(
        "t2t_mm.evaluation.checkpoint_series.new_checkpoints", lambda folder, seconds: found
    )
    values = parsed(TRAINER, "--problem=a", "--output_dir=r", "--schedule=continuous_decode")
    assert trainer_schedules.run(values, lambda values: None) == 0
    targets = [word for call in calls for word in call if word.startswith("--decode_to_file")]
    assert targets == ["--decode_to_file=r/decodes-5", "--decode_to_file=r/decodes-10"]
    assert all("--decode_split=dev" in call for call in calls)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--schedule=run_std_server"], "serves a cluster's variables, and one machine trains"),
        (["--schedule=train", "--decode_from_file=f"], "--schedule=train does not decode; give it"),
        (["--schedule=continuous_decode_from_file"], "needs --decode_from_file=FILE."),
    ],
)
def test_schedules_that_cannot_be(argv: list[str], words: str) -> None:
    with pytest.raises(UserError) as error:
        trainer_schedules.run(parsed(TRAINER, "--output_dir=r", *argv), lambda values: None)
    assert words in str(error.value)


def test_datagen_lists_and_excludes(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--problem=caption_shapes,translate_ende_shapes,speech_shapes", "--only_list"]
    assert exit_status(t2t_datagen.main, [*argv, "--exclude_problems=ende,xyz"]) == 0
    assert capsys.readouterr().out == "caption_shapes\nspeech_shapes\n"
    assert exit_status(t2t_datagen.main, [*argv, "--exclude_problems=shapes"]) == 2
    assert "--exclude_problems=shapes leaves nothing of" in capsys.readouterr().err


def test_max_cases_makes_the_first_examples_of_each_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def make(folder: str, *argv: str) -> int:
        where = f"--data_dir={tmp_path / folder}"
        common = ["--problem=algorithmic_reverse_decimal40", "--num_workers=1", "--num_shards=1"]
        return exit_status(t2t_datagen.main, [*common, where, *argv])

    from t2t_mm.data.records.manifest import load_manifest

    assert make("few", "--max_cases=5") == 0
    manifest = load_manifest("algorithmic_reverse_decimal40", tmp_path / "few")
    assert manifest is not None and manifest.max_cases == 5
    assert {split: manifest.examples(split) for split in manifest.splits} == dict.fromkeys(
        manifest.splits, 5
    )
    assert make("few") == 0  # as they are
    assert make("few", "--max_cases=0") == 2
    assert "were made with max_cases 5, not 0 (0: all); use another" in capsys.readouterr().err
