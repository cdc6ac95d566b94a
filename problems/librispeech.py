"""LibriSpeech: English audio books, in the parts that Tensor2Tensor has.

T2T's librispeech_train_full_test_clean and _other are librispeech's training with the evaluation of
librispeech_clean and _noisy: train on the one, and evaluate with --problems of the other.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources import holding_out
from t2t_mm.data.sources.raw_data import LocatedData
from t2t_mm.data.sources.readers import LibriSpeech, Roots, Row
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.problem import Broken, Sample, Split
from t2t_mm.problems.speech import SpeechProblem
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFile, RawFiles, TfdsData

# Subset -> bytes and SHA-256 of its archive, as TFDS has verified them.
_ARCHIVES = {
    "train-clean-100": (6_387_309_499, "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2"),  # noqa: E501
    "train-clean-360": (23_049_477_885, "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf"),  # noqa: E501
    "train-other-500": (30_593_501_606, "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2"),  # noqa: E501
    "dev-clean": (337_926_286, "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3"),
    "dev-other": (314_305_928, "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365"),
    "test-clean": (346_663_984, "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23"),
    "test-other": (328_757_843, "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29"),
}  # fmt: skip
_URL = "https://www.openslr.org/resources/12/{}.tar.gz"

Subsets = Mapping[Split, tuple[str, ...]]


def _subsets(train: str, held: str) -> Subsets:
    """Split -> its subsets, for numbers of training hours and kinds of evaluation."""
    kinds = held.split()
    return {
        Split.TRAIN: tuple(f"train-{name}" for name in train.split()),
        Split.DEV: tuple(f"dev-{kind}" for kind in kinds),
        Split.TEST: tuple(f"test-{kind}" for kind in kinds),
    }


def _provenance(subsets: Subsets, counts: tuple[int, int, int]) -> Provenance:
    names = [name for part in subsets.values() for name in part]
    splits = {
        split.value: "+".join(_tfds_name(name) for name in part) for split, part in subsets.items()
    }
    return Provenance(
        homepage="https://www.openslr.org/12",
        licence="CC BY 4.0",
        examples=dict(zip(("train", "dev", "test"), counts, strict=True)),
        download_bytes=sum(_ARCHIVES[name][0] for name in names),
        tfds=(
            TfdsData("librispeech", splits, "lazy_decode", "2."),  # keeps FLAC: a tenth as large
            TfdsData("librispeech", splits, "default", "2."),
        ),
        files=(
            RawFiles("folder", tuple(names)),
            RawFiles(
                "archives",
                tuple(f"{name}.tar.gz|LibriSpeech/{name}" for name in names),
                download=tuple(map(_archive, names)),
                unpack=tuple((f"{name}.tar.gz", f"LibriSpeech/{name}") for name in names),
            ),
            RawFiles(
                "part",
                ("train-*/*/*/*.trans.txt|[dt]*-*/*/*/*.trans.txt|[0-9]*/[0-9]*/*.trans.txt",),
            ),
        ),
    )


def _tfds_name(subset: str) -> str:
    """TFDS's "train_clean100" of "train-clean-100"."""
    part, _, rest = subset.partition("-")
    return f"{part}_{rest.replace('-', '')}"


def _archive(name: str) -> RawFile:
    size, digest = _ARCHIVES[name]
    return RawFile(_URL.format(name), f"{name}.tar.gz", digest, size)


class LibrispeechProblem(SpeechProblem):
    """LibriSpeech's recordings and transcripts.

    Attributes:
      subsets: of each split.
    """

    subsets: ClassVar[Subsets]

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample]:
        sound = functools.partial(record.sound, "speech", self.sample_rate)
        yield {"inputs": sound, "targets": record.text("text")}

    def samples_of_files(
        self, files: RawFiles, root: Path, split: Split
    ) -> Iterator[Sample | Broken]:
        for item in self._items(_library(root), split):
            yield self.sample_of_item(item, split)

    def _items(self, root: Path, split: Split) -> Iterator[Row | Broken]:
        there = self._available(root)
        if all(there.values()):
            yield from (row for name in there[split] for row in _chapters(root, name))
            return
        names = sorted({name for part in there.values() for name in part}) or ["."]
        rows = [row for name in names for row in _chapters(root, name)]
        yield from holding_out.split_by_tenths(rows, split, f"recordings below {root}")

    def _available(self, root: Path) -> Subsets:
        return {
            split: tuple(name for name in part if (root / name).is_dir())
            for split, part in self.subsets.items()
        }

    def remark(self, found: LocatedData) -> str:
        """A note on the subsets that are missing, and what stands for them."""
        if found.files is None or found.files.key != "part":
            return ""
        root = _library(found.path)
        there = self._available(root)
        used = sorted(name for part in there.values() for name in part)
        if all(there.values()):
            missing = sorted(n for p in self.subsets.values() for n in p if n not in used)
            return f"only {', '.join(used)} are there; {', '.join(missing)} are missing"
        return (
            f"{', '.join(used) or 'a folder of chapters'} instead of all subsets: of the "
            f"recordings in the order of their paths {holding_out.DESCRIPTION}"
        )


def _library(root: Path) -> Path:
    """The folder that holds the subsets: archives unpack into one below them."""
    below = root / "LibriSpeech"
    return below if below.is_dir() else root


def _chapters(root: Path, path: str) -> Iterator[Row | Broken]:
    return LibriSpeech(medium="audio", path=path).items(Roots((root,)), training=False)


@registry.register_problem("librispeech")
class Librispeech(LibrispeechProblem):
    """LibriSpeech, 960 hours of audio books, to lower-case English; spectra."""

    vocabulary = vocabulary("librispeech", 8192, "librispeech")
    subsets = _subsets("clean-100 clean-360 other-500", "clean other")
    provenance = _provenance(subsets, (281_241, 5_567, 5_559))


@registry.register_problem("librispeech_clean")
class LibrispeechClean(LibrispeechProblem):
    """LibriSpeech's 460 clean hours, dev-clean and test-clean; spectra."""

    vocabulary = vocabulary("librispeech_clean", 8192, "librispeech_clean")
    subsets = _subsets("clean-100 clean-360", "clean")
    provenance = _provenance(subsets, (132_553, 2_703, 2_620))


@registry.register_problem("librispeech_clean_small")
class LibrispeechCleanSmall(LibrispeechProblem):
    """LibriSpeech's first 100 clean hours, dev-clean and test-clean; spectra."""

    vocabulary = vocabulary("librispeech_clean_small", 8192, "librispeech_clean_small")
    subsets = _subsets("clean-100", "clean")
    provenance = _provenance(subsets, (28_539, 2_703, 2_620))


@registry.register_problem("librispeech_noisy")
class LibrispeechNoisy(LibrispeechProblem):
    """LibriSpeech's 500 other hours, dev-other and test-other; spectra."""

    vocabulary = vocabulary("librispeech_noisy", 8192, "librispeech_noisy")
    subsets = _subsets("other-500", "other")
    provenance = _provenance(subsets, (148_688, 2_864, 2_939))
