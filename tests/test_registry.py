"""Names: registration, lookup, suffixes, mixtures, and the three ways in for a user's code."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

from t2t_mm import lookup, registry, usr_dir
from t2t_mm.errors import UnknownNameError, UserError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Image, Kind, Label, Text
from t2t_mm.kinds.kind import kind_from_dict, modality_name
from t2t_mm.problem import Task, Text2TextProblem
from t2t_mm.registry import KINDS, MODALITIES, Registry, snake_case

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("camel", "snake"),
    [
        ("TranslateEndeWmt32k", "translate_ende_wmt32k"),
        ("SentimentIMDB", "sentiment_imdb"),
        ("MultiModel", "multi_model"),
        ("SliceNet", "slice_net"),
    ],
)
def test_names_follow_tensor2tensor(camel: str, snake: str) -> None:
    assert snake_case(camel) == snake


def test_a_taken_name_raises() -> None:
    names = Registry("thing", "--thing")
    names.register("a", lambda: 1)
    with pytest.raises(ValueError, match="thing 'a' is already registered by"):
        names.register("a", len)


def test_a_wrong_class_raises() -> None:
    with pytest.raises(TypeError, match="must be a Problem"):
        registry.register_problem("not_a_problem")(dict)


def test_a_derived_name_cannot_be_registered() -> None:
    with pytest.raises(ValueError, match="must not end in _rev or _copy"):
        registry.register_problem("x_rev")(Text2TextProblem)


def test_unknown_problem_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as error:
        lookup.find_problems("image_shape")
    assert str(error.value).startswith(
        "unknown problem or mixture 'image_shape' (from --problems); did you mean 'image_shapes'?"
    )


@pytest.mark.parametrize("name", ["multi_modle", "transformers"])
def test_unknown_model_names_the_nearest(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"from --model\); did you mean"):
        registry.MODELS.get(name)


def test_suffixes_in_any_order_are_one_problem() -> None:
    names = [p.name for p in lookup.find_problems("translate_ende_shapes_rev_copy")]
    assert names == ["translate_ende_shapes_copy_rev"]


def test_rev_swaps_sides_and_commands() -> None:
    forward = lookup.find_problem("translate_ende_shapes")
    back = lookup.find_problem("translate_ende_shapes_rev")
    assert (back.command, back.reversed_command) == (forward.reversed_command, forward.command)
    assert back.reversed and not forward.reversed
    assert back.data_name == forward.data_name == "translate_ende_shapes"


def test_rev_of_a_picture_problem_is_refused() -> None:
    with pytest.raises(UserError, match="_rev needs text on both sides, and 'image_shapes' goes"):
        lookup.find_problem("image_shapes_rev")


def test_lists_mixtures_prefixes_and_dashes_agree() -> None:
    eight = [p.name for p in lookup.find_problems("shapes8")]
    assert len(eight) == 8 and eight == sorted(eight)
    assert [p.name for p in lookup.find_problems(",".join(reversed(eight)))] == eight
    assert [p.name for p in lookup.find_problems("-".join(eight))] == eight
    starred = [p.name for p in lookup.find_problems("translate_ende_shapes*")]
    assert starred == ["translate_ende_shapes", "translate_ende_shapes_rev"]


def test_what_is_declared_exists() -> None:
    for kind in (registry.MODELS, registry.MODALITIES, registry.OPTIMIZERS):
        for name in kind.names():
            assert kind.entry(name).summary.endswith("."), name
            assert callable(kind.get(name)), name


def test_every_hparams_set_builds_and_tells_its_source() -> None:
    for name in registry.HPARAMS.names():
        made = registry.HPARAMS.get(name)
        assert made().hidden_size > 0
        if name.startswith(("multimodel", "transformer")):
            assert "Source" in made.__doc__ or "as multimodel_paper" in made.__doc__, name


def run(code: str, *paths: Path) -> subprocess.CompletedProcess:
    script = f"import sys; sys.path[:0] = {[str(p) for p in paths]!r}\n{code}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


def test_usr_dir_registers_and_tells_what() -> None:
    code = f"from t2t_mm import usr_dir; print(usr_dir.load({str(ROOT / 'examples/usr_dir')!r}))"
    done = run(code)
    assert done.stdout.strip() == (
        "['problems: reverse_letters', 'models: mean_body', "
        "'hparams: mean_body_tiny, multimodel_reverse']"
    ), done.stderr


def test_usr_dir_errors_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must be a folder with an __init__.py; found none"):
        usr_dir.load(str(tmp_path))
    broken = tmp_path / "broken_usr_dir"
    broken.mkdir()
    (broken / "__init__.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(UserError, match="failed to import: ModuleNotFoundError: No module named"):
        usr_dir.load(str(broken))


def make_plugin(folder: Path) -> None:
    """Makes what installing examples/plugin leaves in site-packages: its entry points."""
    project = tomllib.loads((ROOT / "examples/plugin/pyproject.toml").read_text())["project"]
    points = project["entry-points"]["t2t_mm.plugins"]
    info = folder / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    lines = ["[t2t_mm.plugins]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))


@dataclass(frozen=True)
class Chord(Kind):
    """Notes that sound together; a user's own kind."""

    name: ClassVar[str] = "chord"
    noun: ClassVar[str] = "chord"
    notes: tuple[str, ...] = ()


