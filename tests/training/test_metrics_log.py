"""metrics.jsonl: its lines, and cutting it back to where a run begins again."""

from __future__ import annotations

import json
import math
from pathlib import Path

from t2t_mm.training.metrics_log import FILE, MetricsLog, read, truncate_after
from t2t_mm.training.step_stats import FIELDS, StepStats


def test_lines_and_events(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path, 0)
    log.write(100, "train", "image_shapes", {"loss": 1.25, "accuracy": math.nan})
    log.close()
    assert json.loads((tmp_path / FILE).read_text()) == {
        "step": 100,
        "split": "train",
        "problem": "image_shapes",
        "metrics": {"loss": 1.25, "accuracy": None},
    }
    assert list((tmp_path / "tb" / "train").glob("events.out.tfevents.*"))


def test_cut_back_drops_later_and_half_written_lines(tmp_path: Path) -> None:
    path = tmp_path / FILE
    lines = [{"step": step, "split": "train", "problem": "p", "metrics": {}} for step in (1, 2, 3)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 2, "spl')
    truncate_after(path, 2)
    assert list(read(path)) == lines[:2]
    truncate_after(path, 0)
    assert path.read_text() == ""
    truncate_after(tmp_path / "none.jsonl", 0)


def test_tally_means_and_its_state() -> None:
    reports = {
        "loss": (10.0, 20.0), "weight": (5.0, 10.0), "aux": (0.1, 0.3), "correct": (1.0, 2.0),
        "examples": (2.0, 4.0), "real": (30.0, 60.0), "padded": (40.0, 80.0), "norm": (1.0, 3.0),
    }  # fmt: skip
    tally = StepStats()
    for i in range(2):
        tally = StepStats(json.loads(json.dumps(tally.state())))
        tally.add([reports[name][i] for name in FIELDS], seconds=1.5)
    found = tally.metrics()
    wanted = {
        "loss": 2.0, "accuracy": 0.2, "aux_loss": 0.2, "gradient_norm": 2.0,
        "padding_share": 0.25, "examples_per_second": 2.0, "tokens_per_second": 30.0,
    }  # fmt: skip
    assert all(math.isclose(found[name], value) for name, value in wanted.items())
    assert found.keys() == wanted.keys() and tally.steps == 2
