"""The built-in problems; importing a module registers what it defines."""

import t2t_mm.problems.shapes  # noqa: F401
