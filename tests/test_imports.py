"""The arrows go down only, there is no cycle, and importing costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"t2t_mm": "t2t_mm", "problems": "t2t_mm.problems", "hparams": "t2t_mm.hparams",
           "bin": "t2t_mm.bin"}  # fmt: skip

# What each part may import besides itself and the foundations.
FOUNDATIONS = {"errors", "registry", "typed_record", "value_range", "hparam", "problem", "lookup",
               "usr_dir", "provenance", "kinds", "files", "version", "console",
               "tensor"}  # fmt: skip
ALLOWED = {
    "layers": set(),
    "modalities": {"layers"},
    "models": {"layers", "modalities"},
    "kinds": set(),
    "data": {"kinds"},
    "problems_file": {"data", "kinds"},
    "runs": {"data", "kinds", "models", "modalities", "layers"},
    "decoding": {"data", "kinds", "models", "modalities", "layers", "runs"},
    "evaluation": {"data", "kinds", "models", "modalities", "layers", "runs", "decoding"},
    "training": {
        "data",
        "kinds",
        "models",
        "modalities",
        "layers",
        "runs",
        "decoding",
        "evaluation",
    },
    "serving": {
        "data",
        "kinds",
        "models",
        "modalities",
        "layers",
        "runs",
        "decoding",
        "evaluation",
    },
    "problems": {"data", "kinds"},
    "hparams": set(),
    "bin": {
        "data",
        "kinds",
        "runs",
        "training",
        "decoding",
        "evaluation",
        "serving",
        "problems_file",
        "bin",
    },
}


def modules() -> dict[str, Path]:
    found = {}
    for folder, package in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            found[".".join((package, *parts))] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Every import, also inside of functions and for type checkers alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            joined = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in joined}
    return {name for name in found if name in known}


def part(module: str) -> str:
    return [*module.split("."), "t2t_mm"][1]


def test_arrows_go_down() -> None:
    known = modules()
    wrong = []
    for module, path in known.items():
        own = part(module)
        if own not in ALLOWED:
            continue
        for other in imports(path, known):
            target = part(other)
            if target not in ALLOWED[own] | FOUNDATIONS | {own, "t2t_mm"}:
                wrong.append(f"{module} imports {other}")
    assert not wrong


def test_no_cycles() -> None:
    known = modules()
    arrows = {module: imports(path, known) - {module} for module, path in known.items()}
    assert not circles(arrows)


def circles(arrows: dict[str, set[str]]) -> list[str]:
    """What is left of imports when those who import nobody, or whom nobody imports, are gone."""
    while arrows:
        imported = set().union(*arrows.values())
        ends = {m for m, targets in arrows.items() if not targets or m not in imported}
        if not ends:
            break
        arrows = {m: targets - ends for m, targets in arrows.items() if m not in ends}
    return [f"{module} imports {', '.join(sorted(t))}" for module, t in sorted(arrows.items())]


def test_a_circle_is_found() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert circles(arrows) == ["b imports c", "c imports b"]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize(
    "statement",
    [
        "import t2t_mm",
        "from t2t_mm.bin.registry_help import registry_help; registry_help('all')",
        *(
            f"from t2t_mm.bin import {name}; assert {name}.main(['--help']) == 0"
            for name in (
                "t2t_datagen",
                "t2t_trainer",
                "t2t_decoder",
                "t2t_eval",
                "t2t_bleu",
                "t2t_avg_all",
                "t2t_checkpoint",
                "t2t_exporter",
                "t2t_query_server",
            )
        ),
    ],
)
def test_importing_and_help_bring_no_tensorflow(statement: str) -> None:
    code = f"{statement}\nimport sys\nassert not {{'tensorflow', 'keras'}} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
