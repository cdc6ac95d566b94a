"""Sessions: lines in, answers out; no mistake ends them."""

from __future__ import annotations

import pytest

from t2t_mm.decoding.combinations import combination
from t2t_mm.decoding.interactive import HELP, Session
from t2t_mm.decoding.settings import DecodeSettings
from tests.decoding.decoding_run import png, toy_model, wav

TEXT, SPEECH, CLASS = (f"decoding_toy_{kind}" for kind in ("text", "speech", "class"))


class Talk:
    """A session and what it says."""

    def __init__(self, problem: str | None = None, settings: str = ""):
        self.loaded, self.said = toy_model(), []
        path = combination(self.loaded.tasks, problem, problem) if problem else None
        record = DecodeSettings().override(settings)
        self.session = Session(self.loaded, record, path, self.said.append)

    def __call__(self, line: str | bytes) -> list[str]:
        self.said.clear()
        assert self.session.handle(line)
        return list(self.said)

    def answer(self, problem, raw, settings: str = "") -> list[str]:
        """What the session should say."""
        (one,) = self.loaded.decode(problem, [raw], settings)
        return [f"  {a.output}   (log-probability {a.score:.2f})" for a in one.alternatives]


def test_a_text_a_picture_and_a_sound(tmp_path):
    talk = Talk()
    (tmp_path / "a picture.png").write_bytes(png(1))
    (tmp_path / "s.wav").write_bytes(wav(1))
    assert talk.session.prompt == "> "
    assert talk(f"pr={TEXT}") == [f"{TEXT}: give text"]
    assert talk.session.prompt == f"{TEXT}> "
    assert talk("red dog\n") == talk.answer(TEXT, "red dog")
    assert talk(b"red dog\r\n") == talk.answer(TEXT, "red dog")
    assert talk(f"pr= {CLASS} ") == [f"{CLASS}: give an image's path"]
    expected = talk.answer(CLASS, png(1))[:1]
    path = f"{tmp_path}/a picture.png"
    for typed in (path, f"'{path}'", f'"{path}"', path.replace(" ", "\\ ")):
        assert talk(typed) == expected
    assert talk(f"pr={SPEECH}") == [f"{SPEECH}: give a sound's path"]
    assert talk(f"{tmp_path}/s.wav") == talk.answer(SPEECH, wav(1))


def test_zero_shot_by_in_and_ou(tmp_path):
    talk = Talk(TEXT)
    (tmp_path / "s.wav").write_bytes(wav(1))
    said = talk(f"in={SPEECH}")
    assert said[0] == f"{SPEECH}-to-{TEXT}: give a sound's path"
    assert said[1].startswith(f"zero-shot: no problem was trained from the inputs of '{SPEECH}' to")
    assert talk.session.prompt == f"{SPEECH}-to-{TEXT} (zero-shot)> "
    task = talk.loaded.task_between(SPEECH, TEXT)
    assert talk(f"{tmp_path}/s.wav") == talk.answer(task, wav(1))
    assert talk(f"ou={SPEECH}") == [f"{SPEECH}: give a sound's path"]
    assert talk(f"ou={CLASS}")[0] == f"{SPEECH}-to-{CLASS}: give a sound's path"
    task = talk.loaded.task_between(SPEECH, CLASS)
    assert talk(f"{tmp_path}/s.wav") == talk.answer(task, wav(1))[:1]
    assert talk("co=to_parse_tree")[0].startswith(
        "error: --command=to_parse_tree means nothing to problem"
    )
    talk(f"pr={SPEECH}")
    assert talk("co=to_parse_tree")[0] == f"{SPEECH}.to_parse_tree: give a sound's path"
    assert talk("co=") == [f"{SPEECH}: give a sound's path"]


def test_settings():
    talk = Talk(TEXT)
    assert talk("ns=3") == []
    assert talk("red dog") == talk.answer(TEXT, "red dog", "beam_size=4,return_beams=True")[:3]
    assert talk("ds=beam_size=1,return_beams=False") == talk("dl=0") == talk("ns=1") == []
    assert talk("red dog") == talk.answer(TEXT, "red dog", "beam_size=1,extra_length=0")
    assert talk("ds=sampling_method=random,seed=5") == talk("ns=2") == []
    drawn = "sampling_method=random,seed=5,num_decodes=2,extra_length=0"
    assert talk("red dog") == talk.answer(TEXT, "red dog", drawn) and len(talk("red dog")) == 2
    with_beams = Talk(TEXT, "beam_size=2,return_beams=True")
    assert len(with_beams("red dog")) == 2


def test_a_kind_of_inputs_is_known_from_the_problem():
    talk = Talk(TEXT)
    assert talk("it=text") == [f"{TEXT}: give text"]
    said = f"error: it=image: {TEXT} reads text; pr=NAME chooses another problem."
    assert talk("it=image") == [said]
    assert Talk(CLASS)("it=image")[0].startswith(f"{CLASS}: give an image")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("red", f"error: choose a problem first, with pr=NAME: decoding_toy_caption, {CLASS}, "),
        (
            "pr=decoding_toy_txt",
            "error: unknown problem of this model 'decoding_toy_txt' (from pr=)",
        ),
        ("ns=many", "error: ns= takes a whole number, got 'many'."),
        ("ns=²", "error: ns= takes a whole number, got '²'."),
        ("ns=0", "error: ns= takes a whole number"),
        ("dl=-1", "error: dl= takes a whole number"),
        ("ds=beam=1", "error: unknown decoding hparam 'beam' (from ds=)"),
        ("co=to_parse_tree", "error: choose a problem first"),
        (b"\xff\n", "error: this line is not valid UTF-8."),
        ("", ""),
        ("h", HELP),
    ],
)
def test_a_mistake_ends_nothing(line, message):
    talk = Talk()
    said = talk(line)
    assert (said[0] if said else "").startswith(message) and len(said) <= 1
    assert talk(f"pr={TEXT}") == [f"{TEXT}: give text"]


def test_a_picture_that_is_none():
    talk = Talk(CLASS)
    assert talk("none.png") == [
        "error: the image none.png cannot be read (No such file or directory); check the path."
    ]
    (said,) = talk("a sentence " * 40)
    assert said.endswith("cannot be read (File name too long); check the path.")
    (said,) = talk("~x.png")
    assert said.startswith("error: the image ~x.png cannot be read (No such file")


def test_the_end():
    talk = Talk(TEXT)
    talk.session.run(["ns=x", "q", "red"])
    assert len(talk.said) == 1
    talk.session.run(["ns=x"])  # the end of the input
    assert len(talk.said) == 2
