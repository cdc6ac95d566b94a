"""Raw data that are not there: fetched and checked, prepared by TFDS, or told in a sentence."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from t2t_mm.data.sources import downloading
from t2t_mm.data.sources.downloading import ensure, fetch
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.data.sources.raw_data import find, root_of
from t2t_mm.errors import DataError
from t2t_mm.problem import Sample, Split, Text2TextProblem
from t2t_mm.provenance import DataAccess, Provenance, RawFile, RawFiles, TfdsData
from tests.data.tfds_folders import prepared

CONTENT = b"one\ntwo\n"


def raw_file(folder: Path, sha256: str | None = None) -> RawFile:
    source = folder / "server" / "a.txt"
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(CONTENT)
    digest = sha256 or hashlib.sha256(CONTENT).hexdigest()
    return RawFile(source.as_uri(), "sub/a.txt", digest, len(CONTENT))


class Toy(NamedProblem, Text2TextProblem):
    """Lines of a.txt, or of TFDS's toy."""

    def samples_of_files(self, files: RawFiles, root: Path, split: Split) -> Iterator[Sample]:
        for line in (root / files.needs[0]).read_text().splitlines():
            yield {"inputs": line, "targets": line}


def toy(folder: Path, provenance: Provenance, **access: Any) -> NamedProblem:
    problem = Toy("downloading_toy")
    problem.provenance = provenance
    return problem.with_access(DataAccess(tfds_data_dir=str(folder / "tfds"), **access))


def known(**values: Any) -> Provenance:
    return Provenance(homepage="https://example.org", licence="none", **values)


def test_fetched_once_and_read(tmp_path: Path) -> None:
    file = raw_file(tmp_path)
    problem = toy(tmp_path, known(files=(RawFiles("a", ("sub/a.txt",), download=(file,)),)))
    said: list[str] = []
    ensure(problem, tmp_path / "tmp", said.append)
    assert said == [f"downloading {file.url} (0.0 MB) to {tmp_path}/tmp/sub/a.txt"]
    samples = list(problem.generate_samples(Split.TRAIN, tmp_path / "tmp", 0))
    assert [sample["inputs"] for sample in samples] == ["one", "two"]
    ensure(problem, tmp_path / "tmp", said.append)
    assert len(said) == 1


def test_another_file_than_expected_is_refused_and_not_kept(tmp_path: Path) -> None:
    file = raw_file(tmp_path, "0" * 64)
    with pytest.raises(DataError) as caught:
        fetch(file, tmp_path, lambda line: None)
    assert str(caught.value) == (
        f"{file.url} is not the file that is expected (its SHA-256 is "
        f"{hashlib.sha256(CONTENT).hexdigest()}, not {'0' * 64}); get the original and put it at "
        f"{tmp_path}/sub/a.txt."
    )
    assert list((tmp_path / "sub").iterdir()) == []


def test_no_such_file(tmp_path: Path) -> None:
    file = dataclasses.replace(raw_file(tmp_path), url=(tmp_path / "none").as_uri())
    with pytest.raises(DataError, match="cannot download file:.*none .*; get it elsewhere and put"):
        fetch(file, tmp_path, lambda line: None)


def test_a_full_disk_is_that_of_the_raw_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    file = raw_file(tmp_path)
    monkeypatch.setattr(downloading, "replacing", full)
    with pytest.raises(DataError) as caught:
        fetch(file, tmp_path, lambda line: None)
    assert str(caught.value) == (
        f"no space is left in {tmp_path}/sub; free some or choose another --tmp_dir, then run the "
        "same command again: it goes on where it stopped."
    )
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match=r"cannot write to .*/file/sub .*; make --tmp_dir writable"):
        fetch(file, tmp_path / "file", lambda line: None)


class FakeTfds(types.ModuleType):
    """Stands for tensorflow_datasets: prepares what a test gives it."""

    def __init__(self, prepare: Any):
        super().__init__("tensorflow_datasets")
        self.asked: list[Any] = []
        self._prepare = prepare
        self.download = types.SimpleNamespace(DownloadConfig=lambda **values: values)

    def builder(self, name: str, data_dir: str) -> Any:
        def run(download_config: dict[str, Any]) -> None:
            self.asked.append((name, data_dir, download_config))
            self._prepare(Path(data_dir))

        return types.SimpleNamespace(download_and_prepare=run)


