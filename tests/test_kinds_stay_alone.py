"""Nothing outside of kinds/ and modalities/ asks which kind of data it has before it."""

from __future__ import annotations

import ast
from pathlib import Path

import t2t_mm.kinds  # noqa: F401  (registers the built-in kinds)
from t2t_mm.registry import KINDS

ROOT = Path(__file__).parents[1]
# Where kinds' own code lies: the kinds, the networks that read and write them.
OWN = ("t2t_mm/kinds/", "t2t_mm/modalities/")
FOLDERS = ("t2t_mm", "bin", "hparams")


def strings(node: ast.AST) -> set[str]:
    """The string constants in an expression."""
    return {
        n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }


def branches(path: Path) -> list[str]:
    """Comparisons with a kind's name, and subclasses asked for by isinstance."""
    names, classes = set(KINDS), {KINDS.get(name).__name__ for name in KINDS}
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare):
            asked = set().union(*map(strings, [node.left, *node.comparators])) & names
            # A name among other words, as in a list of formats, is no question about a kind.
            if asked and not strings(node) - names:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}")
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass"):
            asked = {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)} & classes
            if asked:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}")
    return found


def test_no_branch_on_a_kind_outside_of_its_files() -> None:
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(paths) > 150
    others = [p for p in paths if not str(p.relative_to(ROOT)).startswith(OWN)]
    assert [line for path in others for line in branches(path)] == []


def test_the_search_finds_branches(tmp_path: Path) -> None:
    path = ROOT / "tests" / "x.py"
    source = tmp_path / "x.py"
    source.write_text('if kind.name == "image" or isinstance(kind, Label): pass\n')
    tree = ast.parse(source.read_text())
    assert len(list(ast.walk(tree))) > 5 and path.parent.is_dir()
    globals()["ROOT"], kept = tmp_path, ROOT
    try:
        assert len(branches(source)) == 2
    finally:
        globals()["ROOT"] = kept
