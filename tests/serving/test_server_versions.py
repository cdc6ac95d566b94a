"""Which version folder is served, when it is swapped, and what is told of broken ones."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from t2t_mm.serving.http.servable import Servable
from t2t_mm.serving.http.telemetry import Metrics
from t2t_mm.serving.http.version_folders import scan
from t2t_mm.serving.http.versions import Versions

FILES = (
    "saved_model.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
    "assets.extra/t2t_mm.json",
)


@pytest.fixture(autouse=True)
def log_reaches_pytest(monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("t2t_mm.serving"), "propagate", True)
    caplog.set_level(logging.INFO)


def write(folder: Path, version: int, files: tuple[str, ...] = FILES, content: str = "x") -> None:
    for name in files:
        path = folder / str(version) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def load(path: Path, version: int) -> Servable:
    if (path / FILES[0]).read_text() == "broken":
        raise ValueError("this one is broken")
    return Servable(version, {"problems": {"one": {}}}, {})


def run(folder: Path, test: Callable) -> Metrics:
    """Runs an async test(versions) after a first look."""
    metrics = Metrics()

    async def body() -> None:
        versions = Versions(folder, load, 1.0, metrics)
        try:
            await versions.look(settled=False)
            await test(versions)
        finally:
            await versions.close()

    asyncio.run(body())
    return metrics


async def two_looks(versions: Versions) -> None:
    """The first finds what is new, the second that it is still the same."""
    await versions.look(settled=True)
    await versions.look(settled=True)


def served(versions: Versions) -> int | None:
    return versions.current and versions.current.version


def states(versions: Versions) -> dict[str, str]:
    return {one["version"]: one["state"] for one in versions.states()}


def test_scan_takes_numbers_only_and_orders_them_as_numbers(tmp_path):
    for version in (2, 10, 9):
        write(tmp_path, version)
    (tmp_path / "11.tmp").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "12").write_text("a file")
    write(tmp_path, 3, FILES[:2])
    found = scan(tmp_path)
    assert [one.number for one in found] == [10, 9, 3, 2]
    assert found[2].missing == ("assets.extra/t2t_mm.json", "variables/variables.data-*")
    assert not found[0].missing


def test_the_highest_complete_version_is_served(tmp_path, caplog):
    write(tmp_path, 1)
    write(tmp_path, 2)
    write(tmp_path, 3, FILES[:2])

    async def test(versions):
        assert served(versions) == 2
        assert states(versions) == {"3": "END", "2": "AVAILABLE"}

    metrics = run(tmp_path, test)
    assert (
        "version 3 is not served: incomplete: assets.extra/t2t_mm.json, variables/" in caplog.text
    )
    sample = metrics._registry.get_sample_value
    assert sample("t2t_model_version") == 2
    assert sample("t2t_model_load_failures_total") == 1
    assert sample("t2t_model_loads_total") == 1


def test_a_new_version_is_swapped_in_once_its_files_rest(tmp_path):
    write(tmp_path, 1)

    async def test(versions):
        old = versions.current
        with versions.use(old):
            write(tmp_path, 2)
            await versions.look(settled=True)
            assert versions.current is old
            write(tmp_path, 2, content="still being written")
            await versions.look(settled=True)
            assert versions.current is old
            await versions.look(settled=True)
            assert served(versions) == 2
            assert states(versions) == {"2": "AVAILABLE", "1": "UNLOADING"}
        assert states(versions) == {"2": "AVAILABLE"}

    run(tmp_path, test)


def test_a_broken_version_is_told_once_and_tried_again_when_it_changes(tmp_path, caplog):
    write(tmp_path, 1)

    async def test(versions):
        write(tmp_path, 2, content="broken")
        await two_looks(versions)
        await two_looks(versions)
        assert served(versions) == 1
        told = {one["version"]: one["status"]["error_message"] for one in versions.states()}
        assert told == {"2": "this one is broken", "1": ""}
        write(tmp_path, 2, content="mended")
        await two_looks(versions)
        assert served(versions) == 2

    metrics = run(tmp_path, test)
    assert caplog.text.count("version 2 is not served: this one is broken") == 1
    assert "version 1 goes on" in caplog.text
    assert metrics._registry.get_sample_value("t2t_model_load_failures_total") == 1


def test_removed_versions(tmp_path, caplog):
    """The next lower one takes over; with none left, none is served; a new one is taken up."""
    write(tmp_path, 1)
    write(tmp_path, 2)

    async def test(versions):
        shutil.rmtree(tmp_path / "2")
        await two_looks(versions)
        assert served(versions) == 1
        shutil.rmtree(tmp_path / "1")
        await versions.look(settled=True)
        assert served(versions) is None
        assert versions.states() == []
        write(tmp_path, 7)
        await two_looks(versions)
        assert served(versions) == 7

    run(tmp_path, test)
    assert "no version is served" in caplog.text
    assert "version 1 is unloaded" in caplog.text


def test_a_folder_that_is_away_takes_no_version_away(tmp_path, caplog):
    folder = tmp_path / "export"
    write(folder, 1)

    async def test(versions):
        folder.rename(tmp_path / "away")
        await two_looks(versions)
        assert served(versions) == 1
        (tmp_path / "away").rename(folder)
        await two_looks(versions)
        assert served(versions) == 1

    run(folder, test)
    assert "cannot be read (No such file or directory)" in caplog.text
