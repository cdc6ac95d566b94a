"""Generated data depend on the seed alone: not on workers, order, kills or the folder's history."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from t2t_mm.data.binding import bind, shard_paths
from t2t_mm.data.generation import api as generation
from t2t_mm.data.generation.disk_errors import disk_error
from t2t_mm.data.records.manifest import load_manifest
from t2t_mm.data.vocabularies.one_vocabulary import check_tasks_agree
from t2t_mm.errors import DataError, UserError
from t2t_mm.kinds import Label
from t2t_mm.kinds.vocabulary import EOS, Vocabulary
from t2t_mm.lookup import find_problem, find_problems
from t2t_mm.problem import Problem, Split, Text2TextProblem
from t2t_mm.training.run_data import open_data
from tests.data.datagen_toys import (
    SLOW,
    ToyImage,
    ToySound,
    ToyText,
    class_problem,
    sentence,
    text_problem,
)

HERE = Path(__file__).parent
GOOD = {"inputs": "a b", "targets": "c d"}


def generate(problems: list[Problem], data_dir: Path, **options: Any) -> list[Any]:
    return generation.generate(problems, data_dir, **{"num_workers": 1, "log": quiet, **options})


def quiet(line: str) -> None:
    pass


def contents(data_dir: Path) -> dict[str, bytes]:
    files = (p for p in data_dir.iterdir() if p.is_file() and not p.name.startswith("."))
    return {path.name: path.read_bytes() for path in files}


def toys() -> list[Problem]:
    return find_problems("datagen_toy*")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All toys, made by one worker."""
    data_dir = tmp_path_factory.mktemp("whole")
    generate(toys(), data_dir)
    return data_dir


def read(data_dir: Path, name: str, split: str) -> list[dict[str, Any]]:
    tf = pytest.importorskip("tensorflow")
    paths = [str(p) for p in shard_paths(bind(find_problem(name), data_dir), split, data_dir)]
    found = []
    for record in tf.data.TFRecordDataset(paths):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        found.append(
            {k: list(v.int64_list.value) or list(v.bytes_list.value) for k, v in features.items()}
        )
    return found


def test_stored_text(whole: Path) -> None:
    vocabulary = Vocabulary.load(whole / "vocab.datagen_toy_text.model")
    examples = read(whole, "datagen_toy_text", "train")
    assert len(examples) == 600
    assert all(e["inputs"][-1] == e["targets"][-1] == EOS for e in examples)
    pairs = {(vocabulary.decode(e["inputs"]), vocabulary.decode(e["targets"])) for e in examples}
    expected = [(sentence(0, Split.TRAIN, i), sentence(0, Split.TRAIN, i, 8)) for i in range(600)]
    assert pairs == set(expected)
    with_references = [e for e in examples if "references" in e]
    assert len(with_references) == 300
    for example in with_references:
        target = vocabulary.decode(example["targets"])
        assert example["references"] == [target.encode(), target.upper().encode()]


def test_training_data_are_shuffled_and_evaluation_data_in_order(whole: Path) -> None:
    vocabulary = Vocabulary.load(whole / "vocab.datagen_toy_text.model")
    order = {sentence(0, Split.DEV, i): i for i in range(50)}
    manifest = load_manifest("datagen_toy_text", whole)
    dev = [order[vocabulary.decode(e["inputs"])] for e in read(whole, "datagen_toy_text", "dev")]
    first = manifest.splits["dev"][0].examples
    assert 10 < first < 40
    assert dev[:first] == sorted(dev[:first]) and dev[first:] == sorted(dev[first:])
    train = {sentence(0, Split.TRAIN, i): i for i in range(600)}
    read_train = read(whole, "datagen_toy_text", "train")
    got = [train[vocabulary.decode(e["inputs"])] for e in read_train]
    ascending = sum(a < b for a, b in itertools.pairwise(got))
    assert 250 < ascending < 350  # as many steps up as down
    assert all(90 < shard.examples < 160 for shard in manifest.splits["train"])


