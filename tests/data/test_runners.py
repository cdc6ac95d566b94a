"""Work items that run anywhere give the bytes that this machine gives, whatever happens."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from t2t_mm.bin import t2t_datagen
from t2t_mm.data.generation import api as generation
from t2t_mm.data.generation.runners import Cluster, beam, receipts
from t2t_mm.data.generation.runners.items import run_item
from t2t_mm.data.records.manifest import load_manifest
from t2t_mm.errors import DataError, UserError
from t2t_mm.problem import Problem, Split
from tests.data.datagen_toys import ToyImage, ToyText, text_problem

GOOD = {"inputs": "a b", "targets": "c d"}


class Killed(BaseException):
    """Stands for the end of the driver."""


def generate(problems: Sequence[Problem], data_dir: Path, **options: Any) -> list[Any]:
    return generation.generate(problems, data_dir, **{"log": lambda line: None, **options})


def contents(data_dir: Path) -> dict[str, bytes]:
    files = (p for p in data_dir.iterdir() if p.is_file() and not p.name.startswith("."))
    return {path.name: path.read_bytes() for path in files}


def toys() -> list[Problem]:
    return [ToyText("datagen_toy_text"), ToyImage("datagen_toy_image")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    data_dir = tmp_path_factory.mktemp("local")
    generate(toys(), data_dir, num_workers=1)
    return contents(data_dir)


@pytest.fixture
def launched(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Callable[[Sequence[bytes]], None]], None]:
    """Puts a function in the place of the pipeline."""

    def use(launch: Callable[[Sequence[bytes]], None]) -> None:
        monkeypatch.setattr(beam, "check", lambda cluster: None)
        monkeypatch.setattr(beam, "launch", lambda items, cluster: launch(items))

    return use


def test_items_in_any_order_and_twice_give_the_same_bytes(
    whole: dict[str, bytes], launched: Any, tmp_path: Path
) -> None:
    counts = []

    def launch(items: Sequence[bytes]) -> None:
        counts.append(len(items))
        for item in [*reversed(items), items[0]]:
            run_item(item)

    launched(launch)
    rows = generate(toys(), tmp_path, runner="FlinkRunner", num_workers=3)
    assert contents(tmp_path) == whole
    assert all(row.seconds is not None for row in rows)
    assert 9 <= counts[0] <= 13  # 13 shards; 3 + 2 + 1 and 2 + 1 items at least
    assert load_manifest("datagen_toy_text", tmp_path).complete


def test_a_killed_driver_loses_nothing(
    whole: dict[str, bytes], launched: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_three(items: Sequence[bytes]) -> None:
        for item in items[:3]:
            run_item(item)
        raise Killed

    launched(first_three)
    monkeypatch.setattr("t2t_mm.data.generation.runners.items.Driver._collect", lambda self: None)
    with pytest.raises(Killed):
        generate(toys(), tmp_path, runner="FlinkRunner", num_workers=9)
    monkeypatch.undo()
    left = sorted(p.name for p in tmp_path.glob(".*.receipt.json"))
    assert len(left) == 3
    times = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("datagen*-of-*")}
    assert len(times) == 3
    generate(toys(), tmp_path, num_workers=1)  # here, and not on the cluster
    assert contents(tmp_path) == whole
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in times} == times
    assert not list(tmp_path.glob(".*.receipt.json"))


def test_receipts_of_other_data_are_worth_nothing(tmp_path: Path) -> None:
    generate(toys()[1:], tmp_path, num_workers=1)
    manifest = load_manifest("datagen_toy_image", tmp_path)
    before = receipts.fingerprint(manifest)
    manifest.seed = 5
    assert receipts.fingerprint(manifest) != before
    manifest.seed, manifest.complete, manifest.splits["train"][0] = 0, False, None
    assert receipts.fingerprint(manifest) == before  # what is finished is not part of it


def test_the_users_mistake_is_one_sentence_and_the_rest_is_kept(
    launched: Any, tmp_path: Path
) -> None:
    bad = text_problem("toy", [GOOD] * 40 + [{"inputs": "", "targets": "x"}])
    bad.shards = {Split.TRAIN: 8}
    launched(lambda items: [run_item(item) for item in items])
    with pytest.raises(DataError, match="example 40: inputs is empty text"):
        generate([bad], tmp_path, runner="SparkRunner", num_workers=8)
    finished = [shard for shard in load_manifest("toy", tmp_path).splits["train"] if shard]
    assert len(finished) == 7
    assert not list(tmp_path.glob(".*.receipt.json"))
    rows = generate([bad], tmp_path, runner="SparkRunner", num_workers=8, skip_broken=True)
    assert (rows[0].examples, rows[0].left_out) == (40, {"empty text": 1})


def test_items_that_do_not_arrive(launched: Any, tmp_path: Path) -> None:
    launched(lambda items: [run_item(item) for item in items[1:]])
    with pytest.raises(DataError, match="1 of its work items have not arrived in .*same shared fo"):
        generate(toys()[1:], tmp_path, runner="DataflowRunner", num_workers=4)


def test_problems_that_cannot_travel(launched: Any, tmp_path: Path) -> None:
    launched(lambda items: None)

    class Local(ToyImage):
        pass

    with pytest.raises(DataError, match="--runner=FlinkRunner cannot have it: 'local' cannot be p"):
        generate([Local("local")], tmp_path, runner="FlinkRunner")


def test_options() -> None:
    assert beam.parse_options("project=p,--region=r, flag") == (
        "--project=p",
        "--region=r",
        "--flag",
    )
    assert beam.parse_options(None) == ()
    assert beam._options(Cluster("FlinkRunner", ("--a=b",))) == ["--runner=FlinkRunner", "--a=b"]
    direct = beam._options(Cluster("DirectRunner", (), 2))
    assert direct[1:] == ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--problems=datagen_toy_image", f"--data_dir={tmp_path}"]
    with pytest.raises(UserError, match="--beam_pipeline_options needs a --runner of Apache Beam"):
        t2t_datagen.main([*arguments, "--beam_pipeline_options=a=b"])
    with pytest.raises(UserError, match="got gs://bucket/x, which is not a folder; mount"):
        t2t_datagen.main([*arguments[:1], "--data_dir=gs://bucket/x"])
    real = builtins.__import__

    def without_beam(name: str, *rest: Any) -> Any:
        if name.startswith("apache_beam"):
            raise ImportError("No module named 'apache_beam'", name="apache_beam")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_beam)
    with pytest.raises(
        UserError, match=r"--runner=DirectRunner needs Apache Beam .*t2t_mm\[beam\]"
    ):
        t2t_datagen.main([*arguments, "--runner=DirectRunner"])


@pytest.mark.parametrize("workers", [None, 2])
def test_direct_runner(whole: dict[str, bytes], workers: int | None, tmp_path: Path) -> None:
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed (the extra beam)")
    with pytest.raises(
        UserError, match="got --runner=x; name the runner in t2t-datagen's --runner"
    ):
        beam.check(Cluster("DirectRunner", ("--runner=x",)))
    generate(toys(), tmp_path, runner="DirectRunner", num_workers=workers)
    assert contents(tmp_path) == whole
    assert not list(tmp_path.glob(".*.receipt.json"))
