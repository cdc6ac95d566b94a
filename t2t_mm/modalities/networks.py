"""The choice of the modality that reads or writes a feature, and the check that the two fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from t2t_mm.errors import HParamError
from t2t_mm.kinds.kind import Kind, modality_name
from t2t_mm.modalities.modality import Modality
from t2t_mm.registry import MODALITIES

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams


def modality_class(kind: Kind, hparams: HParams) -> type[Modality]:
    """The network of a feature.

    Raises:
      UnknownNameError: if the hparam names no registered modality.
      HParamError: if it names one for other kinds of data.
    """
    name = modality_name(kind, hparams)
    found = MODALITIES.get(name)
    if kind.name not in found.kinds:
        field = kind.modality_field or f"{kind.name}_modality"
        raise HParamError(
            f"hparam '{field}' names the modality '{name}', which is for "
            f"{' and '.join(sorted(found.kinds)) or 'no kind of data'}, not for {kind.name}; for "
            f"that there are {', '.join(fitting(kind.name)) or 'none'}."
        )
    return found


def fitting(kind: str) -> list[str]:
    """Names of the registered modalities that can read or write a kind of data."""
    return [name for name in MODALITIES if kind in MODALITIES.get(name).kinds]


def modality_key(kind: Kind, hparams: HParams) -> str:
    """The sharing key of a feature."""
    name = modality_name(kind, hparams)
    return modality_class(kind, hparams).sharing_key(name, kind, hparams)
