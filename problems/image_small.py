"""Small images that users try first: CIFAR, MNIST, Fashion-MNIST, scikit-learn's digits.

The published test sets serve as dev, as in Tensor2Tensor.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.data.sources.readers import Cifar, Reader
from t2t_mm.data.sources.readers.idx import images_and_labels, png_of
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.errors import DataError
from t2t_mm.problem import Broken, Image2ClassProblem, Sample, Split
from t2t_mm.provenance import Provenance, RawFiles, TfdsData

_SPLITS = {"train": "train", "dev": "test"}


class SmallImagesProblem(NamedProblem, Image2ClassProblem):
    """The base of the problems of small images."""

    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 10, Split.DEV: 1}

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample]:
        yield {"inputs": record.blob("image"), "targets": record.label("label")}


class CifarProblem(SmallImagesProblem):
    """CIFAR: 32 x 32 colour photos."""

    batches: ClassVar[Mapping[Split, tuple[str, ...]]]
    folder: ClassVar[str]

    def reader(self, files: RawFiles, split: Split) -> Reader:
        return Cifar(medium="image", path=self.folder, files=self.batches[split])


def _cifar(name: str, folder: str, archive: str, needs: tuple[str, ...], size: int) -> Provenance:
    return Provenance(
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        licence="none stated; cite Krizhevsky 2009",
        examples={"train": 50_000, "dev": 10_000},
        download_bytes=size,
        tfds=(TfdsData(name, _SPLITS, version="3."),),
        files=(
            RawFiles("folder", tuple(f"{folder}/{need}" for need in needs)),
            RawFiles("archive", (archive,), unpack=((archive, folder),)),
        ),
    )


@registry.register_problem("image_cifar10")
class ImageCifar10(CifarProblem):
    """CIFAR-10: 32 x 32 photos to one of ten classes."""

    labels = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
              "truck")  # fmt: skip
    folder = "cifar-10-batches-py"
    batches: ClassVar[Mapping[Split, tuple[str, ...]]] = {
        Split.TRAIN: ("data_batch_*",),
        Split.DEV: ("test_batch",),
    }
    provenance = _cifar(
        "cifar10", folder, "cifar-10-python.tar.gz",
        ("batches.meta", *(f"data_batch_{i}" for i in range(1, 6)), "test_batch"), 170_498_071,
    )  # fmt: skip


_CIFAR100 = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
    crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
    keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain
    plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman
    worm
"""


@registry.register_problem("image_cifar100")
class ImageCifar100(CifarProblem):
    """CIFAR-100: 32 x 32 photos to one of a hundred classes."""

    labels = tuple(_CIFAR100.split())
    folder = "cifar-100-python"
    batches: ClassVar[Mapping[Split, tuple[str, ...]]] = {
        Split.TRAIN: ("train",),
        Split.DEV: ("test",),
    }
    provenance = _cifar(
        "cifar100", folder, "cifar-100-python.tar.gz", ("meta", "train", "test"), 169_001_437
    )


_IDX = {
    Split.TRAIN: ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    Split.DEV: ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


class MnistProblem(SmallImagesProblem):
    """MNIST's format: 28 x 28 grey images."""

    image_size = 28
    flip = False  # a mirrored digit is none

    def samples_of_files(
        self, files: RawFiles, root: Path, split: Split
    ) -> Iterator[Sample | Broken]:
        images, labels = (
            next(path for ending in ("", ".gz") if (path := root / f"{name}{ending}").exists())
            for name in _IDX[split]
        )
        for index, (image, label) in enumerate(images_and_labels(images, labels)):
            if label < len(self.labels):
                yield {"inputs": image, "targets": self.labels[label]}
                continue
            place = f"{labels}, label {index}"
            sentence = f"{place} must be 0 to {len(self.labels) - 1}, got {label}"
            yield self.sample_of_item(Broken("unknown label", sentence, place), split)


def _idx_files(folder: str) -> tuple[RawFiles, ...]:
    names = [name for names in _IDX.values() for name in names]
    return (RawFiles("idx", tuple(f"{name}.gz|{name}" for name in names), folder),)


@registry.register_problem("image_mnist")
class ImageMnist(MnistProblem):
    """MNIST: 28 x 28 handwritten digits to one of ten classes."""

    labels = tuple("0123456789")
    provenance = Provenance(
        homepage="http://yann.lecun.com/exdb/mnist/",
        licence="CC BY-SA 3.0",
        examples={"train": 60_000, "dev": 10_000},
        download_bytes=11_594_722,
        tfds=(TfdsData("mnist", _SPLITS, version="3."),),
        files=_idx_files("mnist"),
    )


@registry.register_problem("image_fashion_mnist")
class ImageFashionMnist(MnistProblem):
    """Fashion-MNIST: 28 x 28 images of clothes to one of ten classes."""

    flip = True
    labels = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
              "Bag", "Ankle boot")  # fmt: skip
    provenance = Provenance(
        homepage="https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT",
        examples={"train": 60_000, "dev": 10_000},
        download_bytes=30_878_645,
        tfds=(TfdsData("fashion_mnist", _SPLITS, version="3."),),
        files=_idx_files("*fashion*"),
    )


@registry.register_problem("image_digits")
class ImageDigits(NamedProblem, Image2ClassProblem):
    """scikit-learn's own 8 x 8 handwritten digits to one of ten classes; no network.

    The last fifth is dev: other hands wrote it.
    """

    labels = tuple("0123456789")
    image_size = 16
    flip = False
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 1, Split.DEV: 1}
    provenance = Provenance(
        homepage="https://archive.ics.uci.edu/dataset/80",
        licence="CC BY 4.0",
        examples={"train": 1437, "dev": 360},
    )

    def prepare(self, tmp_dir: Path, log: Callable[[str], None] = print) -> None:
        """Checks that scikit-learn, which brings the images, is installed."""
        try:
            import sklearn.datasets  # noqa: F401
        except ImportError:
            raise DataError(
                "problem 'image_digits' needs scikit-learn, which brings the images; run "
                "`pip install scikit-learn`."
            ) from None

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        from sklearn.datasets import load_digits

        content = load_digits()
        part = slice(None, 1437) if split is Split.TRAIN else slice(1437, None)
        # 0 .. 16 to 0 .. 255
        images = (content.images[part] * 15.9375).round().astype("uint8")
        for image, label in zip(images, content.target[part], strict=True):
            drawn = functools.partial(png_of, image.tobytes(), image.shape)
            yield {"inputs": drawn, "targets": str(label)}
