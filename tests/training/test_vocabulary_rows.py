"""A warm start with another vocabulary: rows of kept pieces, wherever they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.kinds.vocabulary import Vocabulary
from t2t_mm.runs.checkpoints import write_beginning
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.training.warm_start import warm_start

WIDTH = 3
OLD, NEW = ["aa", "b", "cc"], ["cc", "dd", "aa", "ee"]


def vocabulary(name: str, words: list[str]) -> Vocabulary:
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto()
    types = model.SentencePiece
    special = [("<pad>", types.CONTROL), ("</s>", types.CONTROL), ("<unk>", types.UNKNOWN)]
    bytes_ = [(f"<0x{byte:02X}>", types.BYTE) for byte in range(256)]
    for piece, kind in [*special, *bytes_, *((word, types.NORMAL) for word in words)]:
        model.pieces.add(piece=piece, score=0.0, type=kind)
    spec = model.trainer_spec
    spec.pad_id, spec.eos_id, spec.unk_id, spec.bos_id, spec.byte_fallback = 0, 1, 2, -1, True
    spec.model_type = spec.BPE
    return Vocabulary(model.SerializeToString(), name)


def record(*vocabularies: Vocabulary) -> RunRecord:
    digests = {one.name: one.digest for one in vocabularies}
    return RunRecord("m", "h", {}, {}, 0, digests, 1)


def shapes(name: str, size: int) -> dict[str, tuple[int, int]]:
    begin = f"joint/text.{name}.{WIDTH}"
    return {f"{begin}/embedding": (size, WIDTH), f"{begin}/softmax": (WIDTH, size)}


@pytest.mark.parametrize("new_name", ["vocab.x", "vocab.y"])  # the same name, or the only one
def test_kept_pieces_are_carried_over(tmp_path: Path, new_name: str) -> None:
    old, new = vocabulary("vocab.x", OLD), vocabulary(new_name, NEW)
    rng = np.random.default_rng(0)
    values = {p: rng.normal(size=s).astype("f") for p, s in shapes("vocab.x", old.size).items()}
    values["joint/body"] = np.float32([7.0])
    write_beginning(tmp_path, 0, values, {}, {})
    record(old).write(tmp_path)
    (tmp_path / "vocab").mkdir()
    (tmp_path / "vocab" / "vocab.x.model").write_bytes(old.model)

    wanted = {path: tf.Variable(-tf.ones(s)) for path, s in shapes(new_name, new.size).items()}
    wanted["joint/body"] = tf.Variable([0.0])
    started = warm_start(str(tmp_path), wanted, record(new), {new.name: new})
    embedding, softmax = (v.numpy() for v in list(wanted.values())[:2])
    before, columns = list(values.values())[:2]
    base = 259
    np.testing.assert_array_equal(embedding[:base], before[:base])  # control and byte pieces
    np.testing.assert_array_equal(
        embedding[base:], [before[base + 2], [-1] * 3, before[base], [-1] * 3]
    )
    np.testing.assert_array_equal(softmax[:, base + 2], columns[:, base])
    np.testing.assert_array_equal(softmax[:, base + 1], [-1] * 3)
    (rows,) = started.rows
    assert (rows.kept, rows.added, rows.dropped) == (base + 2, 2, 1)
    assert started.matched == ("joint/body",) and started.missing == started.unused == ()
    line = f"vocabulary vocab.x -> {new_name}: 261 pieces kept, 2 new, 1 dropped, in joint/text."
    assert line in started.report() and "WARNING" not in started.report()


def test_without_the_old_file_the_report_warns(tmp_path: Path) -> None:
    old, new = vocabulary("vocab.x", OLD), vocabulary("vocab.x", ["aa", "b", "dd"])
    values = {path: np.ones(s, "f") for path, s in shapes("vocab.x", old.size).items()}
    write_beginning(tmp_path, 0, values, {}, {})
    record(old).write(tmp_path)
    wanted = {path: tf.Variable(tf.zeros(s)) for path, s in shapes("vocab.x", new.size).items()}
    report = warm_start(str(tmp_path), wanted, record(new), {new.name: new}).report()
    assert "embeddings stand for other words: vocab.x" in report
