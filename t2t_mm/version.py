"""The version alone, which low modules write into files without importing the package's top."""

from __future__ import annotations

__version__ = "0.1.0"
