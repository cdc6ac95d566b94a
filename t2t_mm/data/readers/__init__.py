"""Readers of data in their original formats, one format a file; no TensorFlow here."""

from __future__ import annotations

from t2t_mm.data.readers.cifar import Cifar
from t2t_mm.data.readers.class_folders import ClassFolders
from t2t_mm.data.readers.coco import Coco
from t2t_mm.data.readers.librispeech import LibriSpeech
from t2t_mm.data.readers.media_table import ImageTable, WavTable
from t2t_mm.data.readers.reader import Reader, Roots, Row
from t2t_mm.data.readers.tables import Csv, Jsonl, Tsv
from t2t_mm.data.readers.text_lines import TextLines
from t2t_mm.data.readers.treebank import Treebank

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

__all__ = ["FORMATS", "Reader", "Roots", "Row"]
