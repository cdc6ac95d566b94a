"""Summaries of news: CNN and the Daily Mail, the highlights that they print above an article."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.sources.cleaning import TextRules
from t2t_mm.data.sources.named_problem import NamedProblem
from t2t_mm.data.sources.readers.lines import numbered_lines
from t2t_mm.data.sources.tfds_folder import Record
from t2t_mm.problem import Dropped, Sample, Split, Text2TextProblem
from t2t_mm.problems.vocabularies import vocabulary
from t2t_mm.provenance import Provenance, RawFiles, TfdsData

_STORIES = ("cnn/stories", "dailymail/stories")
_LISTS = {Split.TRAIN: "all_train.txt", Split.DEV: "all_val.txt", Split.TEST: "all_test.txt"}
_ARCHIVES = tuple((f"{folder.partition('/')[0]}_stories.tgz", folder) for folder in _STORIES)
_HIGHLIGHT = "@highlight"
_ENDS = (".", "!", "?", "'", "`", '"', "\u2019", "\u201d", ")")


@registry.register_problem("summarize_cnn_dailymail32k")
class SummarizeCnnDailymail32k(NamedProblem, Text2TextProblem):
    """News of CNN and the Daily Mail to their highlights, a vocabulary of 32k.

    Articles have 780 words on average. The first 400 are read, as See et al. 2017 do: the news
    tells the most important first. Set the hparam max_length to 800 or so (400 words are about
    550 pieces), or long_examples=trim; the default leaves most of them out, and says so.
    """

    command = "to_summary"
    vocabulary = vocabulary("summarize_cnn_dailymail", 32_768, "summarize_cnn_dailymail32k")
    metrics = ("rouge_1", "rouge_2", "rouge_l")
    rules = TextRules(cut_inputs=400)
    shards: ClassVar[Mapping[Split, int]] = {Split.TRAIN: 100, Split.DEV: 1, Split.TEST: 1}
    provenance = Provenance(
        homepage="https://github.com/abisee/cnn-dailymail",
        licence="the publishers' texts, for research; cite Hermann et al. 2015, See et al. 2017",
        examples={"train": 287_113, "dev": 13_368, "test": 11_490},
        download_bytes=585_439_472,
        tfds=(
            TfdsData(
                "cnn_dailymail",
                {"train": "train", "dev": "validation", "test": "test"},
                version="3.",
            ),
        ),
        files=(
            RawFiles("stories", (*_STORIES, *_LISTS.values())),
            RawFiles(
                "archives",
                (*(archive for archive, _ in _ARCHIVES), *_LISTS.values()),
                unpack=_ARCHIVES,
            ),
        ),
    )

    def samples_of_record(self, record: Record, split: Split) -> Iterator[Sample]:
        yield {"inputs": record.text("article"), "targets": record.text("highlights")}

    def samples_of_files(
        self, files: RawFiles, root: Path, split: Split
    ) -> Iterator[Sample | Dropped]:
        for _, url in numbered_lines(root / _LISTS[split]):
            if not url.strip():
                continue
            name = f"{hashlib.sha1(url.strip().encode()).hexdigest()}.story"
            path = next((p for f in _STORIES if (p := root / f / name).exists()), None)
            if path is None:
                yield Dropped("no such story")
            else:
                article, highlights = read_story(path)
                yield {"inputs": article, "targets": highlights}


def read_story(path: Path) -> tuple[str, str]:
    """The article and the highlights of a file of stories, each on one line.

    Lines without an end, such as headlines, get a full stop, as TFDS does it.
    """
    article: list[str] = []
    highlights: list[str] = []
    into = article
    for _, line in numbered_lines(path):
        text = line.strip()
        if text == _HIGHLIGHT:
            into = highlights
        elif text:
            into.append(text if text.endswith(_ENDS) else f"{text}.")
    return " ".join(article), " ".join(highlights)
