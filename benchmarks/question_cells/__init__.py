"""The questions about images with the image given as what stands in its nine cells.

A user's folder: it takes seeing out of `question_shapes`, so that a model which does not learn this
cannot learn that. See docs/results.md for the command.
"""

import question_cells.cells
import question_cells.problem  # noqa: F401
