"""The kinds of problems that a file may declare."""

from __future__ import annotations

from dataclasses import dataclass

from t2t_mm.kinds import Audio, Image, Kind, Label, Number, Tags, Text, Tree
from t2t_mm.problem import (
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
    """A kind of problem: the kinds of its input and its target.

    Attributes:
      inputs, targets: the kinds of data.
      shape: the problem class whose command and metrics are the defaults.
      defaults: of the kinds' keys, where they are not the kinds' own.
    """

    inputs: type[Kind]
    targets: type[Kind]
    shape: type[Problem]
    defaults: tuple[tuple[str, object], ...] = ()

    @property
    def writes_text(self) -> bool:
        """True if the targets are plain text."""
        return self.targets.decoded_by_tokens and not self.targets.is_bracketed

    def accepts(self, key: str) -> bool:
        """True if that key of a problem's table means anything for this kind of problem."""
        if key == "language":
            return self.targets.decoded_by_tokens
        if key in ("reversed_command", "reversed_language"):
            return self.inputs.decoded_by_tokens and self.targets.decoded_by_tokens
        own = (*self.inputs.option_keys, *self.targets.option_keys)
        return key in own or key not in OPTION_KEYS


KINDS: dict[str, ProblemKind] = {
    "text2text": ProblemKind(Text, Text, Text2TextProblem),
    "text2tree": ProblemKind(Text, Tree, Text2TreeProblem),
    "text2class": ProblemKind(Text, Label, Text2ClassProblem),
    "text2number": ProblemKind(Text, Number, Text2NumberProblem),
    "text2tags": ProblemKind(Text, Tags, Text2TagsProblem),
    "image2class": ProblemKind(Image, Label, Image2ClassProblem, (("flip", True),)),
    "image2text": ProblemKind(Image, Text, Image2TextProblem),
    "speech2text": ProblemKind(Audio, Text, Speech2TextProblem),
    "speech2class": ProblemKind(Audio, Label, Text2ClassProblem),
}
# Keys that mean something only where a kind of data has them.
OPTION_KEYS = frozenset(
    key
    for kind in KINDS.values()
    for side in (kind.inputs, kind.targets)
    for key in side.option_keys
)
