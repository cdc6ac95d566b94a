"""ImageNet: a photo to one of a thousand classes, at the paper's size and at smaller ones.

Classes are named by their WordNet identifiers ("n02119789"). Source: https://image-net.org, by
registration, for non-commercial research and education; the small ones (Chrabaszcz et al. 2017) are
downloaded by TFDS.
"""

from __future__ import annotations

import functools
import importlib.util
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.data.sources.readers import ClassFolders, Reader
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.errors import DataError
from t2t_mm.problem import Broken, Dropped, Image2ClassProblem, Sample, Split
from t2t_mm.problems.imagenet_classes import SYNSETS
from t2t_mm.provenance import Provenance, RawFiles, TfdsData

_HOME = "https://image-net.org/"
_LICENCE = "ImageNet terms of access: non-commercial research and education"
_ACCESS = (
    "register at https://image-net.org/download-images for ILSVRC2012_img_train.tar and "
    "ILSVRC2012_img_val.tar"
)
_EXAMPLES = {"train": 1_281_167, "dev": 50_000}
_TARS = ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar")
_TFDS = TfdsData("imagenet2012", {"train": "train", "dev": "validation"}, None, "5.", _TARS)
_FILES = (
    RawFiles("folders", ("train/n01440764", "val/n01440764"), folder="*imagenet*|*ilsvrc*"),
    RawFiles("archives", _TARS),
)
_VALIDATION_LABELS = "ILSVRC2012_validation_labels.txt"


class ImageNet(NamedProblem, Image2ClassProblem):
    """The base of all sizes. Original JPEG bytes are stored, whatever the size."""

    labels = SYNSETS
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 1024, Split.DEV: 10}
    provenance = Provenance(
        homepage=_HOME,
        licence=_LICENCE,
        examples=_EXAMPLES,
        download_bytes=155_000_000_000,
        tfds=(_TFDS,),
        files=_FILES,
        access=_ACCESS,
    )

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample]:
        yield {"inputs": functools.partial(record.blob, "image"), "targets": record.label("label")}

    def reader(self, files: RawFiles, split: Split) -> Reader | None:
        if files.key != "folders":
            return None
        return ClassFolders(medium="image", path="train" if split is Split.TRAIN else "val")

    def samples_of_files(
        self, files: RawFiles, root: Path, split: Split
    ) -> Iterator[Sample | Dropped | Broken]:
        if files.key == "folders":
            yield from super().samples_of_files(files, root, split)
        elif split is Split.TRAIN:
            yield from training_samples(root / _TARS[0])
        else:
            yield from validation_samples(root / _TARS[1], root)


def training_samples(path: Path) -> Iterator[Sample]:
    """The images of the training archive: an archive for each class, named after it."""
    with tarfile.open(path) as outer:
        for member in outer:
            synset = member.name.removesuffix(".tar")
            if synset not in SYNSETS:
                raise DataError(f"{path} holds {member.name}, which is not a class of ImageNet's.")
            with tarfile.open(fileobj=outer.extractfile(member)) as inner:
                for image in inner:
                    start = member.offset_data + image.offset_data
                    yield {"inputs": bytes_of(path, start, image.size), "targets": synset}


def validation_samples(path: Path, root: Path) -> Iterator[Sample]:
    """The images of the validation archive; their classes are listed in the names' order."""
    with tarfile.open(path) as archive:
        members = sorted(archive.getmembers(), key=lambda member: member.name)
    classes = _validation_labels(root, len(members))
    for member, synset in zip(members, classes, strict=True):
        yield {"inputs": bytes_of(path, member.offset_data, member.size), "targets": synset}


def _validation_labels(root: Path, count: int) -> list[str]:
    """A class a line, from --tmp_dir or from the list that comes with TFDS."""
    spec = importlib.util.find_spec("tensorflow_datasets")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    places = [root / _VALIDATION_LABELS]
    places += [Path(f) / "datasets" / "imagenet2012" / "validation_labels.txt" for f in folders]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise DataError(
            f"the classes of ImageNet's validation images are missing; put "
            f"{_VALIDATION_LABELS} with one WordNet identifier a line, in the order of the "
            f"images' names, into {root}."
        )
    labels = path.read_text(encoding="utf-8").split()
    if len(labels) != count:
        raise DataError(f"{path} has {len(labels)} classes for {count} images.")
    return labels


def bytes_of(path: Path, start: int, size: int) -> Callable[[], bytes]:
    """A function that reads a part of a file: an image where it lies in its archive."""
    return functools.partial(_read, path, start, size)


def _read(path: Path, start: int, size: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(size)


@registry.register_problem("image_imagenet")
class ImageImagenet(ImageNet):
    """ImageNet photos at 299 x 299 to one of 1000 classes, the paper's problem."""

    image_size = 299
    augment = "imagenet"


@registry.register_problem("image_imagenet224")
class ImageImagenet224(ImageNet):
    """ImageNet photos at 224 x 224 to one of 1000 classes."""

    image_size = 224
    augment = "imagenet"


class SmallImageNet(ImageNet):
    """The sizes that TFDS has ready-made; prepared full images serve as well."""

    def __init_subclass__(cls, **options: object):
        super().__init_subclass__(**options)
        side, size = cls.image_size, {64: 13_000_000_000, 32: 3_460_000_000}[cls.image_size]
        small = TfdsData(
            "imagenet_resized", {"train": "train", "dev": "validation"}, f"{side}x{side}", "0.1."
        )
        cls.provenance = Provenance(
            homepage="https://patrykchrabaszcz.github.io/Imagenet32/",
            licence=_LICENCE,
            examples=_EXAMPLES,
            download_bytes=size,
            tfds=(small, _TFDS),
            files=_FILES,
            access=f"TFDS downloads the small images; for the full ones {_ACCESS}",
        )


@registry.register_problem("image_imagenet64")
class ImageImagenet64(SmallImageNet):
    """ImageNet photos at 64 x 64 to one of 1000 classes."""

    image_size = 64
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 128, Split.DEV: 4}


@registry.register_problem("image_imagenet32")
class ImageImagenet32(SmallImageNet):
    """ImageNet photos at 32 x 32 to one of 1000 classes."""

    image_size = 32
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 64, Split.DEV: 2}
