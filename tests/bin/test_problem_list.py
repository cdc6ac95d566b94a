"""t2t-datagen --list, and the table in docs/problems.md that it makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from t2t_mm.bin import t2t_datagen
from t2t_mm.bin.command_line import exit_status
from tests.data.tfds_folders import prepared

ROOT = Path(__file__).parents[2]


def listed(capsys: pytest.CaptureFixture[str], which: str, folder: Path, *flags: str) -> dict:
    """Problem -> its lines."""
    arguments = [f"--list={which}", f"--data_dir={folder}", f"--tfds_data_dir={folder}/tfds"]
    assert exit_status(t2t_datagen.main, [*arguments, *flags]) == 0
    blocks: dict[str, list[str]] = {}
    for line in capsys.readouterr().out.splitlines():
        if not line.startswith(" "):
            blocks[line.partition(":")[0]] = []
        list(blocks.values())[-1].append(line.strip())
    return blocks


def here(blocks: dict, name: str) -> str:
    return next(line for line in blocks[name] if line.startswith("here: "))


def test_the_table_is_current_and_takes_no_tensorflow() -> None:
    code = (
        "import sys; from t2t_mm.bin import t2t_datagen as d; "
        "d.main(['--list', '--format=markdown']); "
        "assert not {'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    current = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
    assert done.stdout == current, (
        "run `t2t-datagen --list --format=markdown > docs/problems.md`: the registry has changed"
    )


def test_what_is_ready(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepared(tmp_path / "tfds", "mnist", "3.0.1", {})
    (tmp_path / "tmp" / "cifar-10-batches-py").mkdir(parents=True)
    batches = [f"data_batch_{i}" for i in range(1, 6)]
    for name in ("batches.meta", *batches, "test_batch"):
        (tmp_path / "tmp" / "cifar-10-batches-py" / name).write_bytes(b"")
    blocks = listed(capsys, "image_", tmp_path)
    assert here(blocks, "image_mnist") == f"here: TFDS prepared: {tmp_path}/tfds/mnist/3.0.1"
    assert here(blocks, "image_cifar10") == f"here: raw files here: {tmp_path}/tmp"
    assert here(blocks, "image_cifar100") == "here: TFDS can download it"
    assert here(blocks, "image_digits") == "here: generated on demand"
    assert here(blocks, "image_imagenet").startswith("here: missing: imagenet/train/n01440764, ")
    assert here(blocks, "image_imagenet").endswith(
        "ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar in --tfds_manual_dir"
    )
    offline = listed(capsys, "image_cifar100", tmp_path, "--offline")
    assert here(offline, "image_cifar100").startswith("here: missing: cifar-100-python/meta")


def test_an_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lines,) = listed(capsys, "translate_ende_wmt8k", tmp_path).values()
    assert lines[0].startswith("translate_ende_wmt8k: English to German news of WMT14")
    assert lines[1] == "text -> text; examples 4,592,289 / 3,000 / 3,003; download 1.73 GB"
    assert "wmt_t2t_translate/de-en, wmt14_translate/de-en" in lines[2]
    assert lines[3].startswith("licence: ")


def test_made_and_mixtures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--problems=parsing_shapes", f"--data_dir={tmp_path}", "--num_workers=1"]
    assert exit_status(t2t_datagen.main, flags) == 0
    capsys.readouterr()
    blocks = listed(capsys, "shapes8", tmp_path)
    assert len(blocks) == 6 and here(blocks, "parsing_shapes") == "here: made"
    next(tmp_path.glob("parsing_shapes-train-*")).unlink()
    blocks = listed(capsys, "parsing_", tmp_path)
    assert here(blocks, "parsing_shapes") == "here: begun: run t2t-datagen again"


def test_a_mixture_of_mixtures_and_prefixes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from t2t_mm.registry import MIXTURES, register_mixture

    MIXTURES.load()
    monkeypatch.setattr(MIXTURES, "_entries", dict(MIXTURES._entries))
    vision = set(MIXTURES.get("vision").problems)
    members = ("vision", "image_digi*", "translate_ende_multi30k_rev_copy")
    register_mixture("mixture_of_the_list", members, "for this test")
    blocks = listed(capsys, "mixture_of_the_list", tmp_path)
    assert set(blocks) == {*vision, "image_digits", "translate_ende_multi30k"}


def test_an_unknown_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(t2t_datagen.main, ["--list=image_cifar11"]) == 2
    assert "did you mean 'image_cifar1" in capsys.readouterr().err
