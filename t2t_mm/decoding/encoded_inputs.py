"""The inputs of one run: checked before anything is answered, held in memory within a bound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.inputs import stored_inputs, stored_prompt
from t2t_mm.kinds.kind import StoredInput
from t2t_mm.kinds.vocabulary import Vocabulary

_KEPT_BYTES = 512 << 20


class EncodedInputs:
    """Inputs as their problems store them. Every one is read and checked at construction.

    Args:
      asked: the inputs.
      vocabularies: by name.
      report: called with the number of newly checked inputs.
      kept_bytes: of images and sounds held in memory; what is beyond is read and decoded once
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
        self._kept: dict[int, dict[str, StoredInput]] = {}
        self.sizes: list[dict[str, int]] = []
        self.prompts: list[list[int]] = []
        digest, room = hashlib.sha256(), kept_bytes
        for index, one in enumerate(asked):
            stored = self._read(one)
            prompt = stored_prompt(one.raw, one.task, vocabularies, one.place)
            self.prompts.append(prompt)
            digest.update(_digest(one, stored, prompt))
            self.sizes.append({name: value.size for name, value in stored.items()})
            size = sum(len(v.value) for v in stored.values() if isinstance(v.value, bytes))
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

    def __getitem__(self, index: int) -> dict[str, StoredInput]:
        """The inputs of that number, by name."""
        return self._kept[index] if index in self._kept else self._read(self._asked[index])

    def _read(self, one: DecodeInput) -> dict[str, StoredInput]:
        return stored_inputs(one.raw, one.task, self._vocabularies, one.place)


def _digest(one: DecodeInput, stored: Mapping[str, StoredInput], prompt: Sequence[int]) -> bytes:
    digest = hashlib.sha256(
        json.dumps((one.task.name, one.task.command, one.target or "")).encode()
    )
    for name, (value, _) in stored.items():
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        digest.update(b"%b:%d:" % (name.encode(), len(content)) + content)
    digest.update(json.dumps(list(prompt)).encode())
    return digest.digest()
