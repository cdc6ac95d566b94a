"""The declaration of a problem. Writing and reading its data is the pipeline's business (data/).

A subclass mostly leaves one method to write, `generate_samples`. The shapes below it (Text2Text,
Image2Class, ...) fix the features; `_rev` and `_copy` are derived at lookup (see lookup.py).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from t2t_mm.errors import DataError
from t2t_mm.files import json_fields
from t2t_mm.kinds import Audio, Image, Kind, Label, Number, Tags, Text, Tree
from t2t_mm.kinds.kind import kind_from_dict
from t2t_mm.provenance import DEFAULT_ACCESS, DataAccess, Provenance

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


class Split(str, Enum):
    """The parts of a data set; the values are those of the file names."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


Value = str | bytes | int | Callable[[], bytes]
Sample = Mapping[str, Any]
_SHOWN_NAMES = 3  # of the many that a note may be about


@dataclass(frozen=True)
class Dropped:
    """Stands where an example would have been: a rule of the problem left it out.

    Attributes:
      reason: a few words to count by, e.g. "longer than 250 words".
    """

    reason: str


@dataclass(frozen=True)
class Broken:
    """Stands where an example would have been: what is there cannot be read or stored.

    Without --skip_broken it ends the generation; with it, it is counted.

    Attributes:
      reason: a few words to count by, e.g. "missing file".
      sentence: the whole error.
      place: where it stands, for the report.
    """

    reason: str
    sentence: str
    place: str

    def within(self, where: str) -> Broken:
        """The same, its sentence beginning with what it belongs to and ending with the way out."""
        sentence = f"{where}: {self.sentence.rstrip('.')}; or leave broken examples out with"
        return replace(self, sentence=f"{sentence} --skip_broken.")


@dataclass(frozen=True)
class SourceNote:
    """Something about raw data that a user should know, though nothing fails by it.

    Attributes:
      what: e.g. "files that end in .m4a are not read".
      names: of the files or folders that it is about: all of them.
    """

    what: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        shown = [*self.names[:_SHOWN_NAMES], *["..."] * (len(self.names) > _SHOWN_NAMES)]
        return f"{self.what} ({len(self.names):,}): {'; '.join(shown)}"


@dataclass(frozen=True)
class VocabularySpec:
    """A SentencePiece vocabulary that problems share by its name.

    Attributes:
      name: e.g. "vocab.multi8k"; the file is `<data_dir>/<name>.model`.
      size: pieces at most, the 256 byte pieces and the three reserved ones included.
      problems: every problem whose text it is built over, whichever of them are generated, so
        that the vocabulary does not depend on what was asked for first.
      characters: pieces are single characters, none longer.
    """

    name: str
    size: int
    problems: tuple[str, ...]
    characters: bool = False


INPUTS, TARGETS = "inputs", "targets"
RESERVED_NAMES = (
    TARGETS,
    "references",
    "index",
)  # names in records and batches that no input may have