def test_stored_pictures_labels_and_sounds(whole: Path) -> None:
    from tests.data.datagen_toys import png, tone

    examples = read(whole, "datagen_toy_image", "train")
    made = {png(i % 3, i): i % 3 for i in range(40)}
    assert {e["inputs"][0]: e["targets"][0] if e["targets"] else 0 for e in examples} == made
    vocabulary = Vocabulary.load(whole / "vocab.datagen_toy_sound.model")
    sounds = {
        vocabulary.decode(e["targets"]): e["inputs"][0]
        for e in read(whole, "datagen_toy_sound", "train")
    }
    assert len(sounds) == 20
    expected = (tone(200 + 50 * 7, 8000) * 32768).round()
    import numpy as np

    heard = np.frombuffer(sounds["tone 7"], "<i2")
    assert abs(heard - expected).max() <= 1


def test_the_bytes_do_not_depend_on_workers_or_order(whole: Path, tmp_path: Path) -> None:
    generate(list(reversed(toys())), tmp_path, num_workers=3)
    assert contents(tmp_path) == contents(whole)


def test_one_problem_alone_and_suffixes(whole: Path, tmp_path: Path) -> None:
    problems = [find_problem(f"datagen_toy_text{suffix}") for suffix in ("_rev", "", "_copy")]
    rows = generate(problems, tmp_path)
    assert [(row.problem, row.split, row.examples) for row in rows] == [
        ("datagen_toy_text", "train", 600),
        ("datagen_toy_text", "dev", 50),
        ("datagen_toy_text", "test", 50),
    ]
    expected = {k: v for k, v in contents(whole).items() if "toy_text" in k}
    assert contents(tmp_path) == expected


def test_another_seed_makes_other_data(whole: Path, tmp_path: Path) -> None:
    generate([ToyText("datagen_toy_text")], tmp_path, seed=1)
    other, first = contents(tmp_path), contents(whole)
    shards = [name for name in other if "-of-" in name]
    assert len(shards) == 8 and not any(other[name] == first[name] for name in shards)


def test_a_second_run_does_nothing(whole: Path) -> None:
    before = {p.name: p.stat().st_mtime_ns for p in whole.iterdir()}
    start = time.monotonic()
    rows = generate(toys(), whole, num_workers=2)
    assert time.monotonic() - start < 1
    assert all(row.seconds is None for row in rows)
    assert {p.name: p.stat().st_mtime_ns for p in whole.iterdir()} == before


def test_missing_and_truncated_shards_are_made_again(whole: Path, tmp_path: Path) -> None:
    generate(toys(), tmp_path)
    expected = contents(tmp_path)
    assert expected == contents(whole)
    (tmp_path / "datagen_toy_text-train-00002-of-00005").unlink()
    with open(tmp_path / "datagen_toy_image-dev-00000-of-00001", "ab") as file:
        file.truncate(100)
    kept = tmp_path / "datagen_toy_text-train-00001-of-00005"
    time_before = kept.stat().st_mtime_ns
    rows = {(row.problem, row.split): row.seconds for row in generate(toys(), tmp_path)}
    assert contents(tmp_path) == expected
    assert kept.stat().st_mtime_ns == time_before
    assert {key for key, seconds in rows.items() if seconds is not None} == {
        ("datagen_toy_text", "train"),
        ("datagen_toy_image", "dev"),
    }


