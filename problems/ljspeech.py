"""LJ Speech: one voice reads seven books. Made for synthesis, and small enough for first tries."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.data.sources.readers.media import media_item
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.data.sources.transcripts import plain_words
from t2t_mm.problem import Broken, Sample, Split
from t2t_mm.problems.speech import SpeechProblem
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFile, RawFiles, TfdsData

_HZ = 22_050  # of the published recordings
_HELD = {"LJ049": Split.DEV, "LJ050": Split.TEST}  # the last two of fifty chapters
_ARCHIVE = "LJSpeech-1.1.tar.bz2"
_ALL = {split.value: "train" for split in Split}  # the data set has one part


@registry.register_problem("ljspeech")
class Ljspeech(SpeechProblem):
    """LJ Speech, 24 hours of one voice, to lower-case words; spectra.

    The data set has no splits: chapter LJ049 is dev, LJ050 test. Transcripts are the normalised
    ones, in which numbers are words.
    """

    vocabulary = vocabulary("ljspeech", 8192, "ljspeech")
    transcript_rules = ("plain_words",)
    transcripts: ClassVar[str] = "normalised transcripts without punctuation but apostrophes"
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 10, Split.DEV: 1, Split.TEST: 1}
    provenance = Provenance(
        homepage="https://keithito.com/LJ-Speech-Dataset/",
        licence="public domain",
        examples={"train": 12_592, "dev": 230, "test": 278},
        download_bytes=2_748_572_632,
        tfds=(TfdsData("ljspeech", _ALL, version="1."),),
        files=(
            RawFiles("folder", ("LJSpeech-1.1/metadata.csv", "LJSpeech-1.1/wavs")),
            RawFiles(
                "archive",
                (_ARCHIVE,),
                download=(
                    RawFile(
                        f"https://data.keithito.com/data/speech/{_ARCHIVE}",
                        _ARCHIVE,
                        "be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5",
                        2_748_572_632,
                    ),
                ),
                unpack=((_ARCHIVE, "LJSpeech-1.1"),),
            ),
        ),
    )

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample]:
        if _split_of(record.text("id")) is split:
            sound = functools.partial(record.sound, "speech", _HZ)
            yield {"inputs": sound, "targets": plain_words(record.text("text_normalized"))}

    def samples_of_files(
        self, files: RawFiles, root: Path, split: Split
    ) -> Iterator[Sample | Broken]:
        folder = root / "LJSpeech-1.1"
        for number, line in numbered_lines(folder / "metadata.csv"):
            place = f"{folder / 'metadata.csv'}, line {number}"
            fields = line.split("|")
            if _split_of(fields[0]) is not split:
                continue
            if len(fields) != 3:
                sentence = f"{place} has {len(fields)} columns separated by |, not 3."
                yield self.sample_of_item(Broken("rows of another width", sentence, place), split)
                continue
            sound = media_item(folder / "wavs" / f"{fields[0]}.wav", place)
            if isinstance(sound, Broken):
                yield self.sample_of_item(sound, split)
            else:
                yield {"inputs": sound, "targets": plain_words(fields[2])}


def _split_of(name: str) -> Split:
    return _HELD.get(name.partition("-")[0], Split.TRAIN)
