"""Reads a data set that TensorFlow Datasets has prepared, straight from its files.

A prepared data set is a folder NAME/[CONFIG/]VERSION of tf.train.Examples, described by
dataset_info.json. Reading it takes neither TensorFlow nor tensorflow_datasets nor the network,
images stay encoded, and the order is that of the files: nothing depends on threads.
"""

from __future__ import annotations

import json
import mmap
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from t2t_mm.data.records.example_parsing import Values, example_features, feature_values
from t2t_mm.data.records.files import masked_crc
from t2t_mm.errors import DataError
from t2t_mm.files import json_fields
from t2t_mm.kinds.wav_files import wav_file
from t2t_mm.provenance import DataAccess, TfdsData

_INFO = "dataset_info.json"
_FORMATS = {"tfrecord", "array_record"}
_PART = re.compile(r"(?P<name>\w+)(\[(?P<from>-?\d+%?)?:(?P<to>-?\d+%?)?\])?")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_FIELDS = {"splits": list[dict[str, Any]], "name": str}  # of dataset_info.json
_OPTIONAL = {"version": str, "configName": str | None, "fileFormat": str}
_OF_SPLIT = {"name": str, "shardLengths": list[int | str], "filepathTemplate": str}
_SMALL = 1 << 16  # bytes of a record whose checksum costs nothing


class RecordError(DataError):
    """A record that cannot be read as it should; the others of its file can."""


def prepared_folder(data: TfdsData, access: DataAccess) -> Path | None:
    """The newest prepared version of a data set that fits, None if there is none."""
    found = []
    for parent in dict.fromkeys((data.name, f"{data.name}/{data.config or ''}")):
        for info in access.tfds_folder.joinpath(parent).glob(f"*/{_INFO}"):
            version = info.parent.name
            if version.startswith(data.version) and re.fullmatch(r"\d+\.\d+\.\d+", version):
                found.append((tuple(map(int, version.split("."))), info.parent))
    return max(found)[1] if found else None


class Record:
    """One example of a prepared data set.

    Names are TFDS's, those of nested features joined by slashes: "captions/text". A feature is
    fetched from the disk and decoded when it is asked for: a method and its argument, as
    `functools.partial(record.blob, "image")`, make a value for the worker that writes it.
    """

    def __init__(self, content: Framed, place: str, folder: TfdsFolder):
        self._content, self.place, self._folder = content, place, folder
        self._proven = content.checksum is None

    @cached_property
    def _features(self) -> Mapping[str, memoryview]:
        if len(self._content.data) <= _SMALL:
            self._prove()
        try:
            return example_features(self._content.data)
        except ValueError as error:
            raise self._damaged(error) from None

    def _prove(self) -> None:
        """Compares the checksum, once."""
        if not self._proven and masked_crc(bytes(self._content.data)) != self._content.checksum:
            raise self._damaged("is not what its checksum says")
        self._proven = True

    def _damaged(self, why: object) -> RecordError:
        return RecordError(f"{self.place} is damaged ({why}); let TFDS prepare it again.")

    def blobs(self, name: str) -> list[bytes]:
        """Byte strings: encoded images, or texts not decoded yet."""
        values = self._get(name)
        if len(values) and not isinstance(values, list):
            raise RecordError(f"{self.place}: '{name}' holds numbers, not bytes.")
        return list(values)

    def blob(self, name: str) -> bytes:
        """The only byte string, such as an encoded image."""
        return self._only(name, self.blobs(name))

    def texts(self, name: str) -> list[str]:
        """Texts."""
        try:
            return [value.decode("utf-8") for value in self.blobs(name)]
        except UnicodeDecodeError as error:
            raise RecordError(f"{self.place}: '{name}' is not UTF-8 ({error.reason}).") from None

    def text(self, name: str) -> str:
        """The only text."""
        return self._only(name, self.texts(name))

    def numbers(self, name: str) -> np.ndarray:
        """Numbers, int64 or float32 [n]: a sound's samples, a bounding box."""
        return np.asarray(self._get(name))

    def sound(self, name: str, sample_rate: int) -> bytes:
        """A sound as a file's bytes: as it is stored, or its stored samples as WAV.

        Args:
          name: of the feature.
          sample_rate: Hz of the samples, which TFDS does not store with them.
        """
        values = self._get(name)
        if isinstance(values, np.ndarray):
            return wav_file(values, sample_rate)
        return self._only(name, values)

    def label(self, name: str) -> str:
        """A class's name; its number where TFDS knows no names."""
        names, number = self._folder.label_names(name), self.number(name)
        if names and not 0 <= number < len(names):
            raise RecordError(
                f"{self.place}: '{name}' must be 0 to {len(names) - 1}, got {number}."
            )
        return names[number] if names else str(number)

    def number(self, name: str) -> int:
        """The only whole number."""
        value = self._only(name, self._get(name))
        if isinstance(value, bytes):
            raise RecordError(f"{self.place}: '{name}' holds bytes, not a number.")
        return int(value)

    def _only(self, name: str, values: Values | list[str]) -> Any:
        if len(values) != 1:
            raise RecordError(f"{self.place}: '{name}' has {len(values)} values, not one.")
        return values[0]

    def _get(self, name: str) -> Values:
        if name not in self._features:
            raise DataError(
                f"{self._folder.path} has no feature '{name}'; it has "
                f"{', '.join(sorted(self._features))}: it is not TFDS's data set of that name."
            )
        if 2 * len(self._features[name]) > len(self._content.data):  # it is fetched anyway
            self._prove()
        try:
            return feature_values(self._features[name])
        except (ValueError, OverflowError) as error:
            raise self._damaged(error) from None