@dataclass(frozen=True)
class Task:
    """A problem bound to its generated data: all that training and decoding need to know.

    It is saved in run.json, so decoding needs neither the problem's code nor its data.

    Attributes:
      name: the problem's name, suffixes included.
      data_name: the name in the file names, suffixes left out.
      inputs: name -> what is read, by name, with all sizes filled in.
      targets: what is answered, likewise.
      command: the command token's name.
      metrics: names of the metrics of decoded outputs.
      reversed: the stored inputs are the targets.
      copied: the stored targets serve as inputs too.
      train_examples: examples of the training split.
      mixing_weight: factor on the problem's share of the steps; hparam mixing_weights goes first.
      loss_weight: factor on the problem's loss; hparam loss_weights goes first.
      language: code of what the targets are written in, e.g. "zh", which metrics split into words
        by; "" where nobody said.
    """

    name: str
    data_name: str
    inputs: Mapping[str, Kind] = field(hash=False)
    targets: Kind
    command: str
    metrics: tuple[str, ...] = ()
    reversed: bool = False
    copied: bool = False
    train_examples: int = 0
    mixing_weight: float = 1.0
    loss_weight: float = 1.0
    language: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", input_kinds(self.inputs))

    @property
    def kinds(self) -> dict[str, Kind]:
        """The features of a record: the inputs in the order of their names, then "targets"."""
        return {**self.inputs, TARGETS: self.targets}

    @property
    def stored(self) -> dict[str, str]:
        """Feature -> the record's feature that serves as it."""
        if not (self.reversed or self.copied):
            return {name: name for name in self.kinds}
        return {INPUTS: TARGETS, TARGETS: TARGETS if self.copied else INPUTS}

    @property
    def source(self) -> str:
        """The inputs in words: "image + text", "nothing"."""
        return source_in_words(self.inputs)

    @property
    def has_inputs(self) -> bool:
        """False for a language model: it says how likely a text is, or continues one."""
        return not all(kind.is_absent for kind in self.inputs.values())

    @property
    def text_vocabularies(self) -> list[str]:
        """Names of the vocabularies of the features that are text, sorted."""
        return sorted({k.text_vocabulary for k in self.kinds.values() if k.text_vocabulary})

    @property
    def input(self) -> Kind:
        """The one input; of several the one under "inputs", or the first."""
        return self.inputs.get(INPUTS) or next(iter(self.inputs.values()))

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        inputs = {name: kind.to_dict() for name, kind in self.inputs.items()}
        return {**values, "inputs": inputs, "targets": self.targets.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; reads what the first edition wrote too."""
        from t2t_mm.kinds.first_edition import is_first_edition, second_edition

        fixed = second_edition(values) if is_first_edition(values) else dict(values)
        fixed["inputs"] = {name: kind_from_dict(kind) for name, kind in fixed["inputs"].items()}
        fixed["targets"] = kind_from_dict(fixed["targets"])
        return json_fields.record(cls, {**fixed, "metrics": tuple(fixed["metrics"])})


def input_kinds(declared: Kind | Mapping[str, Kind]) -> dict[str, Kind]:
    """Name -> kind of the inputs that a problem declares, in the order of their names.

    Args:
      declared: one kind, which is then named "inputs", or several by name.

    Raises:
      TypeError: for a name that is taken, or no kind.
    """
    if isinstance(declared, Kind):
        declared = {INPUTS: declared}
    for name, kind in declared.items():
        if not isinstance(kind, Kind):
            raise TypeError(f"input '{name}' must be a kind such as Text(...), got {kind!r}")
        if not name.isidentifier() or name in RESERVED_NAMES or name.endswith(LENGTH):
            raise TypeError(
                f"an input cannot be named '{name}': use a Python name that does not end in "
                f"{LENGTH} and is none of {', '.join(RESERVED_NAMES)}"
            )
    return dict(sorted(declared.items()))


def with_preparation(
    declared: Kind | Mapping[str, Kind], rules: tuple[str, ...]
) -> Kind | dict[str, Kind]:
    """Declared inputs, their texts prepared by these rules; see kinds/preparation.py."""
    if isinstance(declared, Kind):
        return declared.with_preparation(rules)
    return {name: kind.with_preparation(rules) for name, kind in declared.items()}


def source_in_words(inputs: Mapping[str, Kind]) -> str:
    """Inputs in words: "image + text"; "nothing" where nothing is read."""
    return " + ".join("nothing" if kind.is_absent else kind.name for kind in inputs.values())


LENGTH = "_length"  # a batch holds an input's lengths under its name and this


class Problem:
    """A data set and what is to be learnt from it.

    Attributes:
      name: set at registration's lookup, or by the constructor.
      inputs: what is read: a kind, or several by name.
      targets: what is answered.
      command: the token that tells the decoder what to do, e.g. "to_german". Problems of equal
        modalities are told apart by it alone; problems that do the same share one.
      reversed_command: the command of `NAME_rev`.
      metrics: names of the metrics of decoded outputs, see docs/metrics.md.
      language: code of what the targets are written in, e.g. "zh": BLEU splits them by it; "": by
        spaces and punctuation.
      reversed_language: likewise, of `NAME_rev`.
      shards: number of files per split; a split that is not named does not exist.
      labels: class names in the order of their ids, where the targets' kind does not name them.
      mixing_weight: factor on the problem's share of the steps; hparam mixing_weights goes first.
      loss_weight: factor on the problem's loss; hparam loss_weights goes first.
      version: changed when the generator's output changes; part of the manifest.
      provenance: where the data come from; None where nobody said.
      access: where a run has raw data; set by data/generation/api for itself and its workers.
      shares_vocabulary: a mixture, not the problem, names the vocabulary of its text.
    """

    inputs: Kind | Mapping[str, Kind]
    targets: Kind
    command: str = "to_text"
    reversed_command: str = "to_text"
    metrics: tuple[str, ...] = ("exact_match",)
    language: str = ""
    reversed_language: str = ""
    labels: tuple[str, ...] = ()
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 8, Split.DEV: 1, Split.TEST: 1}
    mixing_weight: float = 1.0
    loss_weight: float = 1.0
    version: str = "1"
    provenance: Provenance | None = None
    access: DataAccess = DEFAULT_ACCESS
    shares_vocabulary: bool = False

    def __init__(self, name: str):
        self.name = name
        self.data_name = name
        self.reversed = False
        self.copied = False

    def prepare(self, tmp_dir: Path, log: Callable[[str], None] = print) -> None:
        """Gets missing raw data, or says how to get them; called once, before any worker reads.

        Args:
          tmp_dir: where raw files are, or are downloaded to.
          log: takes lines of progress.

        Raises:
          DataError: if raw data are missing and cannot be downloaded.
        """

    def labels_at(self, tmp_dir: Path) -> tuple[str, ...]:
        """The labels, of a problem that finds them in its raw files too.

        Args:
          tmp_dir: where raw files are.

        Raises:
          DataError: if they have to be read and the data are missing or malformed.
        """
        del tmp_dir
        return self.label_names

    def origin(self, tmp_dir: Path) -> str:
        """The data that the generator reads, for the manifest; "" if there is only one choice."""
        del tmp_dir
        return ""

    def describe_cleaning(self) -> str:
        """Describes what is done to text, and the examples that are left out; "" for nothing."""
        return ""

    def why_empty(self, split: Split, tmp_dir: Path) -> str:
        """A clause on why a split has no examples, and on the way out; "" if nobody knows."""
        del split, tmp_dir
        return ""

    def notes(self, tmp_dir: Path) -> list[SourceNote]:
        """Notes on the raw data, for the report and the manifest: what lies there unread."""
        del tmp_dir
        return []

    def generate_samples(
        self, split: Split, tmp_dir: Path, seed: int
    ) -> Iterator[Sample | Dropped | Broken]:
        """Yields one mapping per example, the same ones in the same order for the same seed.

        Args:
          split: which part.
          tmp_dir: where raw files are, or are downloaded to.
          seed: of everything random.

        Yields:
          {"inputs": value, "targets": value}, with a value for each input where there are several,
          and, where several answers are right, "references": list of str. Text is str; images and
          sounds are the bytes of an encoded file (PNG, JPEG; WAV, FLAC); a label is its class
          name; see the kinds' `check`. A value may be a function
          without arguments that makes it: only the worker that writes the example calls it.
          Or a `Dropped`, for an example that a rule leaves out: reasons are counted. Or a `Broken`,
          for one that cannot be read: an error, or counted with --skip_broken.
        """
        raise NotImplementedError(f"{type(self).__name__} must define generate_samples")

    def raw_samples(
        self, split: Split, tmp_dir: Path, seed: int
    ) -> Iterator[Sample | Dropped | Broken]:
        """`generate_samples` before `clean`, where a problem tells the two apart.

        Every worker reads all of it, and cleans what it stores. One sample for each of
        `generate_samples`, in the same order.
        """
        return self.generate_samples(split, tmp_dir, seed)

    def clean(self, sample: Sample | Dropped | Broken, split: Split) -> Sample | Dropped | Broken:
        """Makes of one of `raw_samples` what `generate_samples` yields."""
        del split
        return sample

    @property
    def prepares_text(self) -> bool:
        """True if its samples are prepared as their kinds say; else data generation does it."""
        return False

    @property
    def declares_labels(self) -> bool:
        """False if the labels are whatever the training data hold."""
        return True

    @property
    def label_names(self) -> tuple[str, ...]:
        """`labels`, or the names that the declaration of the targets holds."""
        return tuple(self.labels) or getattr(self.targets, "names", ())

    @property
    def splits(self) -> tuple[Split, ...]:
        """The parts that exist."""
        return tuple(self.shards)

    @property
    def kinds(self) -> dict[str, Kind]:
        """The inputs by name, in the order of their names, then "targets"."""
        inputs = input_kinds(self.inputs)
        return {**inputs, TARGETS: self.targets.beside(inputs)}

    @property
    def text_vocabularies(self) -> list[str]:
        """Names of the vocabularies of the features that are text, sorted."""
        return sorted({k.text_vocabulary for k in self.kinds.values() if k.text_vocabulary})

    @property
    def source(self) -> str:
        """The inputs in words: "image + text", "nothing"."""
        return source_in_words(input_kinds(self.inputs))

    @property
    def reversible(self) -> bool:
        """True if `_rev` and `_copy` exist: there is one text on either side."""
        return len(self.kinds) == 2 and all(k.is_reversible for k in self.kinds.values())

    def rev(self) -> Problem:
        """The problem from targets to inputs, over the same data.

        Raises:
          DataError: unless both sides are text.
        """
        self._require_text("_rev")
        other = self._derive("_rev")
        (other.targets,) = input_kinds(self.inputs).values()
        other.inputs = self.targets
        other.command, other.reversed_command = self.reversed_command, self.command
        other.language, other.reversed_language = self.reversed_language, self.language
        other.metrics = reversed_metrics(self.metrics)
        other.reversed = not self.reversed
        return other

    def copy(self) -> Problem:
        """The problem from targets to targets, over the same data."""
        self._require_text("_copy")
        other = self._derive("_copy")
        other.inputs, other.copied = self.targets, True
        return other

    def with_access(self, access: DataAccess) -> Problem:
        """The problem as a run reads it."""
        other = copy.copy(self)
        other.access = access
        return other

    def with_vocabulary(self, name: str) -> Problem:
        """The problem with all of its text on the vocabulary of that name."""
        other = copy.copy(self)
        other.shares_vocabulary = True
        kinds = {n: kind.with_vocabulary(name) for n, kind in input_kinds(self.inputs).items()}
        other.inputs, other.targets = kinds, self.targets.with_vocabulary(name)
        return other

    def _derive(self, suffix: str) -> Problem:
        other = copy.copy(self)
        other.name = self.name + suffix
        return other

    def _require_text(self, suffix: str) -> None:
        if not self.reversible:
            raise DataError(
                f"problem '{self.name}{suffix}' does not exist: {suffix} needs text on both sides, "
                f"and '{self.name}' goes from {self.source} to {self.targets.name}."
            )


def reversed_metrics(metrics: tuple[str, ...]) -> tuple[str, ...]:
    """The metrics of a reversed problem: a tree's score means nothing for a sentence."""
    kept = (metric for metric in metrics if metric != "bracket_f1_all")
    return tuple("bleu" if metric == "bracket_f1" else metric for metric in kept)


class Text2TextProblem(Problem):
    """Text to text, both sides on one vocabulary."""

    vocabulary: str | None = None  # None: one of its own, "vocab.<name>"
    metrics: tuple[str, ...] = ("bleu", "exact_match")

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = self.targets = Text(self.vocabulary or f"vocab.{name}")


class Text2SelfProblem(Text2TextProblem):
    """A language model, by T2T's name: targets alone. Samples have the inputs "".

    Nothing is decoded to score it: see evaluation/perplexity.py.
    """

    metrics = ()

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = Text(self.vocabulary or f"vocab.{name}", absent=True)


class Text2TreeProblem(Text2TextProblem):
    """Text to a bracketed tree on one line (parsing)."""

    command = "to_parse_tree"
    metrics = ("bracket_f1", "bracket_f1_all", "exact_match")

    def __init__(self, name: str):
        super().__init__(name)
        self.targets = Tree(self.vocabulary or f"vocab.{name}")


class Text2ClassProblem(Problem):
    """Text to one of `labels`."""

    vocabulary: str | None = None
    command = "to_label"
    metrics = ("accuracy",)

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = Text(self.vocabulary or f"vocab.{name}")
        self.targets = Label(tuple(self.labels), name)


class Text2NumberProblem(Problem):
    """Text to a real number (regression).

    Attributes:
      low, high: the range of the numbers.
    """

    vocabulary: str | None = None
    low: float = -1.0
    high: float = 1.0
    command = "to_number"
    metrics = ("pearson", "spearman", "mse")

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = Text(self.vocabulary or f"vocab.{name}")
        self.targets = Number(self.low, self.high)


class Text2TagsProblem(Problem):
    """Text, its words parted by single spaces, to one of `labels` for each word."""

    vocabulary: str | None = None
    command = "to_tags"
    metrics = ("span_f1", "exact_match")

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = Text(self.vocabulary or f"vocab.{name}")
        self.targets = Tags(tuple(self.labels), name)


class Image2ClassProblem(Problem):
    """An image to one of `labels`."""

    image_size: int = 32
    flip: bool = True
    augment: str = "shift"
    command = "to_label"
    metrics = ("accuracy",)

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = Image(self.image_size, flip=self.flip, augment=self.augment)
        self.targets = Label(tuple(self.labels), name)


class Image2TextProblem(Problem):
    """An image to text (captioning)."""

    image_size: int = 32
    flip: bool = False
    vocabulary: str | None = None
    command = "to_english"
    metrics = ("bleu", "cider", "exact_match")  # an evaluation shows more: scoring.full_metrics

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = Image(self.image_size, flip=self.flip)
        self.targets = Text(self.vocabulary or f"vocab.{name}")


class Speech2TextProblem(Problem):
    """A recording to its transcript."""

    sample_rate: int = 16_000  # Hz
    vocabulary: str | None = None
    command = "to_english"
    metrics = ("wer", "exact_match")

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = Audio(self.sample_rate)
        self.targets = Text(self.vocabulary or f"vocab.{name}")


class QuestionProblem(Problem):
    """An image and a question about it to one of `labels` (visual question answering)."""

    image_size: int = 64
    vocabulary: str | None = None
    command = "to_label"
    metrics = ("accuracy",)

    def __init__(self, name: str):
        super().__init__(name)
        question = Text(self.vocabulary or f"vocab.{name}")
        self.inputs = {INPUTS: Image(self.image_size), "question": question}
        self.targets = Label(tuple(self.labels), name)
