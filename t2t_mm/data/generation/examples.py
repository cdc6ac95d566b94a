"""From samples, as a problem yields them, to serialised examples; every mistake with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2t_mm.data.records.files import encode_example
from t2t_mm.errors import DataError
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.image_files import stored_picture
from t2t_mm.kinds.sound_files import stored_sound
from t2t_mm.kinds.text_packing import TextPacker
from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.problem import Dropped, FeatureSpec, Problem, Sample, Split

_SIDES = ("inputs", "targets")


@dataclass(frozen=True)
class Broken:
    """An example that cannot be stored.

    Attributes:
      reason: to count by.
      sentence: the whole error.
    """

    reason: str
    sentence: str


def checked_samples(
    problem: Problem, split: Split, tmp_dir: Path, seed: int
) -> Iterator[Sample | Dropped]:
    """A problem's samples before `clean`; what its reader stumbles over becomes a sentence.

    Raises:
      DataError: if a raw file is missing or is not UTF-8, or a sample is not of the agreed form.
    """
    index = 0
    try:
        for sample in problem.raw_samples(split, tmp_dir, seed):
            if type(sample) is dict and len(sample) == 2 and "inputs" in sample:
                if "targets" not in sample:
                    _check_form(sample, _place(problem, split, index))
            elif type(sample) is not Dropped:
                _check_form(sample, _place(problem, split, index))
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


def _check_form(sample: object, place: str) -> None:
    names = set(sample) if isinstance(sample, Mapping) else None
    if names is None or not set(_SIDES) <= names <= {*_SIDES, "references"}:
        got = type(sample).__name__ if names is None else ", ".join(sorted(names)) or "nothing"
        raise DataError(
            f"{place}: generate_samples must yield mappings of inputs, targets and, optionally, "
            f"references; got {got}."
        )
    if isinstance(sample.get("references"), str):
        raise DataError(f"{place}: references must be a list of str, got one str.")


def _place(problem: Problem, split: Split, index: int) -> str:
    return f"problem '{problem.data_name}', split {split.value}, example {index}"


class ExampleEncoder:
    """Serialises the samples of one split.

    Args:
      problem: the base problem, not a _rev or _copy.
      split: for error messages.
      vocabularies: side -> vocabulary, for the text sides.
    """

    def __init__(self, problem: Problem, split: Split, vocabularies: Mapping[str, Vocabulary]):
        self._problem = problem
        self._split = split
        packers = {v: TextPacker(v) for v in set(vocabularies.values())}
        self._packers = {side: packers[vocabulary] for side, vocabulary in vocabularies.items()}
        self._ids = {label: i for i, label in enumerate(problem.labels)}
        self._checks = [(side, self._check_of(getattr(problem, side))) for side in _SIDES]

    def _check_of(self, spec: FeatureSpec) -> Callable[[Any], Any]:
        """What makes the value to store, or refuses it; text is still text."""
        if spec.kind == "text":
            return no_text if spec.absent else checked_text
        if spec.kind == "label":
            return lambda value: [self._label(value)]
        if spec.kind == "image":
            return lambda value: [stored_picture(_content(value))]
        return lambda value: [stored_sound(_content(value), spec.sample_rate)]

    def encode(
        self, chunk: Sequence[tuple[int, Sample | Dropped]]
    ) -> list[bytes | Broken | Dropped]:
        """Cleans and serialises (index, sample) pairs; text is encoded a chunk at a time."""
        checked = [
            sample if isinstance(sample, Dropped) else self._check(index, sample)
            for index, sample in ((i, self._problem.clean(raw, self._split)) for i, raw in chunk)
        ]
        good = [features for features in checked if isinstance(features, dict)]
        for side, packer in self._packers.items():
            packed = packer.pack([features[side] for features in good])
            for features, ids in zip(good, packed, strict=True):
                features[side] = ids
        return [encode_example(f) if isinstance(f, dict) else f for f in checked]

    def _check(self, index: int, sample: Sample) -> dict[str, Any] | Broken:
        """The features of a sample; text is still text."""
        features = {}
        for side, check in self._checks:
            try:
                features[side] = check(made(sample[side]))
            except BrokenValue as error:
                return self._broken(index, side, sample[side], error)
        if sample.get("references"):
            try:
                features["references"] = [checked_text(r).encode() for r in sample["references"]]
            except BrokenValue as error:
                return self._broken(index, "references", None, error)
        return features

    def _label(self, value: Any) -> int:
        labels = self._problem.labels
        if isinstance(value, str) and value in self._ids:
            return self._ids[value]
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(labels):
            return value
        shown = ", ".join(labels[:10]) + (f" and {len(labels) - 10} more" * (len(labels) > 10))
        raise BrokenValue(
            "unknown label", f"has the unknown label {value!r}; allowed are {shown or 'none'}"
        )

    def _broken(self, index: int, side: str, value: Any, error: BrokenValue) -> Broken:
        file = _file_of(value)
        place = _place(self._problem, self._split, index) + (f" ({file})" if file else "")
        return Broken(
            error.reason,
            f"{place}: {side} {error.detail}; or leave broken examples out with --skip_broken.",
        )


def checked_text(value: Any) -> str:
    """`value`, if it is text that can be learnt.

    Raises:
      BrokenValue: if it is empty, no str, or not valid Unicode.
    """
    if not isinstance(value, str):
        raise BrokenValue("no text", f"must be str, got {type(value).__name__}")
    if not value.strip():
        raise BrokenValue("empty text", "is empty text; give at least one character")
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError:
        raise BrokenValue(
            "invalid text", "holds half of a surrogate pair; read the file as valid UTF-8"
        ) from None
    return value


def no_text(value: Any) -> str:
    """`value`, if it is the empty text of a side that is absent.

    Raises:
      BrokenValue: if it is anything else.
    """
    if value != "":
        raise BrokenValue("text", "is text, and this problem has no inputs; give the empty text")
    return ""


def _content(value: Any) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise BrokenValue(
            "no bytes", f"must be the bytes of an encoded file, got {type(value).__name__}"
        )
    return bytes(value)


def made(value: Any) -> Any:
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
    """The file that a lazy value reads, if it tells: `path.read_bytes`, or an attribute `path`."""
    owner = getattr(value, "__self__", None)
    path = owner if isinstance(owner, Path) else getattr(value, "path", None)
    return str(path) if path is not None else None