@dataclass(frozen=True)
class TfdsFolder:
    """A prepared data set.

    Attributes:
      path: its folder, NAME/[CONFIG/]VERSION.
    """

    path: Path

    @cached_property
    def _info(self) -> dict[str, Any]:
        try:
            found = json.loads((self.path / _INFO).read_text(encoding="utf-8"))
            json_fields.check(found, _FIELDS)
            json_fields.check(found, _OPTIONAL, required=False)
            for split in found["splits"]:
                json_fields.check(split, {"name": str})
                json_fields.check(split, _OF_SPLIT, required=False)
                split["shardLengths"] = [*map(_length, split.get("shardLengths", []))]
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise DataError(f"cannot read {self.path / _INFO} ({error}).") from None
        return found

    @property
    def title(self) -> str:
        """Name and version, as TFDS writes them: "cifar10:3.0.2"."""
        config = self._info.get("configName")
        name = self._info.get("name", self.path.parent.name)
        return f"{name}{f'/{config}' if config else ''}:{self._info.get('version', self.path.name)}"

    def label_names(self, feature: str) -> list[str]:
        """The class names of a ClassLabel feature; [] where TFDS knows only numbers."""
        if feature not in self._labels:
            path = self.path / f"{feature.replace('/', '-')}.labels.txt"
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
            self._labels[feature] = text.splitlines()
        return self._labels[feature]

    @cached_property
    def _labels(self) -> dict[str, list[str]]:
        return {}

    def records(self, split: str) -> Iterator[Record]:
        """The examples of a split, in the order of the files.

        Args:
          split: TFDS's name, a part allowed: "train", "train[1000:]", "train[:10%]",
            "train+validation".

        Raises:
          DataError: if there is no such split, or a file is missing, damaged or of a format that
            is not read.
        """
        for part in split.split("+"):
            yield from self._part(part)

    def _part(self, part: str) -> Iterator[Record]:
        name, wanted = self._range(part)
        start = 0
        for path, length in self._shards(name):
            inside = range(max(wanted.start - start, 0), min(wanted.stop - start, length))
            if len(inside):
                contents = self._read(path, inside, length)
                for index, content in zip(inside, contents, strict=True):
                    yield Record(content, f"{path}, record {index}", self)
            start += length

    def _range(self, part: str) -> tuple[str, range]:
        match = _PART.fullmatch(part.strip())
        splits = {split["name"]: split for split in self._info["splits"]}
        if not match or match["name"] not in splits:
            raise DataError(f"{self.path} has no split '{part}'; it has {', '.join(splits)}.")
        size = sum(splits[match["name"]]["shardLengths"])
        start, stop = (_position(match[key], size) for key in ("from", "to"))
        return match["name"], range(*slice(start, stop).indices(size))

    def _shards(self, split: str) -> list[tuple[Path, int]]:
        info = next(s for s in self._info["splits"] if s["name"] == split)
        lengths = info["shardLengths"]
        form = self._info.get("fileFormat", "tfrecord")
        if form not in _FORMATS:
            raise DataError(
                f"{self.path} is stored as {form}; prepare it as {' or '.join(sorted(_FORMATS))}."
            )
        shards = []
        for i, length in enumerate(lengths):
            of = f"{i:05d}-of-{len(lengths):05d}"
            parts = {
                "DATASET": self._info["name"],
                "SPLIT": split,
                "FILEFORMAT": form,
                "SHARD_X_OF_Y": of,
                "SHARD_INDEX": of[:5],
                "NUM_SHARDS": of[-5:],
            }
            template = info.get("filepathTemplate") or _TEMPLATE
            name = _PLACEHOLDER.sub(lambda found, of=parts: of.get(found[1], found[0]), template)
            shards.append((self.path / name, length))
        return shards

    def _read(self, path: Path, wanted: range, length: int) -> Iterator[Framed]:
        form = self._info.get("fileFormat", "tfrecord")
        read = _array_records if form == "array_record" else _tfrecords
        try:
            yield from read(path, wanted, length)
        except (OSError, struct.error, EOFError, ValueError) as error:
            refused = getattr(error, "strerror", None)  # by the system: nothing is damaged
            anew = f"delete {self.path} and let TFDS prepare it again"
            advice = "see to that and try again" if refused else anew
            raise DataError(f"{path} cannot be read ({refused or error}); {advice}.") from None


