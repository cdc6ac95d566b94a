"""Readers of data in their original formats, one format per file; no TensorFlow here."""

from __future__ import annotations

from t2t_mm.data.sources.readers.cifar import Cifar
from t2t_mm.data.sources.readers.class_folders import ClassFolders
from t2t_mm.data.sources.readers.coco import Coco
from t2t_mm.data.sources.readers.librispeech import LibriSpeech
from t2t_mm.data.sources.readers.media_table import ImageTable, WavTable
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.data.sources.readers.tables import Csv, Jsonl, Tsv
from t2t_mm.data.sources.readers.text_lines import TextLines
from t2t_mm.data.sources.readers.treebank import Treebank

FORMATS: dict[str, type[Reader]] = {
    "text_lines": TextLines,
    "tsv": Tsv,
    "csv": Csv,
    "jsonl": Jsonl,
    "class_folders": ClassFolders,
    "cifar": Cifar,
    "coco": Coco,
    "librispeech": LibriSpeech,
    "wav_table": WavTable,
    "image_table": ImageTable,
    "treebank": Treebank,
}

__all__ = [
    "FORMATS",
    "Cifar",
    "ClassFolders",
    "Coco",
    "Csv",
    "ImageTable",
    "Jsonl",
    "LibriSpeech",
    "Reader",
    "Roots",
    "Row",
    "TextLines",
    "Treebank",
    "Tsv",
    "WavTable",
]
