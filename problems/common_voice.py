"""Mozilla Common Voice, English: sentences that volunteers read."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.readers import Reader, Row, WavTable
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.data.sources.transcripts import plain_words
from t2t_mm.problem import Broken, Sample, Split
from t2t_mm.problems.speech import SpeechProblem
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFiles, TfdsData

_TFDS_HZ = 48_000  # of Common Voice's MP3 files; TFDS keeps the samples and not their rate
_TABLES = {
    "tsv": {Split.TRAIN: "train.tsv", Split.DEV: "dev.tsv", Split.TEST: "test.tsv"},
    "v1": {
        Split.TRAIN: "cv-valid-train.csv",
        Split.DEV: "cv-valid-dev.csv",
        Split.TEST: "cv-valid-test.csv",
    },
}


@registry.register_problem("common_voice")
class CommonVoice(SpeechProblem):
    """Common Voice, English sentences read by volunteers, to lower-case words; spectra.

    Read from TFDS (corpus 6.1), from the folder of any later corpus (cv-corpus-*/en with train.tsv,
    dev.tsv, test.tsv and clips), or from corpus 1, as Tensor2Tensor read it (cv-valid-*.csv; the
    validated part alone).
    """

    vocabulary = vocabulary("common_voice", 8192, "common_voice")
    transcript_rules = ("plain_words",)
    transcripts: ClassVar[str] = (
        "punctuation left out but apostrophes inside of words, typographic ones made plain"
    )
    provenance = Provenance(
        homepage="https://commonvoice.mozilla.org/en/datasets",
        licence="CC0 1.0",
        examples={"train": 564_337, "dev": 16_164, "test": 16_164},
        download_bytes=60_000_000_000,
        tfds=(
            TfdsData("common_voice", {"train": "train", "dev": "dev", "test": "test"}, "en", "2."),
        ),
        files=(
            RawFiles("tsv", (*_TABLES["tsv"].values(), "clips"), "en|*common*voice*|cv-corpus*"),
            RawFiles("v1", (*_TABLES["v1"].values(), "cv-valid-train")),
        ),
        access="download the English corpus from that page and unpack it",
    )

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample]:
        sound = functools.partial(record.sound, "voice", _TFDS_HZ)
        yield {"inputs": sound, "targets": plain_words(record.text("sentence"))}

    def reader(self, files: RawFiles, split: Split) -> Reader:
        return _reader(files.key, _TABLES[files.key][split])

    def sample_of_item(self, item: Row | Broken, split: Split) -> Sample | Broken:
        if isinstance(item, Row):
            item = replace(item, targets=plain_words(item.targets))
        return super().sample_of_item(item, split)


def _reader(key: str, table: str) -> WavTable:
    make = functools.partial(WavTable, medium="audio", path=table)
    if key == "tsv":
        return make(folder="clips", file="path", transcript="sentence")
    return make(folder=".", file="filename", transcript="text")
