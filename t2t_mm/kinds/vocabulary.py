"""A SentencePiece vocabulary: text to ids and back, exactly. data/vocabularies builds them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from t2t_mm.errors import DataError

PAD, EOS, UNK = 0, 1, 2
RESERVED = 3 + 256  # pad, eos, unk and the byte pieces
SPACE = "\u2581"  # SentencePiece's own sign for a space


class Vocabulary:
    """Turns text into ids and back; every text comes back exactly as it was.

    Args:
      model: a serialised SentencePiece model with pad 0, eos 1, unk 2 and byte pieces.
      name: what it is called, e.g. "vocab.multi8k".

    Raises:
      DataError: if `model` is not such a model.
    """

    def __init__(self, model: bytes, name: str):
        import sentencepiece

        self.name = name
        self.model = model
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, ValueError, LookupError):  # what damaged bytes make it raise
            raise DataError(
                f"vocabulary '{name}' is not a SentencePiece model; delete its file and run "
                "t2t-datagen again."
            ) from None
        ids = (self._pieces.pad_id(), self._pieces.eos_id(), self._pieces.unk_id())
        if ids != (PAD, EOS, UNK) or self._pieces.bos_id() != -1:
            raise DataError(
                f"vocabulary '{name}' has pad, eos, unk at {ids}; they must be at 0, 1, 2, and "
                "there must be no bos: build it with t2t-datagen."
            )

    @classmethod
    def load(cls, path: str | Path) -> Vocabulary:
        """Reads `<name>.model`.

        Raises:
          DataError: if there is no such file or it is not a vocabulary.
        """
        path = Path(path)
        try:
            model = path.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            reason = getattr(error, "strerror", None) or error
            raise DataError(
                f"cannot read the vocabulary {path} ({reason}); run t2t-datagen to make it."
            ) from None
        return cls(model, path.name.removesuffix(".model"))

    @property
    def size(self) -> int:
        """Number of ids."""
        return self._pieces.get_piece_size()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the model file."""
        return hashlib.sha256(self.model).hexdigest()

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, without EOS."""
        if SPACE in text:
            return self._encode_bytes(text)
        return self._pieces.encode(text)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of each text, faster than one by one."""
        ids = self._pieces.encode(list(texts), num_threads=1)
        for i, text in enumerate(texts):
            if SPACE in text:
                ids[i] = self._encode_bytes(text)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids` up to the first EOS; padding is skipped."""
        kept = []
        for value in ids:
            if value == EOS:
                break
            if value != PAD:
                kept.append(int(value))
        return self._pieces.decode(kept)

    def piece(self, value: int) -> str:
        """The piece of one id, for reading along."""
        return self._pieces.id_to_piece(value)

    def _encode_bytes(self, text: str) -> list[int]:
        """Byte by byte: a piece cannot tell a space from the sign that stands for it."""
        return [self._byte_ids[byte] for byte in text.encode()]

    @cached_property
    def _byte_ids(self) -> list[int]:
        return [self._pieces.piece_to_id(f"<0x{byte:02X}>") for byte in range(256)]

    def __repr__(self) -> str:
        return f"Vocabulary('{self.name}', size={self.size})"
