"""What all commands share: unknown flags, wrong values, exit statuses, a quiet start."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from t2t_mm.bin import command_line, t2t_trainer
from t2t_mm.bin.registry_help import registry_help
from t2t_mm.errors import UnknownNameError, UserError


def fail(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert command_line.exit_status(t2t_trainer.main, argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    return error[len("error: ") :].strip()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (
            ["--problms=x"],
            "unknown flag --problms; did you mean --problems? --help lists the flags",
        ),
        (["--train_steps=many"], "flag --train_steps=many: invalid literal for int()"),
        (["shapes8"], "unexpected argument 'shapes8': give every value as --flag=value."),
        ([], "no problem given; name at least one in --problems"),
        (["--problems=shape8"], "unknown problem or mixture 'shape8' (from --problems); did you"),
        (["--problems=shapes8", "--model=multimodel"], "unknown model 'multimodel'"),
        (
            ["--problems=shapes8", "--hparams_set=multimodel_tyni"],
            "unknown hparams set 'multimodel_tyni' (from --hparams_set); did you mean "
            "'multimodel_tiny'?",
        ),
        (
            ["--problems=shapes8", "--hparams=droput=0.1"],
            "unknown hparam 'droput' (from --hparams); did you mean 'dropout'?",
        ),
        (
            ["--problems=shapes8", "--hparams=dropout=much"],
            "hparam 'dropout' must be a number, got 'much'; change it in --hparams.",
        ),
        (["--problems_file=none.toml", "--problems=x"], "none.toml"),
    ],
)
def test_user_errors_are_one_sentence(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in fail(capsys, *argv)


def test_our_own_faults_keep_their_traceback() -> None:
    def broken(argv: object) -> int:
        raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError, match="a fault of ours"):
        command_line.exit_status(broken, [])


def test_interruption_has_its_own_status() -> None:
    def interrupted(argv: object) -> int:
        raise KeyboardInterrupt

    assert command_line.exit_status(interrupted, []) == 130


def test_registry_help_lists_rev_names_and_filters(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.exit_status(t2t_trainer.main, ["--registry_help=problems:translate"]) == 0
    shown = capsys.readouterr().out
    assert "translate_ende_shapes_rev" in shown and "parsing_shapes" not in shown
    assert all(f"{kind}:" in registry_help("all") for kind in ("models", "hparams", "mixtures"))
    with pytest.raises(UnknownNameError, match="did you mean 'problems'"):
        registry_help("problem")


def test_bare_registry_help_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert t2t_trainer.main(["--registry_help"]) == 0
    assert "multimodel_base" in capsys.readouterr().out


def test_only_the_named_module_is_imported_quietly(tmp_path: Path) -> None:
    (tmp_path / "chatty.py").write_text("import os; os.write(2, b'chatter'); x = 1\n")
    code = (
        f"import os, sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from t2t_mm.bin.quiet import quieten\nquieten('chatty')\nimport chatty\n"
        "assert chatty.x == 1\nos.write(2, b'heard')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "heard"


def test_a_users_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "silent_usr_dir"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    with pytest.raises(UserError, match="no problem given"):
        t2t_trainer.main([f"--t2t_usr_dir={folder}"])
    assert "registered nothing" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_no_character_ends_a_command(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a terminal cannot show is spelled out, as are bytes of names that are not UTF-8."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)

    def main(argv: Sequence[str]) -> int:
        print("猫 é \udcff")
        raise UserError("a file 猫 \udcff.")

    assert command_line.exit_status(main, []) == 2
    shown = {"ascii": r"\u732b \xe9 \udcff", "latin-1": r"\u732b é \udcff", "utf-8": r"猫 é \udcff"}
    for stream in (out, err):
        stream.flush()
    assert out.buffer.getvalue().decode(encoding) == f"{shown[encoding]}\n"
    expected = "error: a file 猫 \udcff.\n".encode(encoding, "backslashreplace")
    assert err.buffer.getvalue() == expected
