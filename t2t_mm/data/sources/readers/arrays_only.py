"""Unpickling of numpy arrays and plain containers, and of nothing else.

A pickle is a program: loading one from the internet may run anything. Python 2's data sets come as
pickles all the same, so this names the few functions that arrays need, and refuses every other.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

from t2t_mm.errors import DataError


def load_arrays(path: Path) -> Any:
    """Loads the arrays of a pickle; strings of Python 2 come as bytes.

    Raises:
      DataError: for a pickle that asks for more than arrays, or is damaged.
    """
    try:
        return _ArraysOnly(io.BytesIO(path.read_bytes()), path).load()
    except DataError:
        raise
    except Exception as cause:  # a damaged pickle may fail in any way
        raise DataError(
            f"{path} is not a readable pickle of arrays: {type(cause).__name__}: {cause}."
        ) from None


class _ArraysOnly(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, path: Path):
        super().__init__(file, encoding="bytes")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        """Looks names up in a closed list, whatever module the pickle would import."""
        allowed = _allowed()
        if (module, name) not in allowed:
            raise DataError(
                f"{self._path} asks to load {module}.{name}, which is not part of an array; it was "
                "not run. Get the file from its original source."
            )
        return allowed[module, name]


def _allowed() -> dict[tuple[str, str], Any]:
    import codecs

    import numpy

    # These functions moved between numpy's versions; an array and a number tell which they are.
    rebuild = numpy.zeros(0).__reduce__()[0]
    from_buffer = numpy.zeros(1).__reduce_ex__(5)[0]
    scalar = numpy.int64(0).__reduce__()[0]
    return {
        ("numpy.core.multiarray", "_reconstruct"): rebuild,
        ("numpy._core.multiarray", "_reconstruct"): rebuild,
        ("numpy", "ndarray"): numpy.ndarray,
        ("numpy", "dtype"): numpy.dtype,
        # Arrays in protocol 5, and single numbers of arrays.
        ("numpy.core.numeric", "_frombuffer"): from_buffer,
        ("numpy._core.numeric", "_frombuffer"): from_buffer,
        ("numpy.core.multiarray", "scalar"): scalar,
        ("numpy._core.multiarray", "scalar"): scalar,
        ("_codecs", "encode"): codecs.encode,  # how Python 3 writes bytes in protocol 2
    }
