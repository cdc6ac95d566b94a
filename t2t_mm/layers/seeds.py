"""Seeds of initial values that depend on names, not on the order in which layers are made."""

from __future__ import annotations

import zlib


def fold_in(seed: int | None, name: str) -> int | None:
    """The seed of what is called `name` inside something seeded with `seed`.

    Drawing initial values from one stream in turn would let a variable's start depend on which
    layers were made before it; a joint model and a single-problem one could not be compared.

    Args:
      seed: the owner's seed; None (unpredictable) stays None.
      name: the part's name within its owner.

    Returns:
      An integer in [0, 2**31).
    """
    return None if seed is None else zlib.crc32(f"{seed}/{name}".encode()) & 0x7FFFFFFF
