"""The sources of a problem's data: what a problem declares, and what a run allows.

Records only: data/sources/raw_data.py looks for what is declared here, and
data/sources/named_problem.py reads it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class TfdsData:
    """A data set of TensorFlow Datasets that a problem can be read from.

    Attributes:
      name: the data set, e.g. "cifar10".
      splits: our split's name -> TFDS's, a part allowed: {"train": "train[1000:]"}.
      config: the builder's configuration, None if it has none.
      version: the versions that fit begin so, e.g. "3."; "" for any.
      manual: files that must be in --tfds_manual_dir before TFDS can prepare it.
    """

    name: str
    splits: Mapping[str, str]
    config: str | None = None
    version: str = ""
    manual: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """As TFDS writes it: "wmt14_translate/de-en"."""
        return f"{self.name}/{self.config}" if self.config else self.name


@dataclass(frozen=True)
class RawFile:
    """A file that t2t_mm itself may download into --tmp_dir.

    Attributes:
      url: where it is.
      path: relative to --tmp_dir.
      sha256: of its content, in hexadecimal.
      bytes: its size.
    """

    url: str
    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class RawFiles:
    """Files of the original format that serve in place of TFDS, once they are below --tmp_dir.

    Attributes:
      key: by which the problem knows how to read them, e.g. "archive".
      needs: paths that must all be there, relative to one root: --tmp_dir or a folder up to two
        levels below it. Globs are allowed, and alternatives: "train.en|train.en.gz".
      folder: a glob, lower case, that the root's name or its parent's must match, alternatives
        allowed; "" for any.
      download: the files, where they may be fetched without asking anybody.
      unpack: (archive, what it holds), both relative to the root: unpacked beside the archive
        before anything is read. Declare what is unpacked as RawFiles of its own, before this.
    """

    key: str
    needs: tuple[str, ...]
    folder: str = ""
    download: tuple[RawFile, ...] = ()
    unpack: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """The files in words: "multi30k/train.en, multi30k/train.de"."""
        folder = self.folder.partition("|")[0].strip("*")
        return ", ".join(
            f"{folder}/{need}".strip("/") for need in (n.partition("|")[0] for n in self.needs)
        )


@dataclass(frozen=True)
class Provenance:
    """The facts about a problem's data that are known before anything is read.

    Attributes:
      homepage: where they are described; "" for generated data.
      licence: a note, as the source states it.
      examples: our split's name -> about the number of examples.
      download_bytes: what has to be fetched, about; None if unknown.
      tfds: data sets of TFDS, the preferred first.
      files: original files that serve as well, tried after TFDS.
      access: how to get what cannot simply be downloaded; "" where it can.
    """

    homepage: str
    licence: str
    examples: Mapping[str, int] = field(default_factory=dict)
    download_bytes: int | None = None
    tfds: tuple[TfdsData, ...] = ()
    files: tuple[RawFiles, ...] = ()
    access: str = ""

    @property
    def generated(self) -> bool:
        """True if the data are made by the program, or come with an installed package."""
        return not self.tfds and not self.files


@dataclass(frozen=True)
class DataAccess:
    """The places of raw data in a run; it travels with the problem to every worker.

    Attributes:
      tfds_data_dir: prepared TFDS data; None for $TFDS_DATA_DIR or ~/tensorflow_datasets.
      tfds_manual_dir: what TFDS cannot download; None for <tfds_data_dir>/downloads/manual.
      tfds_from_gcs: TFDS may copy prepared data from Google's storage instead of preparing them.
      offline: never try the network.
    """

    tfds_data_dir: str | None = None
    tfds_manual_dir: str | None = None
    tfds_from_gcs: bool = False
    offline: bool = False

    @property
    def tfds_folder(self) -> Path:
        """The folder of prepared TFDS data."""
        given = self.tfds_data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
        return Path(given).expanduser()

    @property
    def manual_folder(self) -> Path:
        """The folder of files that TFDS cannot download."""
        if self.tfds_manual_dir:
            return Path(self.tfds_manual_dir).expanduser()
        return self.tfds_folder / "downloads" / "manual"


DEFAULT_ACCESS = DataAccess()
