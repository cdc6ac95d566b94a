"""From samples, as a problem yields them, to serialised examples; every mistake with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_mm.data.generation.text_packing import TextPacker
from t2t_mm.data.records.files import encode_example
from t2t_mm.errors import DataError
from t2t_mm.kinds import Kind
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.notes import Note, heard
from t2t_mm.kinds.text import checked_text
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import TARGETS, Broken, Dropped, Problem, Sample, Split


def checked_samples(
    problem: Problem, split: Split, tmp_dir: Path, seed: int
) -> Iterator[Sample | Dropped | Broken]:
    """A problem's samples before `clean`; what its reader stumbles over becomes a sentence.

    Raises:
      DataError: if a raw file is missing or is not UTF-8, or a sample is not of the agreed form.
    """
    index, names = 0, problem.kinds.keys()
    try:
        for sample in problem.raw_samples(split, tmp_dir, seed):
            if not isinstance(sample, (dict, Dropped, Broken)) or (
                isinstance(sample, dict) and sample.keys() != names
            ):
                _check_form(sample, names, _place(problem, split, index))
            yield sample
            index += 1
    except UnicodeDecodeError as error:
        raise DataError(
            f"{_place(problem, split, index)}: the text read there is not valid UTF-8 "
            f"({error.reason} at byte {error.start} of its block); convert the file to UTF-8."
        ) from None
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise DataError(
            f"{_place(problem, split, index)}: cannot read{where} ({error.strerror or error}); put "
            f"the raw files into --tmp_dir (now {tmp_dir}) or correct the problem's paths."
        ) from None


def _check_form(sample: object, names: Collection[str], place: str) -> None:
    given = set(sample) if isinstance(sample, Mapping) else None
    if given is None or not set(names) <= given <= {*names, "references"}:
        got = type(sample).__name__ if given is None else ", ".join(sorted(given)) or "nothing"
        raise DataError(
            f"{place}: generate_samples must yield mappings of {', '.join(names)} and, optionally, "
            f"references; got {got}."
        )
    assert isinstance(sample, Mapping)
    if isinstance(sample.get("references"), str):
        raise DataError(f"{place}: references must be a list of str, got one str.")


def _place(problem: Problem, split: Split, index: int) -> str:
    return f"problem '{problem.data_name}', split {split.value}, example {index}"


class ExampleEncoder:
    """Serializes the samples of one split.

    Args:
      problem: the base problem, not a _rev or _copy.
      split: for error messages.
      vocabularies: feature -> vocabulary, for the features that are text.

    Attributes:
      notes: what was done to values, by the example's index; whoever reads them takes them out.
    """

    def __init__(self, problem: Problem, split: Split, vocabularies: Mapping[str, Vocabulary]):
        self._problem = problem
        self._split = split
        self._vocabularies = vocabularies
        packers = {v: TextPacker(v) for v in set(vocabularies.values())}
        self._packers = {name: packers[vocabulary] for name, vocabulary in vocabularies.items()}
        features = problem.kinds
        self.notes: dict[int, list[Note]] = {}
        self._inputs = {name: kind for name, kind in features.items() if name != TARGETS}
        self._targets = features[TARGETS].with_labels(problem.label_names)

    def encode(
        self, chunk: Sequence[tuple[int, Sample | Dropped | Broken]]
    ) -> list[bytes | Broken | Dropped]:
        """Cleans and serialises (index, sample) pairs; text is encoded a chunk at a time."""
        checked = [
            sample if isinstance(sample, (Dropped, Broken)) else self._check(index, sample)
            for index, sample in ((i, self._problem.clean(raw, self._split)) for i, raw in chunk)
        ]
        good = [features for features in checked if isinstance(features, dict)]
        for name, packer in self._packers.items():
            packed = packer.pack([features[name] for features in good])
            for features, ids in zip(good, packed, strict=True):
                features[name] = ids
        return [encode_example(f) if isinstance(f, dict) else f for f in checked]

    def _check(self, index: int, sample: Sample) -> dict[str, Any] | Broken:
        """The features of a sample; text is still text."""
        with heard() as notes:
            features = self._checked_features(index, sample)
        if notes and isinstance(features, dict):
            self.notes[index] = notes
        return features

    def _checked_features(self, index: int, sample: Sample) -> dict[str, Any] | Broken:
        features: dict[str, Any] = {}
        name = TARGETS
        try:
            for name, kind in self._inputs.items():
                features[name] = kind.check(self._prepared(kind, resolved_value(sample[name])))
            name = TARGETS
            stored = self._targets.check(
                self._prepared(self._targets, resolved_value(sample[TARGETS]))
            )
            features[TARGETS] = self._targets.align(stored, features, self._vocabularies)
            if sample.get("references"):
                name = "references"
                references = (self._prepared(self._targets, text) for text in sample[name])
                features[name] = [checked_text(text).encode() for text in references]
        except BrokenValue as error:
            return self._broken(index, name, None if name == "references" else sample[name], error)
        return features

    def _prepared(self, kind: Kind, value: Any) -> Any:
        return value if self._problem.prepares_text else kind.prepared(value)

    def _broken(self, index: int, side: str, value: Any, error: BrokenValue) -> Broken:
        file = _file_of(value)
        place = _place(self._problem, self._split, index) + (f" ({file})" if file else "")
        return Broken(
            error.reason,
            f"{place}: {side} {error.detail}; or leave broken examples out with --skip_broken.",
            file or place,
        )


def resolved_value(value: Any) -> Any:
    """The value, made now if it is a function.

    Raises:
      BrokenValue: if its file cannot be read, or it raises a DataError.
    """
    if not callable(value):
        return value
    try:
        return value()
    except DataError as error:
        raise BrokenValue("refused", f"was refused ({str(error).rstrip('.')})") from None
    except UnicodeDecodeError as error:
        raise BrokenValue(
            "invalid UTF-8", f"is not valid UTF-8 ({error.reason}); convert the file to UTF-8"
        ) from None
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise BrokenValue(
            "unreadable file",
            f"cannot be read from{where or ' its file'} ({error.strerror or error})",
        ) from None


def _file_of(value: Any) -> str | None:
    """The file that a lazy value reads, if it tells: `path.read_bytes`, a partial function of a
    path, or an attribute `path`."""
    told = (getattr(value, "__self__", None), *getattr(value, "args", ()))
    paths = [one for one in told if isinstance(one, Path)]
    path = paths[0] if paths else getattr(value, "path", None)
    return str(path) if path is not None else None
