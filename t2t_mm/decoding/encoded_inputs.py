"""The inputs of one run: checked before anything is answered, held in memory within a bound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.inputs import StoredInput, stored_input
from t2t_mm.kinds.vocabulary import Vocabulary

_KEPT_BYTES = 512 << 20


class EncodedInputs:
    """Inputs as their problems store them. Every one is read and checked at construction.

    Args:
      asked: the inputs.
      vocabularies: by name.
      report: called with the number of newly checked inputs.
      kept_bytes: of pictures and sounds held in memory; what is beyond is read and decoded once
        more when it is its turn.

    Raises:
      DataError: for the first input that cannot be read, with its place.
    """

    def __init__(
        self,
        asked: Sequence[DecodeInput],
        vocabularies: Mapping[str, Vocabulary],
        report: Callable[[int], None] | None = None,
        kept_bytes: int = _KEPT_BYTES,
    ):
        self._asked, self._vocabularies = asked, vocabularies
        self._kept: dict[int, StoredInput] = {}
        self.lengths: list[int] = []
        digest, room = hashlib.sha256(), kept_bytes
        for index, one in enumerate(asked):
            stored = self._read(one)
            digest.update(_digest(one, stored))
            self.lengths.append(stored.length)
            size = len(stored.value) if isinstance(stored.value, bytes) else 0
            if size <= room:
                room -= size
                self._kept[index] = stored
            if report:
                report(1)
        self._digest = digest.hexdigest()

    @property
    def digest(self) -> str:
        """SHA-256 of all problems, inputs and targets in their order."""
        return self._digest

    def __getitem__(self, index: int) -> StoredInput:
        """The input of that number."""
        return self._kept[index] if index in self._kept else self._read(self._asked[index])

    def _read(self, one: DecodeInput) -> StoredInput:
        return stored_input(one.raw, one.task.inputs, self._vocabularies, one.place)


def _digest(one: DecodeInput, stored: StoredInput) -> bytes:
    value = stored.value if isinstance(stored.value, bytes) else json.dumps(stored.value).encode()
    parts = (one.task.name, one.task.command, one.target or "")
    return hashlib.sha256(json.dumps(parts).encode() + value).digest()
