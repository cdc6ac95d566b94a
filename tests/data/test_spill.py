"""A shard's records come back in the order of their keys, from memory or from a file."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from t2t_mm.data.generation import spill


@pytest.mark.parametrize(("memory", "whole"), [(1 << 20, 1 << 20), (100, 1 << 20), (100, 100)])
def test_records_come_back_by_key(
    memory: int, whole: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill, "_WHOLE", whole)
    monkeypatch.setattr(spill, "_BLOCK", 64)
    rng = random.Random(0)
    pairs = [(rng.getrandbits(64), rng.randbytes(rng.randrange(40))) for _ in range(500)]
    kept = spill.Spill(tmp_path, memory)
    for key, record in pairs:
        kept.add(key, record)
    assert list(kept.in_order()) == [record for _, record in sorted(pairs)]
    kept.close()
    assert not list(tmp_path.iterdir())


def test_nothing(tmp_path: Path) -> None:
    assert list(spill.Spill(tmp_path, 10).in_order()) == []
