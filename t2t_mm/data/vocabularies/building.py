"""Builds a vocabulary over the text of all problems that name it, once for a data folder.

Byte-pair merges reach whole words in worlds of a few hundred words, where the unigram model, which
prunes from the top, stays at letters and fragments (34 against 13 ids a sentence of the shapes
world; on 8k of Multi30k the two are equal). Nothing is normalised: what goes in comes out.
"""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from t2t_mm.data.generation.examples import checked_samples, resolved_value
from t2t_mm.data.vocabularies.text_sample import sample_lines
from t2t_mm.errors import DataError
from t2t_mm.files.writing import write_atomically
from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.kinds.text import checked_text
from t2t_mm.kinds.vocabulary import RESERVED, Vocabulary
from t2t_mm.problem import Broken, Dropped, Problem, Split, VocabularySpec

_SAMPLE_BYTES = 32 << 20  # text that a vocabulary is built over
_LEAST = RESERVED + 64  # room for an alphabet
_RARE = 0.0005  # share of the text whose characters are rare


def vocabulary_path(name: str, data_dir: Path) -> Path:
    """The path of the vocabulary of that name."""
    return data_dir / f"{name}.model"


def build(spec: VocabularySpec, lines: list[str], path: Path) -> Vocabulary:
    """Trains a vocabulary over lines of text and writes it to `path`.

    Args:
      spec: its name and size; a small corpus gives fewer pieces.
      lines: the text, without line breaks.
      path: the model file.

    Raises:
      DataError: if there is no text, or the size does not leave room for its characters.
    """
    import sentencepiece

    if not any(line.strip() for line in lines):
        raise DataError(
            f"vocabulary '{spec.name}' has no text to be built over: the training splits of "
            f"{', '.join(spec.problems) or 'its problems'} hold none."
        )
    _check_size(spec)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_without_rare_characters(lines, spec.size - RESERVED)),
        model_writer=model,
        model_type="char" if spec.characters else "bpe",
        vocab_size=spec.size,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        character_coverage=1.0,
        max_sentence_length=1 << 16,
        num_threads=1,  # sums in one order: the same text, the same bytes
        minloglevel=2,
    )
    write_atomically(path, model.getvalue())
    return Vocabulary(model.getvalue(), spec.name)


def _check_size(spec: VocabularySpec) -> None:
    if spec.size < _LEAST:
        raise DataError(
            f"vocabulary '{spec.name}' has the size {spec.size}; give at least {_LEAST}: 256 "
            "pieces are the bytes and 3 are reserved."
        )