@pytest.fixture
def fake_tfds(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(prepare: Any) -> FakeTfds:
        module = FakeTfds(prepare)
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", module)
        monkeypatch.setattr(
            downloading, "_without_gcs", lambda: downloading.contextlib.nullcontext()
        )
        monkeypatch.setattr(downloading, "_has_network", lambda homepage: True)
        return module

    return install


def test_without_a_network_tfds_does_not_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_names(host: str, port: int) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(downloading.urllib.request, "getproxies", dict)
    monkeypatch.setattr(downloading.socket, "getaddrinfo", no_names)
    problem = toy(tmp_path, known(tfds=(TFDS,)))
    with pytest.raises(DataError, match="are missing and there is no network to download them; "):
        ensure(problem, tmp_path, lambda line: None)


TFDS = TfdsData("toy", {"train": "train"}, config="plain", version="1.")


def test_tfds_prepares_before_files_are_fetched(tmp_path: Path, fake_tfds: Any) -> None:
    module = fake_tfds(lambda folder: prepared(folder, "toy", "1.0.0", {}, "plain"))
    files = RawFiles("a", ("sub/a.txt",), download=(raw_file(tmp_path),))
    problem = toy(tmp_path, known(tfds=(TFDS,), files=(files,)), tfds_manual_dir="/m")
    ensure(problem, tmp_path / "tmp", lambda line: None)
    config = {"manual_dir": "/m", "try_download_gcs": False}
    assert module.asked == [("toy/plain", f"{tmp_path}/tfds", config)]
    assert find(problem, tmp_path / "tmp").path == tmp_path / "tfds/toy/plain/1.0.0"
    assert not (tmp_path / "tmp" / "sub").exists()


def test_a_network_that_is_down_is_a_sentence(tmp_path: Path, fake_tfds: Any) -> None:
    def fail(folder: Path) -> None:
        raise ConnectionError("Max retries exceeded.\nmore lines")

    fake_tfds(fail)
    problem = toy(tmp_path, known(tfds=(TFDS,)))
    with pytest.raises(DataError) as caught:
        ensure(problem, tmp_path, lambda line: None)
    assert str(caught.value) == (
        "the raw data of problem 'downloading_toy' are missing and TFDS could not prepare "
        "toy/plain (ConnectionError: Max retries exceeded); put the prepared TFDS data set "
        f"toy/plain 1.x below --tfds_data_dir (now {tmp_path}/tfds)."
    )


def test_offline_tries_nothing(tmp_path: Path, fake_tfds: Any) -> None:
    module = fake_tfds(lambda folder: None)
    files = RawFiles("a", ("sub/a.txt",), download=(raw_file(tmp_path),))
    problem = toy(tmp_path, known(tfds=(TFDS,), files=(files,)), offline=True)
    with pytest.raises(DataError, match="and --offline forbids to download them; put sub/a.txt"):
        ensure(problem, tmp_path / "tmp", lambda line: None)
    assert not module.asked and not (tmp_path / "tmp").exists()


def test_files_that_tfds_needs_by_hand(tmp_path: Path, fake_tfds: Any) -> None:
    module = fake_tfds(lambda folder: prepared(folder, "toy", "1.2.0", {}))
    data = dataclasses.replace(TFDS, manual=("a.tar",))
    problem = toy(tmp_path, known(tfds=(data,)))
    with pytest.raises(DataError, match="and have to be got by hand"):
        ensure(problem, tmp_path, lambda line: None)
    manual = tmp_path / "tfds" / "downloads" / "manual"
    manual.mkdir(parents=True)
    (manual / "a.tar").touch()
    ensure(problem, tmp_path, lambda line: None)
    assert len(module.asked) == 1


def test_where_files_are_looked_for(tmp_path: Path) -> None:
    files = RawFiles("a", ("x*.en|x*.txt", "y"), folder="mine|*corpus*")
    assert root_of(files, tmp_path) is None
    deep = tmp_path / "text" / "MyCorpus"
    deep.mkdir(parents=True)
    (deep / "x1.txt").touch()
    assert root_of(files, tmp_path) is None  # y is missing
    (deep / "y").mkdir()
    assert root_of(files, tmp_path) == deep
    assert root_of(files, deep) == deep  # --tmp_dir may be the folder itself
    assert root_of(dataclasses.replace(files, folder="other"), tmp_path) is None
    deeper = tmp_path / "a" / "b" / "mine"  # three levels down
    deeper.mkdir(parents=True)
    (deeper / "x.en").touch()
    (deeper / "y").touch()
    assert root_of(files, tmp_path) == deep
