"""The problems files of the documentation and the examples load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from t2t_mm import lookup, problems_file, registry
from tests.problems_file.written_files import load

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(
    r"```toml\n(.*?)```", (ROOT / "docs" / "problems_file.md").read_text(encoding="utf-8"), re.S
)


@pytest.mark.parametrize("block", [block for block in BLOCKS if "kind =" in block])
def test_the_blocks_of_the_documentation_load(block: str, tmp_path: Path) -> None:
    assert len(BLOCKS) > 5
    assert load(tmp_path, block)


def test_the_example_is_well_formed() -> None:
    names = problems_file.load(ROOT / "examples" / "realdata.toml")
    assert len(lookup.find_problems("realdata10")) == 10
    assert registry.VOCABULARIES.get("vocab.real8k").size == 8192
    assert len(names) == 12
