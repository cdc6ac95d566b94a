"""Embeddings carried over from one vocabulary to another, piece by piece, at a warm start.

A piece that both vocabularies have keeps its row of the embedding and its column of the softmax,
wherever it stands in them; a new piece keeps its initial value. The old vocabulary is the old run's
of the same name, or its only one where the new run has only one too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.errors import CheckpointError, DataError
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.runs.run_record import VOCABULARIES, RunRecord
from t2t_mm.runs.stored import Shapes

# The axis of a text modality's variables that counts pieces.
_AXES = {"embedding": 0, "softmax": 1}


@dataclass(frozen=True)
class CarriedRows:
    """The outcome for a vocabulary's pieces.

    Attributes:
      old, new: names of the vocabularies.
      kept: pieces of both, carried over.
      added: pieces of the new one alone, at their initial values.
      dropped: pieces of the old one alone.
      variables: paths that were filled.
    """

    old: str
    new: str
    kept: int
    added: int
    dropped: int
    variables: tuple[str, ...]

    def report(self) -> str:
        """A line for the user."""
        return (
            f"vocabulary {self.old} -> {self.new}: {self.kept} pieces kept, {self.added} new, "
            f"{self.dropped} dropped, in {', '.join(self.variables) or 'no variable'}"
        )


@dataclass(frozen=True)
class Remapping:
    """The mapping from the vocabularies of an old run to those of a new one.

    Attributes:
      pairs: name of a new vocabulary -> (the old one, the new one), where they differ.
      unknown: names that stand for other vocabularies, the old one's file not being there.
    """

    pairs: Mapping[str, tuple[Vocabulary, Vocabulary]]
    unknown: tuple[str, ...] = ()

    @classmethod
    def between(
        cls, old_run: Path, record: RunRecord, vocabularies: Mapping[str, Vocabulary]
    ) -> Remapping:
        """Compares an old run directory, as far as it is one, with a new run.

        Args:
          old_run: where the checkpoint lies.
          record: of the new run.
          vocabularies: of the new run, by name.
        """
        try:
            old = RunRecord.read(old_run).vocabularies
        except CheckpointError:
            return cls({})
        new = record.vocabularies
        names = {name: name for name in old.keys() & new.keys()}
        if len(old) == len(new) == 1:
            names = {next(iter(new)): next(iter(old))}
        differing = {n: o for n, o in names.items() if old[o] != new[n] or o != n}
        pairs, unknown = {}, []
        for name, before in sorted(differing.items()):
            try:
                loaded = Vocabulary.load(vocabulary_path(before, old_run / VOCABULARIES))
                pairs[name] = (loaded, vocabularies[name])
            except (DataError, KeyError):
                unknown.append(name)
        return cls(pairs, tuple(unknown))

    def rows(self, weights: Mapping[str, tf.Variable], stored: Shapes) -> dict[str, str]:
        """Path of a variable to be filled piece by piece -> path of what it is filled from."""
        found = {}
        for path, variable in weights.items():
            pair = self._pair(path)
            source = (
                path.replace(f"/text.{pair[1].name}.", f"/text.{pair[0].name}.") if pair else ""
            )
            if pair and source in stored and len(variable.shape) == 2:
                axis, shape = _AXES[path.rpartition("/")[2]], stored[source]
                sizes = (shape[axis], variable.shape[axis])
                if (
                    sizes == (pair[0].size, pair[1].size)
                    and shape[1 - axis] == variable.shape[1 - axis]
                ):
                    found[path] = source
        return found

    def _pair(self, path: str) -> tuple[Vocabulary, Vocabulary] | None:
        """The vocabularies of a text modality's variable, whose path names its own."""
        if path.rpartition("/")[2] not in _AXES:
            return None
        named = [name for name in self.pairs if f"/text.{name}." in path]
        return self.pairs[max(named, key=len)] if named else None

    def carry(self, path: str, variable: tf.Variable, old: np.ndarray) -> None:
        """Fills a variable: rows of kept pieces from the old one, the others as they are.

        Args:
          path: the variable's.
          variable: with its initial values.
          old: the value in the checkpoint.
        """
        pair = self._pair(path)
        if pair is None:
            raise ValueError(f"'{path}' belongs to no vocabulary that differs")
        before, after = pair
        old_pieces = pieces(before)
        kept = [(number, old_pieces[p]) for p, number in pieces(after).items() if p in old_pieces]
        target, source = (np.array(ids, np.int64) for ids in zip(*kept, strict=True))
        value, axis = variable.numpy(), _AXES[path.rpartition("/")[2]]
        if axis == 0:
            value[target] = old[source]
        else:
            value[:, target] = old[:, source]
        variable.assign(value)

    def report(self, rows: Mapping[str, str]) -> tuple[CarriedRows, ...]:
        """The outcome for each vocabulary's pieces, given the result of `rows`."""
        found = []
        for before, after in self.pairs.values():
            old_pieces, new_pieces = pieces(before).keys(), pieces(after).keys()
            filled = tuple(sorted(path for path in rows if self._pair(path) == (before, after)))
            counts = (
                len(old_pieces & new_pieces),
                len(new_pieces - old_pieces),
                len(old_pieces - new_pieces),
            )
            found.append(CarriedRows(before.name, after.name, *counts, filled))
        return tuple(found)


def pieces(vocabulary: Vocabulary) -> dict[str, int]:
    """Piece -> its id."""
    return {vocabulary.piece(number): number for number in range(vocabulary.size)}