def test_a_deleted_vocabulary_is_built_again(whole: Path, tmp_path: Path) -> None:
    problem = ToyText("datagen_toy_text")
    generate([problem], tmp_path)
    (tmp_path / "vocab.datagen_toy_text.model").unlink()
    with pytest.raises(DataError, match="needs the vocabulary .*vocab.datagen_toy_text.model, whi"):
        bind(problem, tmp_path)
    generate([problem], tmp_path)
    assert bind(problem, tmp_path).train_examples == 600
    assert contents(tmp_path).items() <= contents(whole).items()


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_resumed(tmp_path: Path, workers: int) -> None:
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    problem = ToyImage("datagen_toy_image")
    generate([problem], calm)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.data.datagen_toys import *\n"
        "from t2t_mm.data.generation.api import generate\n"
        "generate([ToyImage('datagen_toy_image')], sys.argv[2], num_workers=int(sys.argv[3]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(HERE), str(killed), str(workers)],
        env={**os.environ, SLOW: "0.1"},
        stdout=subprocess.DEVNULL,
    )
    wait_for_a_shard(killed, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    manifest = load_manifest("datagen_toy_image", killed)
    finished = [s.file for shards in manifest.splits.values() for s in shards if s]
    assert 1 <= len(finished) < 5 and not manifest.complete
    with pytest.raises(
        DataError, match=r"'datagen_toy_image' in .* are not complete: \d of 5 shar"
    ):
        bind(problem, killed)
    times = {name: (killed / name).stat().st_mtime_ns for name in finished}
    generate([problem], killed)
    assert contents(killed) == contents(calm)
    assert {name: (killed / name).stat().st_mtime_ns for name in finished} == times
    assert not list(killed.glob(".datagen_toy*"))
    assert bind(problem, killed).train_examples == 40


def wait_for_a_shard(data_dir: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "it ended before it could be killed"
        manifest = load_manifest("datagen_toy_image", data_dir)
        if manifest and any(shard for shards in manifest.splits.values() for shard in shards):
            return
        time.sleep(0.05)
    raise AssertionError("no shard was finished in 30 s")


def test_what_is_finished_stays_when_an_example_is_broken(tmp_path: Path) -> None:
    bad = text_problem("toy", [GOOD] * 40 + [{"inputs": "", "targets": "x"}])
    bad.shards = {Split.TRAIN: 8}
    with pytest.raises(DataError, match="example 40: inputs is empty text"):
        generate([bad], tmp_path)
    manifest = load_manifest("toy", tmp_path)
    finished = [shard for shard in manifest.splits["train"] if shard]
    rows = generate([bad], tmp_path, skip_broken=True)
    assert (rows[0].examples, rows[0].left_out) == (40, {"empty text": 1})
    again = load_manifest("toy", tmp_path).splits["train"]
    assert [s for s in again if s in finished] == finished


def test_shared_vocabulary(tmp_path: Path) -> None:
    problems = [ToyText("datagen_toy_text"), ToySound("datagen_toy_sound")]
    generate(problems, tmp_path, shared_vocab="vocab.both:400")
    assert [p.name for p in tmp_path.glob("*.model")] == ["vocab.both.model"]
    tasks = [bind(problem, tmp_path) for problem in problems]
    vocabulary = Vocabulary.load(tmp_path / "vocab.both.model")
    for kind in (tasks[0].input, tasks[0].targets, tasks[1].targets):
        assert (kind.vocabulary, kind.size) == ("vocab.both", vocabulary.size)
    assert len(vocabulary.encode("tone above")) == 2  # words of either problem
    assert all(row.seconds is None for row in generate(problems, tmp_path))  # as it is there
    generate(problems[:1], tmp_path, shared_vocab="vocab.both:400")  # a part of them
    with pytest.raises(
        DataError, match=r"made with the vocabulary vocab.both, not vocab.other; us"
    ):
        generate(problems, tmp_path, shared_vocab="vocab.other:400")
    with pytest.raises(
        DataError, match=r"the vocabulary vocab.both of size 400, not 500; use anot"
    ):
        generate(problems, tmp_path, shared_vocab="vocab.both:500")
    third = text_problem("third", [GOOD])
    with pytest.raises(DataError, match=r"was built with size 400 and seed 0 over datagen_toy_sou"):
        generate([*problems, third], tmp_path, shared_vocab="vocab.both:400")
    with pytest.raises(UserError, match=r"--shared_vocab got 'x'; write NAME:SIZE, e.g. vocab.min"):
        generate(problems, tmp_path, shared_vocab="x")


def test_one_vocabulary_for_all_that_name_it(tmp_path: Path) -> None:
    class Named(Text2TextProblem):
        vocabulary = "vocab.named"
        shards = {Split.TRAIN: 1}

        def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Any:
            yield {"inputs": f"only {self.name}", "targets": "x"}

    generate([Named("named_a"), Named("named_b")], tmp_path)
    vocabulary = Vocabulary.load(tmp_path / "vocab.named.model")
    assert {bind(Named(n), tmp_path).input.vocabulary for n in ("named_a", "named_b")} == {
        "vocab.named"
    }
    pieces = {vocabulary.piece(i) for i in range(vocabulary.size)}
    assert {"▁", "a", "b"} <= pieces


def test_a_mixture_is_not_split_over_the_vocabularies_of_two(tmp_path: Path) -> None:
    def on(vocabulary: str) -> list[Problem]:
        given = (text_problem(name, [GOOD]) for name in ("first", "second"))
        return [problem.with_vocabulary(vocabulary) for problem in given]

    generate(on("vocab.one")[:1], tmp_path, shared_vocab="vocab.one:400")
    generate(on("vocab.other")[:1], tmp_path)  # alone it may keep the vocabulary it has
    with pytest.raises(DataError) as error:
        generate(on("vocab.other"), tmp_path)
    assert str(error.value) == (
        "the problems that are to share the vocabulary vocab.other are on vocab.one (first) and "
        f"vocab.other (second) in {tmp_path}; use another --data_dir, or make all of them again "
        "by t2t-datagen --overwrite."
    )
    generate(on("vocab.other")[1:], tmp_path, shared_vocab="vocab.other:400")
    tasks = [bind(problem, tmp_path) for problem in on("vocab.other")]
    with pytest.raises(DataError, match=r"vocab.other are on vocab.one \(first\) and vocab.other"):
        open_data(SimpleNamespace(problems=on("vocab.other"), data_dir=tmp_path))  # of training
    separate = [text_problem(name, [GOOD]) for name in ("first", "second")]
    check_tasks_agree(separate, tasks, tmp_path)  # named one by one
    generate(on("vocab.other"), tmp_path, shared_vocab="vocab.other:400", overwrite=True)
    check_tasks_agree(separate, [bind(p, tmp_path) for p in on("vocab.other")], tmp_path)


def test_another_seed_version_or_number_of_shards_is_refused(tmp_path: Path) -> None:
    problem = class_problem("toy", [{"inputs": "a b", "targets": "yes"}])
    generate([problem], tmp_path)
    before = contents(tmp_path)
    with pytest.raises(DataError) as error:
        generate([problem], tmp_path, seed=7)
    assert str(error.value) == (
        f"the data of problem 'toy' in {tmp_path} were made with seed 0, not 7; use another "
        "--data_dir, or --overwrite to make them again."
    )
    with pytest.raises(
        DataError, match="with 2 training shards, not 3; use another --data_dir, or"
    ):
        generate([problem], tmp_path, num_shards=3)
    problem.version = "2"
    with pytest.raises(DataError, match="with version 1 of its generator, not 2; use another"):
        generate([problem], tmp_path)
    with pytest.raises(DataError, match="with version 1 of its generator, not 2; run `t2t-datagen"):
        bind(problem, tmp_path)
    problem.version, problem.labels = "1", ("no", "yes", "maybe")
    with pytest.raises(DataError, match=r"the 2 labels \(no, yes\), not \(no, yes, maybe\); use"):
        generate([problem], tmp_path)
    problem.labels = ("no", "yes")
    assert contents(tmp_path) == before
    rows = generate([problem], tmp_path, seed=7, num_shards=3, overwrite=True)
    assert rows[0].examples == 1
    assert len(list(tmp_path.glob("toy-train-*"))) == 3
    assert load_manifest("toy", tmp_path).seed == 7


def test_a_split_that_is_new_is_made_and_the_others_stay(tmp_path: Path) -> None:
    problem = ToyImage("datagen_toy_image")
    generate([problem], tmp_path)
    before = contents(tmp_path)
    problem.shards = {**problem.shards, Split.TEST: 1}
    rows = generate([problem], tmp_path)
    assert [(row.split, row.seconds is None) for row in rows] == [
        ("train", True),
        ("dev", True),
        ("test", False),
    ]
    after = contents(tmp_path)
    assert len(shard_paths(bind(problem, tmp_path), "test", tmp_path)) == 1
    assert {n: after[n] for n in before if "-of-" in n} == {
        n: content for n, content in before.items() if "-of-" in n
    }


def test_shards_of_strangers_are_not_touched(tmp_path: Path) -> None:
    stranger = tmp_path / "toy-train-00000-of-00002"
    stranger.write_bytes(b"theirs")
    with pytest.raises(DataError, match="holds 1 shards of 'toy' without a manifest"):
        generate([text_problem("toy", [GOOD])], tmp_path)
    assert stranger.read_bytes() == b"theirs"


def test_problems_that_cannot_be_generated(tmp_path: Path) -> None:
    problem = text_problem("toy", [GOOD])
    problem.shards = {Split.DEV: 1}
    with pytest.raises(
        DataError, match=r"'toy' has no train split \(it has dev\); name one in its"
    ):
        generate([problem], tmp_path)
    with pytest.raises(
        DataError, match=r"'toy' has no text to be built|has no text to be built ove"
    ):
        generate([text_problem("toy", [])], tmp_path)
    without = class_problem("toy", [])
    without.labels, without.targets = (), Label((), "toy")
    with pytest.raises(DataError, match="'toy' must declare `labels`, for its targets are labels"):
        generate([without], tmp_path)


def test_a_split_without_examples(tmp_path: Path) -> None:
    class Half(ToyImage):
        def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Any:
            if split is Split.TRAIN:
                yield from super().generate_samples(split, tmp_dir, seed)

    with pytest.raises(
        DataError, match="'half' has no examples in its dev split; put its raw file"
    ):
        generate([Half("half")], tmp_path)
    with pytest.raises(
        DataError, match=r"'half' in .* are not complete: 1 of 5 shards are missing"
    ):
        bind(Half("half"), tmp_path)


def test_faults_of_a_generator_keep_their_traceback(tmp_path: Path) -> None:
    class Faulty(ToyImage):
        def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Any:
            raise ZeroDivisionError("my own")
            yield

    with pytest.raises(ZeroDivisionError, match="my own"):
        generate([Faulty("faulty")], tmp_path)


def test_problems_that_workers_cannot_import_are_made_in_process(tmp_path: Path) -> None:
    class Local(ToyImage):
        pass

    lines: list[str] = []
    generate([Local("local")], tmp_path, num_workers=2, log=lines.append)
    assert any(
        line.startswith("generating in one process: 'local' cannot be pic") for line in lines
    )
    assert bind(Local("local"), tmp_path).train_examples == 40


def test_errors_come_back_from_workers(tmp_path: Path) -> None:
    bad = text_problem("toy", [GOOD] * 50 + [{"inputs": "a", "targets": " "}])
    bad.shards = {Split.TRAIN: 3}
    with pytest.raises(DataError, match="'toy', split train, example 50: targets is empty text"):
        generate([bad], tmp_path, num_workers=2)


def test_disk_errors(tmp_path: Path) -> None:
    full = disk_error(OSError(28, "No space left on device"), tmp_path)
    assert str(full) == (
        f"no space is left in {tmp_path}; free some or choose another --data_dir, then run the "
        "same command again: it goes on where it stopped."
    )
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(
        DataError, match=r"cannot write to .*file.* \(.*\); make --data_dir writable"
    ):
        generate([text_problem("toy", [GOOD])], tmp_path / "file" / "data")
    with pytest.raises(
        DataError, match=r"cannot write to .*file.* \(.*\); make --tmp_dir writable"
    ):
        generate([text_problem("toy", [GOOD])], tmp_path, tmp_dir=tmp_path / "file" / "raw")


@pytest.mark.parametrize("option", ["num_workers", "num_shards"])
def test_numbers_must_be_positive(tmp_path: Path, option: str) -> None:
    with pytest.raises(DataError, match=f"--{option} must be at least 1, got 0."):
        generate([text_problem("toy", [GOOD])], tmp_path, **{option: 0})


def test_a_slow_generator_is_not_run_once_a_shard(tmp_path: Path) -> None:
    runs = []

    def slow() -> Any:
        runs.append(1)
        time.sleep(0.3)
        yield from [GOOD] * 40

    problem = text_problem("toy", slow)
    problem.shards = {Split.TRAIN: 20}
    generate([problem], tmp_path)
    assert len(runs) <= 4  # the vocabulary, the first shard, the others
