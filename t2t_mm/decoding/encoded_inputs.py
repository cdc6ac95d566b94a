"""The inputs of one run: checked before anything is answered, held in memory within a bound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

from t2t_mm.decoding.input_files import DecodeInput
from t2t_mm.decoding.inputs import LargeInput, stored_inputs, stored_prompt
from t2t_mm.kinds.broken import BrokenValue, TooLarge
from t2t_mm.kinds.kind import InputBounds, StoredInput
from t2t_mm.kinds.vocabulary import Vocabulary

_KEPT_BYTES = 512 << 20


class EncodedInputs:
    """Inputs as their problems store them. Every one is read and checked at construction.

    Args:
      asked: the inputs.
      vocabularies: by name.
      report: called with the number of newly checked inputs.
      bounds: inputs and targets that are larger are left out and named; None: none is.
      kept_bytes: of images and sounds held in memory; what is beyond is read and decoded once
        more when it is its turn.

    Attributes:
      left_out: number of an input that is too large -> the sentence that says so. It is not
        answered, the others are.

    Raises:
      DataError: for the first input that cannot be read, with its place.
    """

    def __init__(
        self,
        asked: Sequence[DecodeInput],
        vocabularies: Mapping[str, Vocabulary],
        report: Callable[[int], None] | None = None,
        kept_bytes: int = _KEPT_BYTES,
        bounds: InputBounds | None = None,
    ):
        self._asked, self._vocabularies, self._bounds = asked, vocabularies, bounds
        self.left_out: dict[int, str] = {}
        self._kept: dict[int, dict[str, StoredInput]] = {}
        self.sizes: list[dict[str, int]] = []
        self.prompts: list[list[int]] = []
        digest, room = hashlib.sha256(), kept_bytes
        for index, one in enumerate(asked):
            stored, prompt = self._checked(index, one)
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

    def _checked(self, index: int, one: DecodeInput) -> tuple[dict[str, StoredInput], list[int]]:
        """What is stored of an input, and its prompt; nothing of one that is left out."""
        try:
            stored = self._read(one)
            self._check_target(one)
            return stored, stored_prompt(one.raw, one.task, self._vocabularies, one.place)
        except LargeInput as error:
            self.left_out[index] = str(error)
            return {}, []

    def _check_target(self, one: DecodeInput) -> None:
        """Refuses a text that is to be scored, or gone on with, and is too large."""
        kind = one.task.targets
        text = one.target or ("" if one.task.has_inputs else one.raw)
        if not text or self._bounds is None or not kind.decoded_by_tokens:
            return
        try:
            kind.read_bounded(text, self._vocabularies, self._bounds)
        except TooLarge as error:
            what = "the target" if one.target else "the text"
            raise LargeInput(f"{one.place or what}: {what} {error.detail}.") from None
        except BrokenValue:
            return  # told when it is parsed

    def _read(self, one: DecodeInput) -> dict[str, StoredInput]:
        return stored_inputs(one.raw, one.task, self._vocabularies, one.place, self._bounds)


def _digest(one: DecodeInput, stored: Mapping[str, StoredInput], prompt: Sequence[int]) -> bytes:
    digest = hashlib.sha256(
        json.dumps((one.task.name, one.task.command, one.target or "")).encode()
    )
    for name, (value, _) in stored.items():
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        digest.update(b"%b:%d:" % (name.encode(), len(content)) + content)
    digest.update(json.dumps(list(prompt)).encode())
    return digest.digest()
