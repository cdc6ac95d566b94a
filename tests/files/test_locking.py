"""Locks: one writer at a time, never one that waits for itself, none left by a killed process."""

from __future__ import annotations

import errno
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from t2t_mm.data.sources.unpacking import unpack
from t2t_mm.files import locking
from t2t_mm.files.locking import lock_folder, lock_or_refuse


def ends(work: Callable[[], None]) -> bool:
    """Whether `work` comes to its end; what waits for ever is left behind in its thread."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(20)
    return not thread.is_alive()


def test_an_archive_in_the_data_folder_is_unpacked_under_its_lock(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        file.add(tmp_path / "a.txt", "made/a.txt")
    said: list[str] = []

    def work() -> None:
        with lock_folder(tmp_path, said.append):
            unpack(tmp_path / "a.tar", "made", said.append)

    assert ends(work)
    assert said == [f"unpacking {tmp_path}/a.tar"]
    assert (tmp_path / "made" / "a.txt").read_text() == "one\n"


def test_the_same_folder_by_another_path(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    said: list[str] = []

    def work() -> None:
        for _ in range(2):
            with lock_folder(folder, said.append), lock_folder(link, said.append):
                pass

    assert ends(work) and said == []


def test_another_thread_waits_until_the_outer_one_lets_go(tmp_path: Path) -> None:
    waiting, done = threading.Event(), threading.Event()

    def second() -> None:
        with lock_folder(tmp_path, lambda line: waiting.set()):
            done.set()

    with lock_folder(tmp_path, print):
        with lock_folder(tmp_path, print):
            pass
        thread = threading.Thread(target=second, daemon=True)
        thread.start()
        assert waiting.wait(20) and not done.is_set()
    assert done.wait(20)


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    code = f"""
import pathlib, time
from t2t_mm.files.locking import lock_folder
with lock_folder(pathlib.Path({str(tmp_path)!r}), print):
    print("held", flush=True)
    time.sleep(600)
"""
    said: list[str] = []
    waiting = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        waiting.set()

    def second() -> None:
        with lock_folder(tmp_path, say):
            said.append("got it")

    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        thread = threading.Thread(target=second, daemon=True)
        thread.start()
        assert waiting.wait(20)
        process.kill()
    thread.join(20)
    assert said == [f"waiting for another t2t-datagen that writes to {tmp_path}", "got it"]


def test_a_second_holder_is_refused(tmp_path: Path) -> None:
    path, refusal = tmp_path / "lock", ValueError("held by another")
    with (
        lock_or_refuse(path, refusal, print),
        pytest.raises(ValueError, match="held by another"),
        lock_or_refuse(path, refusal, print),
    ):
        pass
    with lock_or_refuse(path, refusal, print):
        pass


def test_a_disk_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locking.FileLock, "acquire", no_locks)
    said: list[str] = []
    with lock_folder(tmp_path, said.append):
        said.append("written")
    assert said == [
        f"note: the disk of {tmp_path} has no file locks (some network disks have none); let no "
        "second process write there.",
        "written",
    ]