def _without_rare_characters(lines: list[str], room: int) -> list[str]:
    """The lines with characters that are to be told in bytes replaced by spaces.

    A quarter of the room may go to characters; beyond it those go that make up the last 0.05 % of
    the text, and half of the room is the most. SentencePiece's own setting, a share of the text,
    cannot promise that the characters fit.
    """
    if len(set("".join(lines))) <= room // 4:
        return lines
    counts = Counter(itertools.chain.from_iterable(lines)).most_common()
    enough, seen, kept = (1 - _RARE) * sum(count for _, count in counts), 0, 0
    while kept < room // 2 and seen < enough:
        seen += counts[kept][1]
        kept += 1
    rare = {ord(character): " " for character, _ in counts[max(kept, room // 4) :]}
    return [line.translate(rare) for line in lines]


def ensure_vocabulary(
    spec: VocabularySpec,
    problems: Mapping[str, Problem],
    data_dir: Path,
    tmp_dir: Path,
    seed: int,
    overwrite: bool = False,
    log: Callable[[str], None] = print,
    skip_broken: bool = False,
) -> Vocabulary:
    """The vocabulary of a data folder, built if it is not there.

    Beside the model stands what it was built from, `<name>.model.json`. A model without that file
    is the user's own and is taken as it is.

    Args:
      spec: what is wanted.
      problems: every problem of `spec.problems`, by data name.
      data_dir: where it is, or is written.
      tmp_dir: of the problems' raw files.
      seed: of the problems' generators and of the sample.
      overwrite: build it again if it was built from something else.
      log: is told what is built.
      skip_broken: pass over what cannot be read instead of raising an error.

    Raises:
      DataError: if the vocabulary of that name was built from something else.
    """
    path = vocabulary_path(spec.name, data_dir)
    origin = _origin(spec, problems, seed)
    if path.exists():
        found = _read_origin(path)
        if found is None or {**found, "digest": None} == {**origin, "digest": None}:
            return _undamaged(path, found)
        if not overwrite:
            raise DataError(
                f"{path} was built with {_words(found)}, and {_words(origin)} is asked for; use "
                "another name or --data_dir, or --overwrite to build it again (all problems that "
                "use it must then be generated again)."
            )
    log(f"building {spec.name} over the text of {', '.join(sorted(problems))}")
    lines = _sample(problems, tmp_dir, seed, skip_broken)
    if not lines:
        _explain_no_text(spec, problems, tmp_dir)
    vocabulary = build(spec, lines, path)
    origin["digest"] = vocabulary.digest
    write_atomically(_origin_path(path), (json.dumps(origin, indent=1) + "\n").encode())
    log(f"built {spec.name}: {vocabulary.size} pieces")
    return vocabulary


def _explain_no_text(spec: VocabularySpec, problems: Mapping[str, Problem], tmp_dir: Path) -> None:
    """Raises an error that says why there is no text, if a problem knows."""
    for problem in problems.values():
        if why := problem.why_empty(Split.TRAIN, tmp_dir):
            raise DataError(
                f"vocabulary '{spec.name}' has no text to be built over: problem "
                f"'{problem.data_name}' has none in its train split; {why}."
            )


def recorded_spec(name: str, data_dir: Path) -> VocabularySpec | None:
    """The specification that the vocabulary in `data_dir` was built by, if that is recorded."""
    origin = _read_origin(vocabulary_path(name, data_dir))
    if not origin:
        return None
    problems, characters = tuple(origin["problems"]), origin.get("characters", False)
    return VocabularySpec(name, origin["size"], problems, characters)


def _undamaged(path: Path, origin: Mapping[str, Any] | None) -> Vocabulary:
    vocabulary = Vocabulary.load(path)
    if origin and origin.get("digest") != vocabulary.digest:
        raise DataError(
            f"{path} is not the file that t2t-datagen wrote there; put the original back, or "
            f"delete it and run t2t-datagen again."
        )
    return vocabulary


def _sample(
    problems: Mapping[str, Problem], tmp_dir: Path, seed: int, skip_broken: bool
) -> list[str]:
    """A sample of each problem's text, all of one size: no large problem drowns a small one."""
    room = _SAMPLE_BYTES // max(1, len(problems))
    lines: list[str] = []
    for name in sorted(problems):
        lines += sample_lines(train_texts(problems[name], tmp_dir, seed, skip_broken), room, seed)
    return lines


def train_texts(
    problem: Problem, tmp_dir: Path, seed: int, skip_broken: bool = False
) -> Iterator[str]:
    """All text of a problem's training split, inputs and targets; images are not made.

    Raises:
      DataError: for what cannot be read, unless it is to be skipped.
    """
    features = problem.kinds.items()
    texts = {name: kind for name, kind in features if kind.text_vocabulary and not kind.is_absent}
    for raw in checked_samples(problem, Split.TRAIN, tmp_dir, seed):
        if isinstance(raw, Broken) and not skip_broken:
            raise DataError(raw.sentence)
        sample = problem.clean(raw, Split.TRAIN)
        if isinstance(sample, (Dropped, Broken)):
            continue
        for name, kind in texts.items():
            try:
                value = resolved_value(sample.get(name))
                text = checked_text(value if problem.prepares_text else kind.prepared(value))
            except BrokenValue:
                continue  # reported when the example is written
            yield text


def _origin(spec: VocabularySpec, problems: Mapping[str, Problem], seed: int) -> dict[str, Any]:
    versions = {name: problems[name].version for name in sorted(problems)}
    origin = {"size": spec.size, "seed": seed, "problems": versions, "digest": None}
    return {**origin, "characters": True} if spec.characters else origin


def _origin_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _read_origin(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(_origin_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _words(origin: Mapping[str, Any]) -> str:
    problems = ", ".join(f"{n} (version {v})" for n, v in origin.get("problems", {}).items())
    return f"size {origin.get('size')} and seed {origin.get('seed')} over {problems}"
