"""A folder's lock: one thread at a time, and never a thread that waits for itself."""

from __future__ import annotations

import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

from t2t_mm.data.generation.locking import lock
from t2t_mm.data.sources.unpacking import unpack


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
        with lock(tmp_path, said.append):
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
            with lock(folder, said.append), lock(link, said.append):
                pass

    assert ends(work) and said == []


def test_another_thread_waits_until_the_outer_one_lets_go(tmp_path: Path) -> None:
    waiting, done = threading.Event(), threading.Event()

    def second() -> None:
        with lock(tmp_path, lambda line: waiting.set()):
            done.set()

    with lock(tmp_path, print):
        with lock(tmp_path, print):
            pass
        thread = threading.Thread(target=second, daemon=True)
        thread.start()
        assert waiting.wait(20) and not done.is_set()
    assert done.wait(20)
