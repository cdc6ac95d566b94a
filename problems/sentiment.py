"""Is a text in favour of what it writes about: film reviews of IMDB, sentences of the SST."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.problem import Sample, Split, Text2ClassProblem
from t2t_mm.problems.glue import GlueProblem, glue_provenance
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFiles, TfdsData

_ARCHIVE = "aclImdb_v1.tar.gz"


@registry.register_problem("sentiment_imdb")
class SentimentImdb(NamedProblem, Text2ClassProblem):
    """IMDB film reviews to neg or pos; the published test set serves as dev, as in T2T.

    Reviews have 230 words on average and up to 2,500; their HTML breaks stay, as in T2T. What is
    longer than the model takes is left out or cut by the hparams max_length and long_examples.
    """

    labels = ("neg", "pos")
    vocabulary = vocabulary("sentiment_imdb", 8192, "sentiment_imdb")
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 10, Split.DEV: 1}
    provenance = Provenance(
        homepage="https://ai.stanford.edu/~amaas/data/sentiment/",
        licence="none stated; cite Maas et al. 2011",
        examples={"train": 25_000, "dev": 25_000},
        download_bytes=84_125_825,
        tfds=(TfdsData("imdb_reviews", {"train": "train", "dev": "test"}, "plain_text", "1."),),
        files=(
            RawFiles(
                "folder",
                ("aclImdb/train/neg", "aclImdb/train/pos", "aclImdb/test/neg", "aclImdb/test/pos"),
            ),
            RawFiles("archive", (_ARCHIVE,), unpack=((_ARCHIVE, "aclImdb"),)),
        ),
    )

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample]:
        yield {"inputs": record.text("text"), "targets": record.label("label")}

    def samples_of_files(self, files: RawFiles, root: Path, split: Split) -> Iterator[Sample]:
        part = "train" if split is Split.TRAIN else "test"
        for label in self.labels:
            for path in sorted((root / "aclImdb" / part / label).glob("*.txt")):
                yield {"inputs": path.read_text(encoding="utf-8"), "targets": label}


@registry.register_problem("sentiment_sst_binary")
class SentimentSstBinary(GlueProblem):
    """SST-2: phrases of film reviews to negative or positive, as GLUE has them."""

    labels = ("negative", "positive")
    vocabulary = vocabulary("sentiment_sst_binary", 8192, "sentiment_sst_binary")
    folder = "SST-2"
    features = ("sentence",)
    columns = ("sentence",)
    provenance = glue_provenance(
        "sst2", folder, (67_349, 872), 7_439_277, "none stated; cite Socher et al. 2013"
    )
