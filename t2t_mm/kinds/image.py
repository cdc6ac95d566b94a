"""Images: encoded files stored as they are, fed as standardized squares."""

from __future__ import annotations

import dataclasses
import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from t2t_mm.kinds.broken import BrokenValue, TooLarge
from t2t_mm.kinds.file_endings import Endings, image_endings
from t2t_mm.kinds.image_files import formats, is_read_by_tensorflow, stored_image
from t2t_mm.kinds.kind import (
    BYTES,
    InputBounds,
    Kind,
    RowLimits,
    StoredInput,
    Vocabularies,
    content_of,
    encoded_file,
)
from t2t_mm.tensor import Tensor

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

    import tensorflow as tf

    from t2t_mm.hparam import HParams

_DEFAULT_SIDE = 32  # pixels, of a problems file that says nothing
_LARGE = 96  # pixels a side; from here on Xception's entry flow, which divides by 16, reads it


@dataclass(frozen=True)
class Image(Kind):
    """A square image.

    Stored as an encoded file (PNG, JPEG); fed as float32 [B, size, size, channels] in [-2, 2].

    Attributes:
      size: pixels a side after preprocessing.
      channels: 3 for color.
      flip: an image may be mirrored left to right in training.
      augment: how an image is varied in training: "shift" by a few pixels, or "imagenet", T2T's
        crops and colors (image_augmentation.py).
    """

    name: ClassVar[str] = "image"
    noun: ClassVar[str] = "image"
    plural: ClassVar[str] = "images"
    stored_as: ClassVar[str] = BYTES
    suffixes = Endings(image_endings)
    modality_field: ClassVar[str] = "image_modality"
    heavy: ClassVar[bool] = True
    option_keys: ClassVar[tuple[str, ...]] = ("image_size", "flip")

    size: int | None = None
    channels: int = 3
    flip: bool = False
    augment: str = "shift"

    @classmethod
    def declared(cls, problem: str, options: Mapping[str, Any]) -> Self:
        return cls(options.get("image_size", _DEFAULT_SIDE), flip=options.get("flip", False))

    @property
    def modality(self) -> str:
        return "image" if (self.size or 0) >= _LARGE else "image_small"

    @property
    def is_bound(self) -> bool:
        return bool(self.size)

    @property
    def _side(self) -> int:
        """`size`, once it is known."""
        if self.size is None:
            raise ValueError("an image kind without a size can be declared, but not fed")
        return self.size

    def missing(self) -> str | None:
        return None if self.size else "`size`"

    def without_augmentation(self) -> Self:
        return dataclasses.replace(self, flip=False)

    def check(self, value: Any) -> list[bytes]:
        return [stored_image(encoded_file(value))]

    def is_decodable(self, stored: bytes) -> bool:
        return is_read_by_tensorflow(stored)

    def read(self, raw: Any, vocabularies: Vocabularies) -> StoredInput:
        return StoredInput(stored_image(content_of(raw)), 1)

    def read_bounded(
        self, raw: Any, vocabularies: Vocabularies, bounds: InputBounds
    ) -> StoredInput:
        content = content_of(raw)
        extent = _extent(content)
        if extent and extent[0] > bounds.pixels:
            raise TooLarge(
                "large image",
                f"has {extent[1]} pixels; at most {bounds.pixels:,} are read: make it smaller",
            )
        return self.read(content, vocabularies)

    def most_examples(self, hparams: HParams) -> int | None:
        return hparams.batch_images

    def feed(
        self,
        stored: Tensor,
        hparams: HParams,
        features: str = "",
        training: bool = False,
        seed: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        import tensorflow as tf

        from t2t_mm.kinds import image_augmentation, image_graph

        areas = tf.fill(tf.shape(stored), self._side**2)
        augment = hparams.image_augment and training
        if augment and self.augment == "imagenet":
            pixels = image_augmentation.decode_distorted(stored, self._side, self.flip, seed)
            return image_graph.standardize(pixels), areas
        images = image_graph.standardize(image_graph.decode(stored, self._side))
        if augment:
            images = image_graph.augment(images, self.flip, seed)
        return images, areas

    def batch_shape(
        self, batch: int, size: int, hparams: HParams, features: str = ""
    ) -> tuple[int, ...]:
        return (batch, self._side, self._side, self.channels)

    def positions(self, shape: tuple[int, ...]) -> int:
        return shape[1] * shape[2]

    @property
    def metrics_of_descriptions(self) -> tuple[str, ...]:
        return ("bleu_4", "cider", "rouge_l", "meteor_stem")

    def graph_read(self, contents: tf.Tensor, texts: Mapping[str, Any]) -> Tensor:
        from t2t_mm.kinds.graph.images import stored_images

        return stored_images(contents)

    def to_user_input(self, stored: Any, vocabularies: Vocabularies) -> bytes:
        return bytes(stored)

    def description(self) -> dict[str, Any]:
        return {"kind": self.name, "image_size": self.size}

    @classmethod
    def checked_row(
        cls, value: str | bytes, description: Mapping[str, Any], limits: RowLimits
    ) -> bytes:
        if isinstance(value, str):
            raise BrokenValue(
                "text", 'is text, but this problem takes an image; send its file as {"b64": "..."}'
            )
        extent = _extent(value)
        if extent is None:
            raise BrokenValue(
                "not an image",
                "is not an image, but this problem takes one; give a whole PNG, JPEG, GIF, BMP, "
                "WEBP or TIFF file",
            )
        if extent[0] > limits.pixels:
            raise TooLarge(
                "large image",
                f"has {extent[1]} pixels; at most {limits.pixels:,} are allowed (--max_pixels)",
            )
        return stored_image(value)

    @classmethod
    def sample_row(cls, description: Mapping[str, Any]) -> bytes:
        """A gray square."""
        from PIL import Image as Pillow

        side, out = int(description.get("image_size") or 32), io.BytesIO()
        Pillow.new("RGB", (side, side), (128, 128, 128)).save(out, "PNG")
        return out.getvalue()


_BOMB = re.compile(r"\((\d+) pixels\)")


def _extent(content: bytes) -> tuple[int, str] | None:
    """Pixels as the file's header has them, and "640 x 480"; None for what is not an image."""
    from PIL import Image as Pillow

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            width, height = Pillow.open(io.BytesIO(content), formats=formats()).size
            return width * height, f"{width} x {height}"
    except Pillow.DecompressionBombError as error:  # of twice as many as the warning
        told = _BOMB.search(str(error))
        return (int(told[1]), f"{int(told[1]):,}") if told else None
    except Exception:  # decoders raise what they like over damaged bytes
        return None
