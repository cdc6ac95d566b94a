"""t2t-datagen from the command line: exit statuses, sentences and the summary."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_mm.bin import t2t_datagen
from t2t_mm.bin.command_line import exit_status

MODULE = '''
from t2t_mm.problem import Split, Text2ClassProblem
from t2t_mm.registry import register_problem


@register_problem("datagen_cli_parity")
class Parity(Text2ClassProblem):
    """Numbers to odd or even."""

    labels = ("even", "odd")
    shards = {Split.TRAIN: 3, Split.DEV: 1}

    def generate_samples(self, split, tmp_dir, seed):
        for i in range(90 if split is Split.TRAIN else 9):
            yield {"inputs": lambda i=i: f"number {i}", "targets": self.labels[i % 2]}
'''


@pytest.fixture(scope="module")
def usr_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("user") / "datagen_cli_usr"
    folder.mkdir()
    (folder / "__init__.py").write_text(MODULE)
    return folder


def datagen(usr_dir: Path, *flags: str) -> int:
    return exit_status(t2t_datagen.main, [f"--t2t_usr_dir={usr_dir}", *flags])


def test_generate_verify_and_again(
    usr_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--problem=datagen_cli_parity", f"--data_dir={tmp_path}"]
    assert datagen(usr_dir, *flags, "--num_workers=2") == 0
    printed = capsys.readouterr().out
    assert "problem             split  examples" in printed
    line = next(
        line for line in printed.splitlines() if line.startswith("datagen_cli_parity  trai")
    )
    assert line.split()[:3] == ["datagen_cli_parity", "train", "90"] and line.endswith(" -")
    assert f"complete in {tmp_path}" in printed
    assert (tmp_path / "tmp").is_dir()

    assert datagen(usr_dir, *flags) == 0
    assert " there    90  -" in capsys.readouterr().out
    assert datagen(usr_dir, *flags, "--verify") == 0
    assert f"verified: datagen_cli_parity in {tmp_path}" in capsys.readouterr().out

    path = tmp_path / "datagen_cli_parity-train-00001-of-00003"
    damaged = bytearray(path.read_bytes())
    damaged[30] ^= 1
    path.write_bytes(damaged)
    assert datagen(usr_dir, *flags, "--verify") == 2
    assert capsys.readouterr().err == (
        f"error: the data in {tmp_path} are not what t2t-datagen wrote: {path.name} (its checksum "
        "differs); delete what is damaged and run `t2t-datagen --problems=datagen_cli_parity "
        f"--data_dir={tmp_path}`, which makes what is missing.\n"
    )


def test_other_seed_is_exit_status_2(
    usr_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--problems=datagen_cli_parity", f"--data_dir={tmp_path}", "--num_workers=1"]
    assert datagen(usr_dir, *flags, "--random_seed=3", "--num_shards=2") == 0
    assert len(list(tmp_path.glob("*-train-*-of-00002"))) == 2
    assert datagen(usr_dir, *flags, "--random_seed=4") == 2
    error = capsys.readouterr().err
    assert "made with seed 3, not 4; use another --data_dir, or --overwrite" in error
    assert datagen(usr_dir, *flags, "--random_seed=4", "--overwrite") == 0


def test_no_problem_lists_them(usr_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert datagen(usr_dir) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: no problem given; name at least one in --problems. Known: ")
    assert "datagen_cli_parity" in error


def test_unknown_problem(usr_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert datagen(usr_dir, "--problems=datagen_cli_party") == 2
    assert "did you mean 'datagen_cli_parity'?" in capsys.readouterr().err


def test_registry_help_names_the_users_problem(
    usr_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert datagen(usr_dir, "--registry_help=problems:datagen_cli") == 0
    assert "Numbers to odd or even." in capsys.readouterr().out
