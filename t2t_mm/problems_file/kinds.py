"""The kinds of problems that a file may declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from t2t_mm.data.sources.readers.reader import SEVERAL
from t2t_mm.kinds import Audio, Image, Kind, Label, Number, Tags, Text, Tree
from t2t_mm.problem import (
    INPUTS,
    Image2ClassProblem,
    Image2TextProblem,
    Problem,
    Speech2TextProblem,
    Text2ClassProblem,
    Text2NumberProblem,
    Text2TagsProblem,
    Text2TextProblem,
    Text2TreeProblem,
)


@dataclass(frozen=True)
class ProblemKind:
    """A kind of problem: the kinds of its inputs and its target.

    Attributes:
      inputs: name -> kind of data; none where the problem's table names several.
      targets: the kind of data.
      shape: the problem class whose command and metrics are the defaults.
      defaults: of the kinds' keys, where they are not the kinds' own.
    """

    inputs: Mapping[str, type[Kind]]
    targets: type[Kind]
    shape: type[Problem]
    defaults: tuple[tuple[str, object], ...] = ()

    @property
    def has_several(self) -> bool:
        """True if the problem's table names its inputs."""
        return len(self.inputs) != 1

    @property
    def medium(self) -> str:
        """The name of what a format must give as inputs, see `Reader.INPUTS`."""
        return SEVERAL if self.has_several else self.inputs[INPUTS].name

    @property
    def text_inputs(self) -> list[str]:
        """Names of the inputs that are text."""
        return [name for name, kind in self.inputs.items() if kind.decoded_by_tokens]

    @property
    def writes_text(self) -> bool:
        """True if the targets are plain text."""
        return self.targets.decoded_by_tokens and not self.targets.is_bracketed

    def accepts(self, key: str) -> bool:
        """True if that key of a problem's table means anything for this kind of problem."""
        if key == "language":
            return self.targets.decoded_by_tokens
        if key in ("reversed_command", "reversed_language"):
            one_text = not self.has_several and bool(self.text_inputs)
            return one_text and self.targets.decoded_by_tokens
        # Several inputs have their own keys in their own tables, all texts one vocabulary.
        inputs = [Text] if self.has_several else [*self.inputs.values()]
        sides = [*inputs, self.targets]
        return any(key in kind.option_keys for kind in sides) or key not in OPTION_KEYS


def _one(
    inputs: type[Kind], targets: type[Kind], shape: type[Problem], **defaults: object
) -> ProblemKind:
    return ProblemKind({INPUTS: inputs}, targets, shape, tuple(defaults.items()))


KINDS: dict[str, ProblemKind] = {
    "text2text": _one(Text, Text, Text2TextProblem),
    "text2tree": _one(Text, Tree, Text2TreeProblem),
    "text2class": _one(Text, Label, Text2ClassProblem),
    "text2number": _one(Text, Number, Text2NumberProblem),
    "text2tags": _one(Text, Tags, Text2TagsProblem),
    "image2class": _one(Image, Label, Image2ClassProblem, flip=True),
    "image2text": _one(Image, Text, Image2TextProblem),
    "speech2text": _one(Audio, Text, Speech2TextProblem),
    "speech2class": _one(Audio, Label, Text2ClassProblem),
    "several2text": ProblemKind({}, Text, Text2TextProblem),
    "several2tree": ProblemKind({}, Tree, Text2TreeProblem),
    "several2class": ProblemKind({}, Label, Text2ClassProblem),
    "several2number": ProblemKind({}, Number, Text2NumberProblem),
}
# Keys that mean something only where a kind of data has them.
OPTION_KEYS = frozenset(
    key
    for kind in KINDS.values()
    for side in (*kind.inputs.values(), kind.targets)
    for key in side.option_keys
)
