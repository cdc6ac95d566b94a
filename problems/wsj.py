"""The Wall Street Journal's speech, the paper's: from the LDC's discs, or from Kaldi's folders.

Splits are the field's: SI-284 (SI-84 where only WSJ0 is there), dev93 and eval92. The paper trained
on spectra that Kaldi had made; here they are made in training, as for all sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.raw_data import LocatedData
from t2t_mm.data.sources.readers.kaldi import utterances
from t2t_mm.data.sources.readers.wsj_corpus import Corpus, PartList, open_corpus
from t2t_mm.data.sources.transcripts import wsj_words
from t2t_mm.problem import Dropped, Sample, Split
from t2t_mm.problems.speech import SpeechProblem
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFiles

_SI84 = PartList("train/tr_s_wv1.ndx", "wsj0/si_tr_s")
_SI200 = PartList("indices/si_tr_s.ndx", "wsj1/si_tr_s")
_DEV93 = PartList("indices/h1_p0.ndx", "wsj1/si_dt_20", "c")
_DEV92 = PartList("nvp/si_dt_20.ndx", "wsj0/si_dt_20", "c")
_EVAL92 = PartList("nvp/si_et_20.ndx", "wsj0/si_et_20", "c")
_UNUSED_SPEAKER = "wsj0/si_tr_s/401/"  # Kaldi's recipe leaves these out
_KALDI = {
    Split.TRAIN: ("train_si284", "train_si84"),
    Split.DEV: ("test_dev93",),
    Split.TEST: ("test_eval92",),
}
# Discs, some in capitals: the title, then globs.
_TRAIN = "[wW][sS][jJ]0/[sS][iI]_[tT][rR]_[sS]"
_DISCS = f"wsj0/si_tr_s|{_TRAIN}|*/{_TRAIN}|*/*/{_TRAIN}"
_KALDI_FILES = tuple(
    "|".join(f"{name}/{file}" for name in names)
    for names in _KALDI.values()
    for file in ("wav.scp", "text")
)


@registry.register_problem("wsj")
class Wsj(SpeechProblem):
    """Read news of the Wall Street Journal to lower-case words, the paper's speech; spectra.

    From the LDC's discs, copied with their folders wsj0 and wsj1 (LDC93S6A, LDC94S13A), first
    microphone; or from Kaldi's data folders train_si284, test_dev93 and test_eval92. Most of the
    LDC's files are compressed: install sph2pipe, or convert them. Without the lists of utterances
    (.ndx) that are on the discs, folders stand for them: si_tr_s, si_dt_20 and si_et_20.
    """

    vocabulary = vocabulary("wsj", 8192, "wsj")
    transcript_rules = ("wsj_words",)
    transcripts: ClassVar[str] = (
        "noises, marks of stress and what was not said left out, spoken punctuation as its word"
    )
    provenance = Provenance(
        homepage="https://catalog.ldc.upenn.edu/LDC93S6A",
        licence="LDC user agreement",
        examples={"train": 37_416, "dev": 503, "test": 333},
        files=(
            RawFiles("kaldi", _KALDI_FILES),
            RawFiles("ldc", (_DISCS,)),
        ),
        access="LDC93S6A (WSJ0) and LDC94S13A (WSJ1) from https://catalog.ldc.upenn.edu, by "
        "membership or a fee; copy the discs with their folders",
    )

    def samples_of_files(
        self, files: RawFiles, root: Path, split: Split
    ) -> Iterator[Sample | Dropped]:
        return self._of_kaldi(root, split) if files.key == "kaldi" else self._of_discs(root, split)

    def _of_kaldi(self, root: Path, split: Split) -> Iterator[Sample]:
        for _, text, sound in utterances(_kaldi_folder(root, split)):
            yield {"inputs": sound, "targets": wsj_words(text)}

    def _of_discs(self, root: Path, split: Split) -> Iterator[Sample | Dropped]:
        corpus = open_corpus(root)
        for name, text, sound in corpus.utterances(_parts(corpus)[split]):
            if name.startswith(_UNUSED_SPEAKER):
                yield Dropped("speaker 401, not used by Kaldi's recipe either")
            elif sound is None:
                yield Dropped("no recording")
            elif text is None:
                yield Dropped("no transcript")
            else:
                yield {"inputs": sound, "targets": wsj_words(text)}

    def remark(self, found: LocatedData) -> str:
        """A note on the sets that are read, and whether lists or folders say what is in them."""
        if found.files is None:
            return ""
        if found.files.key == "kaldi":
            return f"train is {_kaldi_folder(found.path, Split.TRAIN).name}"
        corpus = open_corpus(found.path)
        told = [
            f"{split.value} is {' and '.join(_described_part(corpus, part) for part in parts)}"
            for split, parts in _parts(corpus).items()
        ]
        return "; ".join(told)


def _kaldi_folder(root: Path, split: Split) -> Path:
    places = [root / name for name in _KALDI[split]]
    return next(place for place in places if (place / "wav.scp").exists())


def _parts(corpus: Corpus) -> dict[Split, tuple[PartList, ...]]:
    """The sets that stand for the splits: WSJ1 serves where it is there."""
    second = any(name.startswith("wsj1/") for name in corpus.sounds)
    return {
        Split.TRAIN: (_SI84, _SI200) if second else (_SI84,),
        Split.DEV: (_DEV93,) if second else (_DEV92,),
        Split.TEST: (_EVAL92,),
    }


def _described_part(corpus: Corpus, part: PartList) -> str:
    path = corpus.list_of(part)
    return f"the list {path.name} for {part.folder}" if path else f"the folder {part.folder}"