def test_a_kind_of_ones_own_is_bound_stored_and_read_back() -> None:
    registry.register_kind("chord")(Chord)
    inputs = {"melody": Chord(("c", "e")), "inputs": Text("vocab.x", 300)}
    task = Task("music", "music", inputs, Label(("dur", "moll"), "key"), "to_label")
    assert list(task.kinds) == ["inputs", "melody", "targets"]
    read = Task.from_dict(json.loads(json.dumps(task.to_dict())))
    assert read == task and read.inputs["melody"].notes == ("c", "e")
    # Its network has its name where nothing else is said.
    hparams = HParams(modalities="image:pixels;chord:chord_net")
    assert modality_name(task.inputs["melody"], HParams()) == "chord"
    assert modality_name(task.inputs["melody"], hparams) == "chord_net"
    assert modality_name(Image(32), hparams) == "pixels"
    assert modality_name(Image(32), hparams.replace(image_modality="image")) == "image"
    with pytest.raises(UnknownNameError, match="unknown kind of data 'chords' .*did you mean 'ch"):
        kind_from_dict({"kind": "chords"})


def test_every_kind_has_a_network() -> None:
    named = {"tree": "text", "image": "image_small", "audio": "audio_spectral"}
    for name in ("text", "tree", "image", "audio", "label", "tags", "number"):
        kind = KINDS.get(name)()
        assert kind.name == name and kind_from_dict(kind.to_dict()) == kind
        assert kind.modality in MODALITIES
        if name in named:
            assert kind.modality == named[name]


def test_an_installed_plugin_is_found(tmp_path: Path) -> None:
    make_plugin(tmp_path)
    code = "from t2t_mm import lookup; print(lookup.find_problem('upper_case_rev').command)"
    done = run(code, tmp_path, ROOT / "examples/plugin/src")
    assert done.stdout.strip() == "to_lower", done.stderr


def test_a_plugin_that_fails_is_named(tmp_path: Path) -> None:
    make_plugin(tmp_path)
    code = (
        "from t2t_mm import lookup, errors\n"
        "try: lookup.find_problem('upper_case')\n"
        "except errors.UserError as error: print(error)"
    )
    assert "the plug-in 'upper' (t2t_mm_upper) failed to load" in run(code, tmp_path).stdout


def test_plain_import_registers() -> None:
    code = (
        "import plain_import\nfrom t2t_mm import lookup\n"
        "print(lookup.find_problem('count_vowels').labels)"
    )
    assert run(code, ROOT / "examples").stdout.strip() == "('even', 'odd')"
