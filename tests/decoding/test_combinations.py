"""Which combinations of inputs, command and targets are trained, zero-shot, or impossible."""

from __future__ import annotations

import pytest

from t2t_mm.decoding.combinations import combination
from t2t_mm.errors import UnknownNameError, UserError
from t2t_mm.kinds import Audio, Image, Label, Text
from t2t_mm.problem import Task
from tests.decoding.decoding_run import png, toy_model, wav

TEXT = Text("v", 100)
PICTURE = Image(8)
SOUND = Audio(8000)
LABEL = Label(("a", "b"), "l")
TASKS = {
    task.name: task
    for task in (
        Task("ende", "ende", TEXT, TEXT, "to_german", ("bleu",)),
        Task("ende_rev", "ende", TEXT, TEXT, "to_english", ("bleu",), reversed=True),
        Task("enfr", "enfr", TEXT, TEXT, "to_french", ("bleu",)),
        Task("speech", "speech", SOUND, TEXT, "to_english", ("wer",)),
        Task("caption", "caption", PICTURE, TEXT, "to_english", ("cider",)),
        Task("image", "image", PICTURE, LABEL, "to_class", ("accuracy",)),
    )
}


def test_speech_to_german():
    path = combination(TASKS, "speech", "ende")
    assert path.zero_shot
    assert path.task == Task("speech-to-ende", "speech", SOUND, TEXT, "to_german", ("bleu",))
    assert path.remark == (
        "zero-shot: no problem was trained from the inputs of 'speech' to the targets of 'ende' "
        "with the command 'to_german'"
    )


def test_a_command_alone():
    path = combination(TASKS, "caption", "caption", "to_french")
    assert path.zero_shot
    assert (path.task.name, path.task.command) == ("caption.to_french", "to_french")
    assert combination(TASKS, "speech", "ende", "to_french").task.name == "speech-to-ende.to_french"


@pytest.mark.parametrize(
    ("inputs_of", "targets_of", "command", "trained"),
    [
        ("ende", "ende", None, "ende"),
        ("ende", "ende", "to_german", "ende"),
        ("speech", "ende", "to_english", "speech"),  # text is text: it is what speech does
        ("image", "caption", None, "caption"),  # the same kind of picture
        ("caption", "image", None, "image"),
    ],
)
def test_what_was_trained_is_no_zero_shot(inputs_of, targets_of, command, trained):
    path = combination(TASKS, inputs_of, targets_of, command)
    assert not path.zero_shot
    assert path.task is TASKS[trained]
    assert path.remark == f"this is what problem '{trained}' was trained on"


def test_german_to_french_was_not_trained():
    """Though one text modality serves all three languages."""
    path = combination(TASKS, "ende_rev", "enfr")
    assert path.zero_shot
    assert path.task.data_name == "ende" and path.task.reversed  # whose German is read


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("speach", "ende"), UnknownNameError, "'speach' (from --input_problem); did you mean 's"),
        (("speech", "fr"), UnknownNameError, "unknown problem of this model 'fr' (from --target_p"),
        (
            ("speech", "ende", "to_italian"),
            UnknownNameError,
            "unknown command of this model 'to_italian' (from --command)",
        ),
        (("speech", "ende", "to_class"), UnknownNameError, "unknown command of this model 'to_cl"),
        (
            ("speech", "image", "to_french"),
            UserError,
            "--command=to_french means nothing to problem 'image', whose targets are labels",
        ),
    ],
)
def test_what_the_model_cannot(arguments, error, message):
    with pytest.raises(error) as raised:
        combination(TASKS, *arguments)
    assert message in str(raised.value)


def test_a_path_is_the_input_side_of_one_and_the_target_side_of_the_other():
    """The logits are those of a model put together by hand."""
    loaded = toy_model()
    task = loaded.task_between("decoding_toy_speech", "decoding_toy_tree")
    assert task.name not in loaded.tasks
    model = loaded.model
    speech, tree = (model.route(f"decoding_toy_{kind}") for kind in ("speech", "tree"))
    assert model.route(task) == (("inputs",), speech.inputs, tree.target)
    assert model.command_id(task) == model.command_id("decoding_toy_tree")
    (spoken,) = loaded.decode(task, [wav(2)])
    # Speech is trained to give text with its own command; the tree's command gives another text.
    other = loaded.task_between("decoding_toy_speech", "decoding_toy_speech", "to_parse_tree")
    assert loaded.model.command_id(other) == loaded.model.command_id(task)
    assert loaded.score(task, [wav(2)], [spoken.output])[0] == pytest.approx(
        loaded.score(other, [wav(2)], [spoken.output])[0], abs=1e-5
    )


def test_trained_paths_give_the_trained_problem():
    loaded = toy_model()
    task = loaded.task_between("decoding_toy_class", "decoding_toy_caption")
    assert task is loaded.tasks["decoding_toy_caption"]
    assert loaded.decode(task, [png(1)]) == loaded.decode("decoding_toy_caption", [png(1)])