def _position(text: str | None, size: int) -> int | None:
    """A bound of a part: a number, or a percentage, rounded as TFDS rounds it."""
    if text is None:
        return None
    return round(size * int(text[:-1]) / 100) if text.endswith("%") else int(text)


def _length(value: int | str) -> int:
    """The number of a shard's records, which JSON has as text."""
    if int(value) < 0:
        raise ValueError(f"a shard of {value} records")
    return int(value)


class Framed(NamedTuple):
    """The bytes of a record, none of them read yet, and the checksum that stands beside them."""

    data: bytes | memoryview
    checksum: bytes | None


def _tfrecords(path: Path, wanted: range, length: int) -> Iterator[Framed]:
    """The wanted records of a TFRecord file that holds `length` of them: the file is mapped."""
    with open(path, "rb") as file:
        if not path.stat().st_size:
            raise EOFError("it is empty")
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    at = 0
    for index in range(wanted.stop):
        (size,) = struct.unpack("<Q", view[at : at + 8])
        if view[at + 8 : at + 12] != masked_crc(bytes(view[at : at + 8])):
            raise EOFError(f"the length of record {index} is not what its checksum says")
        start, at = at + 12, at + 16 + size
        if at > len(view):
            raise EOFError("it breaks off")
        if index in wanted:
            yield Framed(view[start : start + size], bytes(view[start + size : at]))
    if wanted.stop == length and at < len(view):
        raise EOFError(f"it holds more than the {length:,} records that {_INFO} tells of")


def _array_records(path: Path, wanted: range, length: int) -> Iterator[Framed]:
    from array_record.python.array_record_module import ArrayRecordReader

    reader = ArrayRecordReader(str(path))
    try:
        if reader.num_records() != length:
            there = f"{reader.num_records():,} records, {_INFO} tells of {length:,}"
            raise EOFError(f"it holds {there}")
        for start in range(wanted.start, wanted.stop, 64):
            found = reader.read(start, min(start + 64, wanted.stop))
            yield from (Framed(content, None) for content in found)
    finally:
        reader.close()
