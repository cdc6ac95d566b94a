"""Forgets after a test what it registered."""

from __future__ import annotations

import pytest

from t2t_mm import registry

TABLES = (registry.PROBLEMS, registry.MIXTURES, registry.VOCABULARIES)


@pytest.fixture(autouse=True)
def clean_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives every test the registries of a fresh process."""
    for table in TABLES:
        table.load()
        monkeypatch.setattr(table, "_entries", dict(table._entries))
