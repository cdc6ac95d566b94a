"""Loads the user's own folder (`--t2t_usr_dir`), whose import registers what it defines."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from t2t_mm.errors import UserError
from t2t_mm.registry import ALL


def load(folder: str | None) -> list[str]:
    """Imports the package at `folder` and tells what it registered.

    The folder's parent stays on sys.path, so that the folder's modules can import each other
    later too.

    Args:
      folder: a folder with an `__init__.py`, or None for nothing to load.

    Returns:
      Lines such as "problems: my_problem", one for each kind that gained names.

    Raises:
      UserError: if it is no package, or its import fails, with the cause.
    """
    if not folder:
        return []
    path = Path(folder).expanduser().resolve()
    if not (path / "__init__.py").is_file():
        raise UserError(f"--t2t_usr_dir={folder} must be a folder with an __init__.py; found none.")
    if not path.name.isidentifier():
        raise UserError(
            f"--t2t_usr_dir={folder}: '{path.name}' must be a Python identifier; rename it."
        )
    before = {kind: set(registry.names()) for kind, registry in ALL.items()}
    sys.path.insert(0, str(path.parent))
    try:
        module = importlib.import_module(path.name)
    except Exception as cause:
        raise UserError(
            f"--t2t_usr_dir={folder} failed to import: {type(cause).__name__}: {cause}."
        ) from cause
    if Path(module.__file__ or "").resolve() != path / "__init__.py":
        raise UserError(
            f"--t2t_usr_dir={folder}: another module named '{path.name}' was imported from "
            f"{module.__file__}; rename your folder."
        )
    new_names = {kind: sorted(set(r.names()) - before[kind]) for kind, r in ALL.items()}
    return [f"{kind}: {', '.join(names)}" for kind, names in new_names.items() if names]
