"""Kinds of data as objects: how each is stored, batched, fed and predicted.

What a problem declares for each of its features is a `Kind`: `Text`, `Tree`, `Image`, `Audio`,
`Label`, `Tags`, `Number`, or a user's own (`register_kind`). All that the rest of the program asks
of a kind is one of its methods; nothing elsewhere asks which kind it is. Kinds stand low: data,
modalities, decoding, evaluation and serving import them, never the other way round. Importing
them imports no TensorFlow.
"""

from __future__ import annotations

from t2t_mm.kinds.audio import Audio
from t2t_mm.kinds.image import Image
from t2t_mm.kinds.kind import Kind
from t2t_mm.kinds.label import Label
from t2t_mm.kinds.number import Number
from t2t_mm.kinds.tags import Tags
from t2t_mm.kinds.text import Text
from t2t_mm.kinds.tree import Tree
from t2t_mm.registry import KINDS

__all__ = ["Audio", "Image", "Kind", "Label", "Number", "Tags", "Text", "Tree"]

for _kind in (Text, Tree, Image, Audio, Label, Tags, Number):
    KINDS.register(_kind.name, _kind)
