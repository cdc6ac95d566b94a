"""The type of a tensor in annotations.

Keras's backends have no tensor class in common, and a symbolic tensor is of yet another: no
checker can tell them apart, so the alias says to the reader what a value is.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Tensor: TypeAlias = Any
