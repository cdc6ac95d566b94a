"""The names of the vocabularies of the families of problems."""

from __future__ import annotations

from t2t_mm import registry
from t2t_mm.problem import VocabularySpec


def vocabulary(stem: str, size: int, *problems: str, characters: bool = False) -> str:
    """Registers a vocabulary over `problems` and returns its name.

    Args:
      stem: what it is of, e.g. "translate_ende_wmt".
      size: pieces at most.
      problems: every problem whose text it is built over.
      characters: pieces are single characters.
    """
    name = f"vocab.{stem}.{'characters' if characters else size}"
    spec = VocabularySpec(name, size, tuple(sorted(problems)), characters)
    kind = "single characters" if characters else f"{size:,} pieces"
    registry.VOCABULARIES.register(name, spec, f"{kind} over {', '.join(spec.problems)}")
    return name
