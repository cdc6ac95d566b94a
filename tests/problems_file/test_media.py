"""Problems over sounds and pictures."""

from __future__ import annotations

import json
from pathlib import Path

from t2t_mm import lookup
from t2t_mm.kinds import Audio, Image, Text
from t2t_mm.problem import Split
from tests.problems_file.written_files import load, samples, write


def test_media_of_each_kind(tmp_path: Path) -> None:
    for name in ("a/1.wav", "b/2.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    write(tmp_path, t_tsv="file\ttranscript\na/1.wav\tOne\n", c_csv="file,label\na/1.wav,Two\n")
    load(
        tmp_path,
        """
        [problems.words]
        kind = "speech2class"
        format = "class_folders"
        sample_rate = 8000
        train = { path = ".", files = "*.wav" }
        [problems.speech]
        kind = "speech2text"
        format = "wav_table"
        lowercase = true
        train = { path = "t.tsv", folder = "." }
        [problems.caption]
        kind = "image2text"
        format = "image_table"
        image_size = 64
        train = { path = "c.csv", folder = "." }
        """,
    )
    words, speech, caption = map(lookup.find_problem, ("words", "speech", "caption"))
    assert words.inputs == Audio(8000)
    assert words.labels == ("a", "b")
    assert (words.command, words.metrics) == ("to_label", ("accuracy",))
    assert (speech.inputs, speech.targets) == (Audio(16_000), Text("vocab.speech"))
    assert caption.inputs == Image(64, flip=False)
    assert samples("speech")[0]["inputs"]() == b"a/1.wav"
    assert [s["targets"] for name in ("speech", "caption") for s in samples(name)] == ["one", "Two"]


def test_captions_carry_references_in_the_held_out_part_only(tmp_path: Path) -> None:
    images = [{"id": i, "file_name": f"{i}.jpg"} for i in range(40)]
    notes = [{"image_id": i % 40, "caption": f"Caption {i}"} for i in range(80)]
    write(tmp_path, c_json=json.dumps({"images": images, "annotations": notes}))
    for i in range(40):
        (tmp_path / f"{i}.jpg").touch()
    load(
        tmp_path,
        """
        [problems.c]
        kind = "image2text"
        format = "coco"
        train = { annotations = "c.json", pictures = "." }
        holdout = { dev = 0.3 }
        """,
    )
    train, dev = samples("c"), samples("c", Split.DEV)
    assert 0 < len(dev) < 40
    assert len(train) == 2 * (40 - len(dev))
    assert all("references" not in sample for sample in train)
    assert all(len(s["references"]) == 2 and s["targets"] == s["references"][0] for s in dev)
    pictures = [{sample["inputs"].__self__ for sample in part} for part in (train, dev)]
    assert not pictures[0] & pictures[1]
