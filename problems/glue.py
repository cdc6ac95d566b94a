"""The tasks of GLUE, by Tensor2Tensor's names where it had them.

Two texts are joined by " ||| ", which the vocabulary gives back as it is. GLUE keeps the labels of
its test sets to itself, so its development sets serve as dev. SST-2 is sentiment_sst_binary
(sentiment.py); the mixture `glue` is all of them on one vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.errors import DataError
from t2t_mm.problem import Dropped, Sample, Split, Text2ClassProblem, Text2NumberProblem
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFiles, TfdsData

SEPARATOR = " ||| "

_PARTS = {"train": "train", "dev": "validation"}
_FILES = {Split.TRAIN: "train.tsv", Split.DEV: "dev.tsv"}


class GlueProblem(NamedProblem, Text2ClassProblem):
    """One or two texts to a class.

    Attributes:
      labels: in GLUE's order: where a table has numbers, they count these.
      folder: of the tables, as in GLUE's archives.
      features: TFDS's names of the texts.
      columns: the tables' names of the texts.
      label_column: of the tables.
      header: names of the columns where the tables have no header line.
      tables: the file of each split.
    """

    folder: ClassVar[str]
    features: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[str, ...]]
    label_column: ClassVar[str] = "label"
    header: ClassVar[tuple[str, ...]] = ()
    tables: ClassVar[Mapping[Split, str]] = _FILES
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 10, Split.DEV: 1}

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample]:
        yield self._sample([record.text(name) for name in self.features], record.label("label"))

    def samples_of_files(
        self, files: RawFiles, root: Path, split: Split
    ) -> Iterator[Sample | Dropped]:
        path = root / self.folder / self.tables[split]
        for place, row in table_rows(path, self.header):
            if row is None:
                yield Dropped("malformed row")
                continue
            for name in (*self.columns, self.label_column):
                if name not in row:
                    raise DataError(f"{path} has no column '{name}'; it has {', '.join(row)}.")
            label = row[self.label_column].strip()
            if label.isdigit() and int(label) < len(self.labels):
                label = self.labels[int(label)]
            if label not in self.labels:
                raise DataError(
                    f"{place} has the label '{label}'; allowed are {', '.join(self.labels)}."
                )
            yield self._sample([row[name] for name in self.columns], label)

    @staticmethod
    def _sample(texts: Sequence[str], label: str) -> Sample:
        return {"inputs": joined(texts), "targets": label}


def joined(texts: Sequence[str]) -> str:
    """Texts as one; empty if one of them is."""
    return SEPARATOR.join(texts) if all(text.strip() for text in texts) else ""


def table_rows(
    path: Path, header: Sequence[str] = ()
) -> Iterator[tuple[str, dict[str, str] | None]]:
    """Yields (place, column -> value) of a table with tabs, in which quotes are ordinary.

    None stands for a row with another number of columns: Quora's table has some.

    Args:
      path: of the file.
      header: names of the columns, if the first line does not tell them.
    """
    names = list(header)
    for number, line in numbered_lines(path):
        cells = line.split("\t")
        if not names:
            names = [cell.strip() for cell in cells]
        elif line:
            row = dict(zip(names, cells, strict=True)) if len(cells) == len(names) else None
            yield f"{path}, line {number}", row


def glue_provenance(
    config: str,
    folder: str,
    examples: tuple[int, ...],
    download_bytes: int,
    licence: str,
    parts: Mapping[str, str] = _PARTS,
    tables: Sequence[str] = tuple(_FILES.values()),
) -> Provenance:
    """The provenance of a task of GLUE.

    Args:
      config: TFDS's name of the task.
      folder: GLUE's.
      examples: of each split.
      download_bytes: of its archive.
      licence: a note.
      parts: our splits -> TFDS's.
      tables: the files that must be there.
    """
    needs = tuple(f"{folder}/{table}" for table in tables)
    return Provenance(
        homepage="https://gluebenchmark.com/tasks",
        licence=licence,
        examples=dict(zip(parts, examples, strict=True)),
        download_bytes=download_bytes,
        tfds=(TfdsData("glue", parts, config),),
        files=(RawFiles("tables", needs),),
    )


@registry.register_problem("cola")
class Cola(GlueProblem):
    """CoLA: an English sentence to whether it is grammatical."""

    labels = ("unacceptable", "acceptable")
    vocabulary = vocabulary("cola", 8192, "cola")
    folder = "CoLA"
    features = ("sentence",)
    columns = ("sentence",)
    header = ("source", "label", "mark", "sentence")
    provenance = glue_provenance(
        "cola", folder, (8_551, 1_043), 376_971, "none stated; cite Warstadt et al. 2019"
    )


@registry.register_problem("msr_paraphrase_corpus")
class MsrParaphraseCorpus(GlueProblem):
    """MRPC: two sentences of the news to whether they mean the same.

    T2T gives every pair in both orders; here it is given once, as GLUE counts it.
    """

    labels = ("not_equivalent", "equivalent")
    vocabulary = vocabulary("msr_paraphrase_corpus", 8192, "msr_paraphrase_corpus")
    folder = "MRPC"
    features = ("sentence1", "sentence2")
    columns = ("#1 String", "#2 String")
    label_column = "Quality"
    provenance = glue_provenance(
        "mrpc", folder, (3_668, 408), 1_490_000, "Microsoft Research's terms"
    )


@registry.register_problem("quora_question_pairs")
class QuoraQuestionPairs(GlueProblem):
    """QQP: two questions of Quora to whether they ask the same."""

    labels = ("not_duplicate", "duplicate")
    vocabulary = vocabulary("quora_question_pairs", 8192, "quora_question_pairs")
    folder = "QQP"
    features = ("question1", "question2")
    columns = ("question1", "question2")
    label_column = "is_duplicate"
    provenance = glue_provenance(
        "qqp", folder, (363_849, 40_430), 41_700_000, "Quora's terms: non-commercial use"
    )


@registry.register_problem("multi_nli")
class MultiNli(GlueProblem):
    """MultiNLI: premise and hypothesis to entailment, neutral or contradiction.

    Dev is the matched development set, test the mismatched one (other genres than in training).
    """

    labels = ("entailment", "neutral", "contradiction")
    vocabulary = vocabulary("multi_nli", 8192, "multi_nli")
    folder = "MNLI"
    features = ("premise", "hypothesis")
    columns = ("sentence1", "sentence2")
    label_column = "gold_label"
    tables: ClassVar[Mapping[Split, str]] = {
        Split.TRAIN: "train.tsv",
        Split.DEV: "dev_matched.tsv",
        Split.TEST: "dev_mismatched.tsv",
    }
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 100, Split.DEV: 1, Split.TEST: 1}
    provenance = glue_provenance(
        "mnli",
        folder,
        (392_702, 9_815, 9_832),
        312_783_507,
        "OANC's terms, CC BY-SA 3.0 and others: see the paper, Williams et al. 2018",
        {"train": "train", "dev": "validation_matched", "test": "validation_mismatched"},
        tuple(tables.values()),
    )


@registry.register_problem("question_nli")
class QuestionNli(GlueProblem):
    """QNLI: a question and a sentence of Wikipedia to whether it holds the answer."""

    labels = ("entailment", "not_entailment")
    vocabulary = vocabulary("question_nli", 8192, "question_nli")
    folder = "QNLI"
    features = ("question", "sentence")
    columns = ("question", "sentence")
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 100, Split.DEV: 1}
    provenance = glue_provenance(
        "qnli", folder, (104_743, 5_463), 10_627_589, "CC BY-SA 4.0 (SQuAD)"
    )


class _Sentences(GlueProblem):
    """RTE and WNLI: tables of equal columns."""

    features = ("sentence1", "sentence2")
    columns = ("sentence1", "sentence2")
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 1, Split.DEV: 1}


@registry.register_problem("rte")
class Rte(_Sentences):
    """RTE: two sentences to whether the second follows from the first."""

    labels = ("entailment", "not_entailment")
    vocabulary = vocabulary("rte", 8192, "rte")
    folder = "RTE"
    provenance = glue_provenance(
        "rte", folder, (2_490, 277), 697_150, "none stated; cite Dagan et al. 2006"
    )


@registry.register_problem("winograd_nli")
class WinogradNli(_Sentences):
    """WNLI: a sentence with a pronoun, and one with the pronoun resolved, to whether it follows.

    Its development set was made to mislead: the majority class is hard to beat.
    """

    labels = ("not_entailment", "entailment")
    vocabulary = vocabulary("winograd_nli", 8192, "winograd_nli")
    folder = "WNLI"
    provenance = glue_provenance("wnli", folder, (635, 71), 28_999, "CC BY 4.0")


@registry.register_problem("stsb")
class Stsb(NamedProblem, Text2NumberProblem):
    """STS-B: two sentences to how alike their meanings are, from 0 to 5.

    GLUE counts the mean of Pearson's and Spearman's correlations. Tensor2Tensor did not have it.
    """

    low, high = 0.0, 5.0
    vocabulary = vocabulary("stsb", 8192, "stsb")
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 1, Split.DEV: 1}
    provenance = glue_provenance(
        "stsb", "STS-B", (5_749, 1_500), 802_872, "CC BY-SA 4.0 and others: see Cer et al. 2017"
    )

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample]:
        texts = [record.text(name) for name in ("sentence1", "sentence2")]
        yield {"inputs": joined(texts), "targets": float(record.numbers("label")[0])}

    def samples_of_files(
        self, files: RawFiles, root: Path, split: Split
    ) -> Iterator[Sample | Dropped]:
        path = root / "STS-B" / _FILES[split]
        for place, row in table_rows(path):
            if row is None:
                yield Dropped("malformed row")
                continue
            for name in ("sentence1", "sentence2", "score"):
                if name not in row:
                    raise DataError(f"{path} has no column '{name}'; it has {', '.join(row)}.")
            try:
                score = float(row["score"])
            except ValueError:
                raise DataError(f"{place} has the score '{row['score']}', not a number.") from None
            yield {"inputs": joined([row["sentence1"], row["sentence2"]]), "targets": score}
