"""What stands on private APIs of other libraries is listed, here and in docs/architecture.md.

A private name may go with any release of its library. So there are few, each is known, and a list
that names one that nobody uses any longer is out of date.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("t2t_mm", "problems", "hparams", "bin")

# File -> the modules that it imports, or reaches for, of those that TensorFlow and Keras hide.
MODULES = {
    "t2t_mm/runs/cores.py": {"tensorflow.python.eager.context"},
    "t2t_mm/serving/export/saving.py": {"tensorflow.core.protobuf"},
}

# File -> attributes with an underscore of objects that are not ours.
ATTRIBUTES = {
    "t2t_mm/data/generation/worker.py": {"os._exit"},  # documented, in spite of its name
    "t2t_mm/evaluation/metrics/text.py": {
        "metric._compute_score_from_stats",
        "metric._extract_corpus_statistics",
    },
    "t2t_mm/models/body.py": {"self._flatten_layers"},
    "t2t_mm/models/multi_model.py": {"self._flatten_layers"},
    "t2t_mm/serving/export/weights.py": {"variable._value"},
    "t2t_mm/serving/http/server.py": {"os._exit"},
    "t2t_mm/training/keras_optimizer.py": {"optimizer._iterations", "optimizer._learning_rate"},
}

# Private methods that a class of ours overrides, which is why they are not found as foreign.
OVERRIDDEN = {"t2t_mm/training/keras_optimizer.py": {"_backend_update_step"}}

_HIDDEN = re.compile(
    r"(tensorflow\.(python|core|compiler)|tf\.(__internal__|python|core)|keras\.src)\b"
)
_DOORS = frozenset({"__internal__", "python", "core", "src"})  # last parts of hidden modules
_NAMED_TUPLES = frozenset({"_asdict", "_fields", "_make", "_replace"})  # public, by the docs


@cache
def trees() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    }


def imported(tree: ast.Module) -> Iterator[str]:
    """Modules, also those imported inside functions, and dotted names such as tf.__internal__.x."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and node.attr in _DOORS:
            yield ast.unparse(node)


def hidden_modules(tree: ast.Module) -> set[str]:
    """The shortest name of each hidden module that a file goes to."""
    found = {name for name in imported(tree) if _HIDDEN.match(name)}
    return {name for name in found if not any(name.startswith(f"{one}.") for one in found)}


@cache
def defined(tree: ast.Module) -> set[str]:
    """Every name that a file defines or assigns to."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


@cache
def defined_anywhere() -> frozenset[str]:
    return frozenset().union(*(defined(tree) for tree in trees().values()))


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in _NAMED_TUPLES


def foreign_attributes(tree: ast.Module) -> set[str]:
    """Private attributes that are not the file's own; of `self`, that are nobody's of ours."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            value, name = node.value, node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "setattr"):
            value, name = node.args[0], str(getattr(node.args[1], "value", ""))
        else:
            continue
        if private(name):
            owner = ast.unparse(value)
            ours = defined_anywhere() if owner in ("self", "cls") else defined(tree)
            if name not in ours:
                found.add(f"{owner}.{name}")
    return found


def test_hidden_modules_are_listed() -> None:
    found = {file: names for file, tree in trees().items() if (names := hidden_modules(tree))}
    assert found == MODULES


def test_private_attributes_are_listed() -> None:
    found = {file: names for file, tree in trees().items() if (names := foreign_attributes(tree))}
    assert found == ATTRIBUTES


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from tensorflow.python.eager import context", {"tensorflow.python.eager"}),
        ("def f():\n    import keras.src.utils", {"keras.src.utils"}),
        ("tf.__internal__.dispatch.x()", {"tf.__internal__"}),
        ("from keras import ops\nimport tensorflow as tf\ntf.nest.flatten(x)", set()),
    ],
)
def test_a_hidden_module_is_found(source: str, found: set[str]) -> None:
    assert hidden_modules(ast.parse(source)) == found


def test_a_foreign_attribute_is_found() -> None:
    source = "layer._tracked + getattr(layer, '_by_text') + self._nobodys_own\nx._replace()"
    found = foreign_attributes(ast.parse(source))
    assert found == {"layer._tracked", "layer._by_text", "self._nobodys_own"}


def test_keras_still_has_them() -> None:
    optimizer = keras.optimizers.SGD()
    optimizer.build([variable := keras.Variable([1.0])])
    assert callable(keras.layers.Layer._flatten_layers)
    assert callable(keras.optimizers.Optimizer._backend_update_step)
    assert optimizer._iterations is optimizer.iterations
    assert any(slot is optimizer._learning_rate for slot in optimizer.variables)
    assert variable._value is variable.value


def test_the_page_names_each() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## Private APIs that we stand on")[2].partition("\n## ")[0]
    names = [name for lists in (MODULES, OVERRIDDEN) for some in lists.values() for name in some]
    names += [n.rpartition(".")[2] for some in ATTRIBUTES.values() for n in some if n != "os._exit"]
    missing = sorted({name for name in names if name not in section})
    missing += [f for f in {*MODULES, *OVERRIDDEN} if f.removeprefix("t2t_mm/") not in section]
    assert not missing
