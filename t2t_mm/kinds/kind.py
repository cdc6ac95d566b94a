"""The base class of kinds of data: what the rest of the program asks of one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np

from t2t_mm.errors import DataError
from t2t_mm.files import json_fields
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.registry import KINDS, MODALITIES
from t2t_mm.tensor import Tensor

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

    import tensorflow as tf

    from t2t_mm.hparam import HParams
    from t2t_mm.kinds.vocabulary import Vocabulary

# How a feature stands in a record (tf.train.Example): several whole numbers, one, one string of
# bytes, or several real numbers.
INTS, INT, BYTES, FLOATS = "ints", "int", "bytes", "floats"

Raw = "str | bytes | Path"
Vocabularies = Mapping[str, "Vocabulary"]


class StoredInput(NamedTuple):
    """A value as the problem's records hold it.

    Attributes:
      value: whole numbers, real numbers, or bytes, by the kind's `record`.
      size: its size in the kind's unit, see `Kind.sizes`.
    """

    value: Any
    size: int


class Found(NamedTuple):
    """The likeliest values of a target that is not written token by token, best first.

    Attributes:
      values: [B, N, ...], what `Kind.from_prediction` turns into what a user sees.
      scores: float32 [B, N], natural logarithm of each one's probability; 0 where there is none.
    """

    values: Any
    scores: Any


@dataclass(frozen=True)
class Kind:
    """One feature of a problem: a kind of data and what is particular about it here.

    A subclass is a frozen dataclass whose fields are JSON-ready. A new kind is one such class and a
    modality that reads or writes it.

    Attributes:
      name: the registered name.
      noun: what one value is called in messages.
      plural: what several are called.
      stored_as: how a value stands in a record: INTS, INT, BYTES or FLOATS.
      suffixes: of the files that hold one value; none: values are given as lines of text.
      modality_field: the hparam that names the modality which reads or writes it, where it is
        another than `modality`; "" for NAME_modality.
      leads: batches are made by the lengths of such features alone where a problem has one.
      heavy: decoding a stored value takes milliseconds.
      has_labels: as a target its values are among the problem's `labels`.
      is_timeline: positions without a grid are times.
      option_keys: keys of a problems file that say what is particular about it.
      is_bracketed: it is a text of brackets, tags and words.
      decoded_by_tokens: as a target it is written token by token, in a vocabulary.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    plural: ClassVar[str] = ""
    stored_as: ClassVar[str] = INTS
    suffixes: ClassVar[tuple[str, ...]] = ()
    modality_field: ClassVar[str] = ""
    leads: ClassVar[bool] = False
    heavy: ClassVar[bool] = False
    has_labels: ClassVar[bool] = False
    is_timeline: ClassVar[bool] = False
    is_bracketed: ClassVar[bool] = False
    option_keys: ClassVar[tuple[str, ...]] = ()
    decoded_by_tokens: ClassVar[bool] = False

    # Declared and bound.

    @classmethod
    def declared(cls, problem: str, options: Mapping[str, Any]) -> Self:
        """The feature that a table of a problems file declares.

        Args:
          problem: its name.
          options: key -> value for those of `option_keys` that are given.
        """
        return cls(**options)

    @property
    def record(self) -> str:
        """The form of a value in a record: INTS, INT, BYTES or FLOATS."""
        return self.stored_as

    @property
    def modality(self) -> str:
        """The name of the network that reads or writes it by default: the kind's own name."""
        return self.name

    @property
    def text_vocabulary(self) -> str | None:
        """Name of the text vocabulary that values are encoded with; None for none."""
        return None

    @property
    def is_absent(self) -> bool:
        """True if nothing is read, as by a language model."""
        return False

    @property
    def is_reversible(self) -> bool:
        """True if such a feature can be input and target alike: `_rev` and `_copy` need it."""
        return False

    @property
    def is_bound(self) -> bool:
        """True if all sizes that a network needs are known."""
        return True

    def missing(self) -> str | None:
        """The part of a declaration that is missing, e.g. "`sample_rate`"; None if it is whole."""
        return None

    def with_vocabulary(self, name: str) -> Self:
        """The feature with its text on the vocabulary of that name; others stay as they are."""
        return self

    def with_labels(self, labels: Sequence[str]) -> Self:
        """The feature with the class names of its generated data; others stay as they are."""
        return self

    def labels_in(self, value: str) -> Sequence[str]:
        """The names in a target that a file holds which must be among the problem's labels."""
        return ()

    @property
    def preparation(self) -> tuple[str, ...] | None:
        """The rules by which a value's text is prepared, see preparation.py; None: not known."""
        return ()

    def with_preparation(self, rules: Sequence[str]) -> Self:
        """The feature with its text prepared by these rules; others stay as they are."""
        return self

    def prepared(self, value: Any) -> Any:
        """A value as a user has it, brought to the form that the model learnt."""
        return value

    def beside(self, inputs: Mapping[str, Kind]) -> Self:
        """The target as it stands beside its problem's inputs; most do not depend on them."""
        return self

    def bound(self, sizes: Mapping[str, int]) -> Self:
        """The feature with what generated data tell.

        Args:
          sizes: vocabulary's name -> number of ids.
        """
        return self

    def without_augmentation(self) -> Self:
        """The feature as it is read outside of training, where nothing is varied."""
        return self

    def stored_fields(self) -> dict[str, Any]:
        """The options that decide what is stored, JSON-ready: data made by others do not fit."""
        return {"kind": self.name}

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping with the kind's name under "kind"."""
        return {"kind": self.name, **dataclasses.asdict(self)}

    @classmethod
    def restored(cls, fields: Mapping[str, Any]) -> Self:
        """The feature of the fields that `to_dict` gave, perhaps in an earlier version."""
        return cls(**fields)

    # Stored.

    def check(self, value: Any) -> Any:
        """The value to store of one that a problem yields; text stays text until it is packed.

        Raises:
          BrokenValue: if it is not of this kind.
        """
        raise NotImplementedError(f"{type(self).__name__} must define check")

    def align(self, stored: Any, inputs: Mapping[str, Any], vocabularies: Vocabularies) -> Any:
        """The stored value of a target that depends on the example's inputs.

        Args:
          stored: from `check`.
          inputs: name -> what `check` gave for the inputs.
          vocabularies: input's name -> its vocabulary.
        """
        return stored

    def is_decodable(self, stored: Any) -> bool:
        """False for a stored value that `feed` fails on. Asked where it failed, to find the one."""
        return True

    def sizes(self, counts: Any) -> Any:
        """Sizes in the kind's unit, of counts of stored numbers or bytes [N]."""
        return counts

    def read(self, raw: Any, vocabularies: Vocabularies) -> StoredInput:
        """Converts what a user hands in to what records hold.

        Args:
          raw: a text (str, UTF-8 bytes); of kinds with `suffixes` a path or a file's bytes.
          vocabularies: by name.

        Raises:
          BrokenValue: says what is wrong and what is allowed.
        """
        raise DataError(
            f"a problem that reads {self.plural or self.noun} cannot be decoded from files; decode "
            "a split of its data with --decode_split."
        )

    def read_bounded(
        self, raw: Any, vocabularies: Vocabularies, bounds: InputBounds
    ) -> StoredInput:
        """`read`, of what is not too large to be answered.

        Raises:
          TooLarge: says how large it is and what is allowed.
          BrokenValue: as `read`.
        """
        return self.read(raw, vocabularies)

    def shown(self, stored: Any, vocabularies: Vocabularies, place: str) -> str:
        """A stored value as a line or a table shows it.

        Args:
          stored: a value as a record holds it, an array or bytes.
          vocabularies: by name.
          place: what to call it where it cannot be written, e.g. "3 of image_shapes".
        """
        return f"{self.noun} {place}"

    def remark(self, length: int, hparams: HParams, features: str = "") -> str:
        """A note on a value of that length as it is fed, e.g. ", 1.5 s"; "" for nothing."""
        return ""

    # Batched.

    def limit(self, hparams: HParams, training: bool) -> int | None:
        """The largest size that is used; None if there is none."""
        return None

    def trim(self, stored: Tensor, limit: int) -> Tensor:
        """A batch of stored values cut to a size. A graph function."""
        return stored[:, :limit]

    def lengths(self, sizes: np.ndarray) -> np.ndarray:
        """The lengths that examples are put into batches by, in the unit of `budget`.

        Args:
          sizes: [N], see `sizes`.

        Returns:
          [N], 0 where all values take the same room.
        """
        return np.zeros_like(sizes)

    def budget(self, hparams: HParams) -> int | None:
        """The most that the lengths of a batch may sum up to, padding included; None: no bound."""
        return None

    def most_examples(self, hparams: HParams) -> int | None:
        """The most examples of a batch, whatever their lengths; None: no bound."""
        return None

    # Fed.

    def feed(
        self,
        stored: Tensor,
        hparams: HParams,
        features: str = "",
        training: bool = False,
        seed: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """A batch of stored values as a modality reads it. A graph function without state.

        Args:
          stored: INTS: a ragged tensor [B, (L)]; INT, BYTES: [B]; FLOATS: [B, n] or ragged.
          hparams: of the model.
          features: which form of the data the modality reads, see `Modality.features`.
          training: whether values are varied.
          seed: int [2], of what is random; needed in training only.

        Returns:
          The values [B, ...], padded with 0, and their lengths before padding, int32 [B].
        """
        raise NotImplementedError(f"{type(self).__name__} must define feed")

    def batch_shape(
        self, batch: int, size: int, hparams: HParams, features: str = ""
    ) -> tuple[int, ...]:
        """The shape of a batch whose largest value has a size; see `feed`."""
        return (batch, size)

    def random_batch(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Values without padding, to rehearse a training step with."""
        return rng.normal(size=shape).astype(np.float32)

    def positions(self, shape: tuple[int, ...]) -> int:
        """The length, as `feed` gives it, of a value without padding in a batch of that shape."""
        return shape[1] if len(shape) > 1 else 1

    # Predicted.

    def suggested_tokens(
        self, lengths: tf.Tensor, target: Kind, hparams: HParams, features: str = ""
    ) -> tf.Tensor:
        """Tokens that an output may take, judged by this input. A graph function.

        No target of the training data is known where it is asked, so it is generous; it bounds
        the cost of outputs that a half-trained model never ends.

        Args:
          lengths: int32 [B], from `feed`.
          target: the kind that is written.
          hparams: of the model.
          features: as in `feed`.

        Returns:
          int32 [B].
        """
        import tensorflow as tf

        return tf.fill(tf.shape(lengths), TOKENS_OF_A_DESCRIPTION)

    def from_prediction(
        self, value: Any, vocabularies: Vocabularies, inputs: Mapping[str, Any]
    ) -> str:
        """One predicted value as a user sees it.

        Args:
          value: token ids of a target that is written; else one of `Found.values`.
          vocabularies: by name.
          inputs: name -> the input as it was fed, for targets that are aligned with one.
        """
        raise NotImplementedError(f"{type(self).__name__} must define from_prediction")

    def graph_predictions(
        self, found: Found, inputs: Mapping[str, tf.Tensor], texts: Mapping[str, Any]
    ) -> tf.Tensor:
        """`from_prediction` inside an exported graph.

        Args:
          found: the predicted values.
          inputs: the batch that they answer.
          texts: vocabulary's name -> the vocabulary inside the graph.

        Returns:
          string [B, N].
        """
        raise NotImplementedError(f"{type(self).__name__} must define graph_predictions")

    def parse_target(self, text: str, vocabularies: Vocabularies) -> Any:
        """A target that a user writes down, as records hold it: the inverse of what is shown.

        Raises:
          BrokenValue: if it is not such a value.
        """
        raise DataError(f"a target that is a {self.noun} cannot be given as text.")

    # Scored.

    @property
    def families(self) -> frozenset[str]:
        """Names of the kinds whose metrics can score it: its own and those that it derives from."""
        classes = (cls for cls in type(self).__mro__ if issubclass(cls, Kind) and cls is not Kind)
        return frozenset(cls.name for cls in classes)

    @property
    def is_ranked(self) -> bool:
        """True if all values have a probability each, as exclusive classes have."""
        return False

    def metrics_beside(self, inputs: Mapping[str, Kind]) -> tuple[str, ...]:
        """Metrics that belong beside a problem's own ones in a full evaluation."""
        return ()

    @property
    def metrics_of_descriptions(self) -> tuple[str, ...]:
        """The field's metrics of texts that describe such an input."""
        return ()

    @property
    def count_ids(self) -> int | None:
        """The number of ids of a target that consists of ids; None for others."""
        return None

    def ids_of(self, target: np.ndarray) -> np.ndarray:
        """The ids of one target as it is fed, padding left out; none where it has no ids."""
        return np.zeros(0, np.int64)

    def typical(self, targets: Mapping[bytes, int]) -> tuple[Any, float]:
        """The best answer of somebody who never looks at an input.

        Args:
          targets: stored target as bytes -> how often it occurs.

        Returns:
          A stored target, and the share of examples that have it.
        """
        dtype = np.float32 if self.record == FLOATS else np.int64
        best = max(targets, key=targets.__getitem__)
        return np.frombuffer(best, dtype), targets[best] / sum(targets.values())

    # Exported and served.

    @property
    def can_be_exported(self) -> bool:
        """True if an exported graph can read it from what users have."""
        return type(self).graph_read is not Kind.graph_read

    def graph_read(self, contents: tf.Tensor, texts: Mapping[str, Any]) -> Tensor:
        """The stored form of what users have, inside an exported graph: what `feed` takes.

        It fails with InvalidArgument, in a sentence that names the row, for what `read` refuses.

        Args:
          contents: string [B]: UTF-8 texts, or files' bytes.
          texts: vocabulary's name -> the vocabulary inside the graph.
        """
        raise DataError(f"a problem that reads {self.plural or self.noun} cannot be exported.")

    @property
    def rules_for_graph(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The rules of preparation that an exported graph leaves to its caller, and its own."""
        return (), ()

    def graph_bounded(self, stored: Tensor, bounds: InputBounds) -> Tensor:
        """`stored` of `graph_read`; it fails with InvalidArgument for what is too large."""
        return stored

    def to_user_input(self, stored: Any, vocabularies: Vocabularies) -> bytes:
        """UTF-8 text or a file's bytes of a stored value: the inverse of `read`."""
        return self.shown(stored, vocabularies, "").encode()

    def description(self) -> dict[str, Any]:
        """A description for an export's users, the server and the page, JSON-ready."""
        return {"kind": self.name}

    @classmethod
    def checked_row(
        cls, value: str | bytes, description: Mapping[str, Any], limits: RowLimits
    ) -> bytes:
        """The bytes that an exported graph is given for a value that a client sent.

        Args:
          value: str, or bytes where the request has base64.
          description: see `description`.
          limits: bounds of its size.

        Raises:
          BrokenValue: if it is of another kind, damaged, or beyond a limit.
        """
        return utf8(value, limits)

    @classmethod
    def sample_row(cls, description: Mapping[str, Any]) -> bytes:
        """A value that any model of such a feature can read, to try it with."""
        return b"a"


class InputBounds(NamedTuple):
    """The largest inputs that are answered.

    Attributes:
      text_tokens: of a text, with its end. Attention's memory grows with the square of it.
      audio_seconds: of a sound.
      pixels: width * height of an image before it is resized.
    """

    text_tokens: int
    audio_seconds: float
    pixels: int


class RowLimits(Protocol):
    """Bounds of one value of a request.

    Attributes:
      text_bytes: of a text in UTF-8.
      pixels: width * height of an image before it is resized.
      audio_seconds: of a sound.
    """

    text_bytes: int
    pixels: int
    audio_seconds: float


def utf8(value: str | bytes, limits: RowLimits) -> bytes:
    """A text's bytes.

    Raises:
      BrokenValue: if it is not valid UTF-8, or too long.
    """
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BrokenValue(
                "invalid UTF-8",
                f"is not valid UTF-8 ({error.reason} at byte {error.start}), but this problem "
                "takes text",
            ) from None
    encoded = value.encode("utf-8", "surrogatepass")
    if len(encoded) > limits.text_bytes:
        raise BrokenValue(
            "long text",
            f"has {len(encoded):,} bytes of text; at most {limits.text_bytes:,} are allowed "
            "(--max_text_bytes)",
        )
    return encoded


TOKENS_OF_A_DESCRIPTION = 50


def kind_from_dict(values: Mapping[str, Any]) -> Kind:
    """The inverse of `Kind.to_dict`.

    Raises:
      UnknownNameError: for a kind that is not registered.
      TypeError: for a value of another type than its field has.
    """
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k != "kind"}
    kind = KINDS.get(values["kind"])
    json_fields.check_record(kind, fields)
    return kind.restored(fields)


def content_of(raw: Any) -> bytes:
    """The bytes of a file: as given, or read from a path.

    Raises:
      BrokenValue: if the file cannot be read.
    """
    import os
    from pathlib import Path

    from t2t_mm.files.names import in_any_form

    if isinstance(raw, (bytes, bytearray, memoryview)):
        return bytes(raw)
    try:
        return in_any_form(Path(os.path.expanduser(raw))).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise BrokenValue("unreadable file", f"cannot be read ({reason}); check the path") from None


def encoded_file(value: Any) -> bytes:
    """The bytes that a problem yields for a file.

    Raises:
      BrokenValue: if they are not bytes.
    """
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise BrokenValue(
            "no bytes", f"must be the bytes of an encoded file, got {type(value).__name__}"
        )
    return bytes(value)


def modality_name(kind: Kind, hparams: HParams) -> str:
    """The network that reads or writes a feature: the hparam's, the model's, or the kind's own.

    The model's own are in the hparam `modalities`, "image:pixels;label:linear_label", which is
    filled in when a run begins.
    """
    field = kind.modality_field or f"{kind.name}_modality"
    chosen = getattr(hparams, field, "")
    if chosen:
        return chosen
    pairs = (pair.partition(":") for pair in hparams.modalities.split(";") if pair)
    return {name: modality for name, _, modality in pairs}.get(kind.name) or kind.modality


def features_of(kind: Kind, hparams: HParams) -> str:
    """The form of the data that the feature's network reads; see `Modality.features`."""
    return MODALITIES.get(modality_name(kind, hparams)).features
