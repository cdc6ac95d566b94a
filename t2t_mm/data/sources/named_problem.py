"""Problems over data that others published: the base of everything in problems/ but shapes.

A subclass states its `provenance` and says how a record of TFDS, or the original files, become
samples; which of the two are read is found out here. See docs/how_to_problem.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from t2t_mm.data.sources.cleaning import TextRules
from t2t_mm.data.sources.downloading import ensure
from t2t_mm.data.sources.raw_data import LocatedData, find, missing
from t2t_mm.data.sources.readers.reader import Reader, Roots, Row
from t2t_mm.data.sources.tfds_folder import Record, RecordError, TfdsFolder
from t2t_mm.errors import DataError
from t2t_mm.kinds.preparation import Rules
from t2t_mm.problem import (
    Broken,
    Dropped,
    Problem,
    Sample,
    SourceNote,
    Split,
    with_preparation,
)
from t2t_mm.provenance import Provenance, RawFiles, TfdsData


class NamedProblem(Problem):
    """A problem whose data are found by its `provenance`.

    Put it before the shape: `class ImageCifar10(NamedProblem, Image2ClassProblem)`.

    Attributes:
      provenance: where the data come from.
      rules: how text is cleaned and which examples are left out; None for nothing of the kind.
        They are the preparation of its kinds, too, so that users' texts are cleaned alike.
      transcript_rules: what the problem itself has done to its targets before that.
    """

    provenance: Provenance
    rules: TextRules | None = TextRules()
    transcript_rules: Rules = ()
    _logged_remark: str = ""  # the remark that was logged last

    def __init__(self, name: str):
        super().__init__(name)
        if self.rules is None or not self.prepares_text:
            return
        self.inputs = with_preparation(self.inputs, self.rules.of_inputs)
        of_targets = (*self.transcript_rules, *self.rules.of_targets)
        self.targets = self.targets.with_preparation(of_targets)

    def samples_of_record(
        self, record: Record, split: Split
    ) -> Iterator[Sample | Dropped | Broken]:
        """Yields the samples of one record of TFDS, mostly one.

        A problem whose data sets have different features overrides `samples_of_tfds` instead.
        """
        raise NotImplementedError(f"{type(self).__name__} must define samples_of_record")

    def samples_of_tfds(
        self, data: TfdsData, folder: TfdsFolder, split: Split
    ) -> Iterator[Sample | Dropped | Broken]:
        """Yields the samples of a split of a prepared data set.

        Args:
          data: which of provenance.tfds.
          folder: where it is prepared.
          split: which part.
        """
        if split.value in data.splits:
            for record in folder.records(data.splits[split.value]):
                try:
                    yield from self.samples_of_record(record, split)
                except RecordError as error:
                    broken = Broken("damaged records", str(error).rstrip("."), record.place)
                    yield broken.within(f"problem '{self.data_name}', split {split.value}")

    def samples_of_files(
        self, files: RawFiles, root: Path, split: Split
    ) -> Iterator[Sample | Dropped | Broken]:
        """Yields the samples of a split of the original files: by default, those of `reader`.

        Args:
          files: which of provenance.files.
          root: the folder that holds what it needs.
          split: which part.
        """
        reader = self.reader(files, split)
        if reader is None:
            raise NotImplementedError(f"{type(self).__name__} must define samples_of_files")
        for item in reader.items(Roots((root,)), training=split is Split.TRAIN):
            yield self.sample_of_item(item, split)

    def reader(self, files: RawFiles, split: Split) -> Reader | None:
        """The reader of a split of the original files, of a problem that reads them by one."""
        del files, split
        return None

    def sample_of_item(self, item: Row | Broken, split: Split) -> Sample | Broken:
        """The sample of one of a reader's items."""
        if isinstance(item, Broken):
            return item.within(f"problem '{self.data_name}', split {split.value}")
        sample = {"inputs": item.inputs, "targets": item.targets}
        return {**sample, "references": list(item.references)} if item.references else sample

    def notes(self, tmp_dir: Path) -> list[SourceNote]:
        """Those of the readers of all splits, each once; see Problem."""
        found = find(self, tmp_dir)
        if found is None or found.files is None:
            return []
        readers = [self.reader(found.files, split) for split in self.splits]
        notes = (note for r in readers if r for note in r.notes(Roots((found.path,))))
        return list(dict.fromkeys(notes))

    def prepare(self, tmp_dir: Path, log: Callable[[str], None] = print) -> None:
        """Downloads what is missing, or says how to get it; see Problem."""
        ensure(self, tmp_dir, log)
        found = find(self, tmp_dir)
        remark = self.remark(found) if found else ""
        if remark and remark != self._logged_remark:
            log(f"{self.data_name}: {remark}")
        self._logged_remark = remark

    def remark(self, found: LocatedData) -> str:
        """A note on anything unusual about the data that are there, e.g. "test is ..."; or "".

        It is told at the start of datagen, and stands in the manifest.
        """
        del found
        return ""

    def origin(self, tmp_dir: Path) -> str:
        """The declared data that are read."""
        found = find(self, tmp_dir)
        return "; ".join(filter(None, (found.title, self.remark(found)))) if found else ""

    def describe_cleaning(self) -> str:
        """The rules in words."""
        return self.rules.describe() if self.rules and self._has_text else ""

    @property
    def prepares_text(self) -> bool:
        """True where the rules are applied."""
        return self.rules is not None and not self._generates

    @property
    def _has_text(self) -> bool:
        return bool(self.text_vocabularies)

    def generate_samples(
        self, split: Split, tmp_dir: Path, seed: int
    ) -> Iterator[Sample | Dropped | Broken]:
        """Yields the cleaned samples; the order is that of the data: no seed."""
        if self.provenance.generated:
            raise NotImplementedError(f"{type(self).__name__} must define generate_samples")
        for sample in self.raw_samples(split, tmp_dir, seed):
            yield self.clean(sample, split)

    def raw_samples(
        self, split: Split, tmp_dir: Path, seed: int
    ) -> Iterator[Sample | Dropped | Broken]:
        """Yields the samples as they are read."""
        if self._generates:
            return self.generate_samples(split, tmp_dir, seed)
        found = find(self, tmp_dir)
        if found is None:
            raise missing(self, tmp_dir)
        return self._samples(found, split)

    def clean(self, sample: Sample | Dropped | Broken, split: Split) -> Sample | Dropped | Broken:
        """Applies the rules."""
        if self.rules is None or not self.prepares_text:
            return sample
        return self.rules.apply(sample, self, split)

    @property
    def _generates(self) -> bool:
        """True if a subclass makes its samples itself, rules and all."""
        own = type(self).generate_samples
        generated = self.provenance is not None and self.provenance.generated
        return generated or own is not NamedProblem.generate_samples

    def _samples(self, found: LocatedData, split: Split) -> Iterator[Sample | Dropped | Broken]:
        if found.tfds:
            return self.samples_of_tfds(found.tfds, TfdsFolder(found.path), split)
        if found.files:
            return self.samples_of_files(found.files, found.path, split)
        raise DataError(f"problem '{self.data_name}' has no data.")
