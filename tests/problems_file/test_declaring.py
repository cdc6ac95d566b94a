"""What a problems file registers, and which names it may take."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from t2t_mm import lookup, registry
from t2t_mm.errors import UserError
from t2t_mm.problem import Split
from tests.problems_file.written_files import fails, load, pair, samples, write


def test_declares_problems_vocabularies_and_mixtures(tmp_path: Path) -> None:
    write(tmp_path, a_en=["one", "two"], a_de=["eins", "zwei"])
    names = load(
        tmp_path,
        """
        [vocabularies."vocab.pair"]
        size = 300
        [mixtures.both]
        problems = ["pair", "pair_rev"]
        [problems.pair]
        kind = "text2text"
        format = "text_lines"
        vocabulary = "vocab.pair"
        command = "to_german"
        reversed_command = "to_english"
        metrics = "chrf"
        weight = 2
        loss_weight = 0.5
        shards = { train = 3 }
        summary = "Numbers."
        [problems.pair.train]
        inputs = "a.en"
        targets = "a.de"
        [problems.pair.dev]
        inputs = "a.de"
        targets = "a.en"
        """,
    )
    assert names == ["pair", "both"]
    problem, reverse = lookup.find_problems("both")
    assert (problem.command, reverse.command) == ("to_german", "to_english")
    assert problem.inputs.vocabulary == problem.targets.vocabulary == "vocab.pair"
    assert problem.metrics == ("chrf",)
    assert (problem.mixing_weight, reverse.loss_weight) == (2.0, 0.5)
    assert problem.shards == {Split.TRAIN: 3, Split.DEV: 1}
    assert registry.PROBLEMS.entry("pair").summary == "Numbers."
    spec = registry.VOCABULARIES.get("vocab.pair")
    assert (spec.size, spec.problems) == (300, ("pair",))
    assert samples("pair")[1] == {"inputs": "two", "targets": "zwei"}
    assert samples("pair", Split.DEV)[0] == {"inputs": "eins", "targets": "one"}


def test_a_problem_travels_to_another_process(tmp_path: Path) -> None:
    write(tmp_path, a_en=["one"], a_de=["eins"])
    load(tmp_path, pair())
    problem = pickle.loads(pickle.dumps(lookup.find_problem("pair")))
    assert list(problem.generate_samples(Split.TRAIN, tmp_path, 0)) == samples("pair")


def test_no_tensorflow() -> None:
    code = "import t2t_mm.problems_file, sys; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_paths_start_at_the_file_then_at_tmp_dir(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir(), there.mkdir()
    write(there, a_en=["there"], a_de=["dort"])
    load(here, pair(), there)
    assert samples("pair", folder=there) == [{"inputs": "there", "targets": "dort"}]
    write(here, a_en=["here"])
    assert samples("pair", folder=there) == [{"inputs": "here", "targets": "dort"}]
    (there / "a.de").unlink()
    with pytest.raises(UserError) as error:
        samples("pair", folder=there)
    assert str(error.value) == (
        f"{here}/my.toml, [problems.pair], train: 'a.de' is neither at {here}/a.de nor at "
        f"{there}/a.de; put it there, or point --tmp_dir to its root."
    )


def test_several_sources_of_one_split(tmp_path: Path) -> None:
    write(tmp_path, a_en=["one"], a_de=["eins"], t_tsv="inputs\ttargets\ntwo\tzwei\n")
    load(
        tmp_path,
        """
        [problems.x]
        kind = "text2text"
        [[problems.x.train]]
        format = "text_lines"
        inputs = "a.en"
        targets = "a.de"
        [[problems.x.train]]
        format = "tsv"
        path = "t.tsv"
        """,
    )
    assert [sample["targets"] for sample in samples("x")] == ["eins", "zwei"]


def test_the_version_follows_what_the_data_depend_on(tmp_path: Path) -> None:
    def version(text: str, folder: str) -> str:
        (tmp_path / folder).mkdir()
        load(tmp_path / folder, text.replace("pair", folder))
        return lookup.find_problem(folder).version

    plain = version(pair(), "a")
    assert version(pair("weight = 3\ncommand = 'to_x'"), "b") == plain
    assert version(pair("lowercase = true"), "c") != plain
    assert version(pair(end="holdout = {dev = 0.1}"), "d") != plain


def test_loading_again_changes_nothing_and_a_changed_table_is_refused(tmp_path: Path) -> None:
    assert load(tmp_path, pair()) == load(tmp_path, pair())
    assert fails(tmp_path, pair("lowercase = true")) == (
        "my.toml, [problems.pair]: the problem 'pair' is already registered by my.toml, "
        "[problems.pair]; choose another name."
    )


def test_taken_names(tmp_path: Path) -> None:
    assert fails(tmp_path, pair().replace("pair", "speech_shapes")) == (
        "my.toml, [problems.speech_shapes]: the problem 'speech_shapes' is already registered by "
        f"{registry.PROBLEMS.entry('speech_shapes').origin}; choose another name."
    )
    assert "must be lower case snake_case." in fails(tmp_path, pair().replace("pair", "Pair"))
    assert "must not end in _rev or _copy: they are derived." in fails(
        tmp_path, pair().replace("pair", "pair_rev")
    )


def test_a_file_may_take_the_place_of_a_built_in_problem_over_published_data(
    tmp_path: Path,
) -> None:
    write(tmp_path, a_en=["one"], a_de=["jedna"])
    text = pair().replace("pair", "translate_encs_multi30k")
    load(tmp_path, text)
    assert samples("translate_encs_multi30k") == [{"inputs": "one", "targets": "jedna"}]
    load(tmp_path, text)  # again changes nothing
    text = text.replace("kind =", "lowercase = true\nkind =")
    assert "already registered by my.toml" in fails(tmp_path, text)


def test_a_file_may_take_the_place_of_built_in_mixtures_and_vocabularies(tmp_path: Path) -> None:
    write(tmp_path, a_en=["one"], a_de=["jedna"])
    names = '[vocabularies."vocab.wmt4"]\nsize = 400\n[mixtures.wmt4]\nproblems = ["pair"]'
    load(tmp_path, pair('vocabulary = "vocab.wmt4"', end=names))
    assert [problem.name for problem in lookup.find_problems("wmt4")] == ["pair"]
    assert registry.VOCABULARIES.get("vocab.wmt4").problems == ("pair",)
    names = names.replace("400", "500")
    assert "the vocabulary 'vocab.wmt4' is already registered by" in fails(
        tmp_path, pair('vocabulary = "vocab.wmt4"', end=names)
    )
