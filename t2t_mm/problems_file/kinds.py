"""The kinds of problems that a file may declare."""

from __future__ import annotations

from dataclasses import dataclass

from t2t_mm.problem import (
    Image2ClassProblem,
    Image2TextProblem,
    Problem,
    Speech2TextProblem,
    Text2ClassProblem,
    Text2TextProblem,
    Text2TreeProblem,
)

# Keys that mean something only where one of these goes in or comes out.
_ONLY_FOR: dict[str, set[str]] = {
    "image_size": {"image"},
    "flip": {"image"},
    "sample_rate": {"audio"},
    "labels": {"label"},
    "vocabulary": {"text", "tree"},
}


@dataclass(frozen=True)
class Kind:
    """What goes in and what comes out.

    Attributes:
      inputs: "text", "image" or "audio".
      targets: "text", "label" or "tree".
      shape: the problem class whose command and metrics are the defaults.
    """

    inputs: str
    targets: str
    shape: type[Problem]

    def accepts(self, key: str) -> bool:
        """Whether that key of a problem's table means anything for this kind."""
        if key == "reversed_command":
            return self.inputs == "text" and self.targets != "label"
        return key not in _ONLY_FOR or bool(_ONLY_FOR[key] & {self.inputs, self.targets})


KINDS: dict[str, Kind] = {
    "text2text": Kind("text", "text", Text2TextProblem),
    "text2tree": Kind("text", "tree", Text2TreeProblem),
    "text2class": Kind("text", "label", Text2ClassProblem),
    "image2class": Kind("image", "label", Image2ClassProblem),
    "image2text": Kind("image", "text", Image2TextProblem),
    "speech2text": Kind("audio", "text", Speech2TextProblem),
    "speech2class": Kind("audio", "label", Text2ClassProblem),
}
