"""Classes, a language model, summaries and an algorithmic task: trained together, then used."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from t2t_mm.data.generation.api import generate
from t2t_mm.lookup import find_problems
from t2t_mm.problem import Split
from t2t_mm.problems.algorithmic import AlgorithmicProblem
from t2t_mm.provenance import DataAccess
from tests.data.tfds_folders import prepared
from tests.problems.named import SENTENCES, TINY, trained

MODEL, TASK = "languagemodel_lm1b32k", "algorithmic_reverse_binary40"
NAMES = (TASK, MODEL, "sentiment_imdb", "summarize_cnn_dailymail32k")


def raw_data(tfds: Path) -> None:
    prepared(tfds, "lm1b", "1.1.0", {
        "train": [{"text": s} for s in SENTENCES], "test": [{"text": s} for s in SENTENCES * 5],
    })  # fmt: skip
    reviews = [{"text": s, "label": ("neg", "pos")[i % 2]} for i, s in enumerate(SENTENCES)]
    prepared(tfds, "imdb_reviews", "1.0.0", {"train": reviews, "test": reviews[:4]},
             "plain_text", {"label": ("neg", "pos")})  # fmt: skip
    news = [{"article": f"{s}. {s}.", "highlights": f"{s} ."} for s in SENTENCES]
    prepared(tfds, "cnn_dailymail", "3.4.0",
             {"train": news, "validation": news[:4], "test": news[:4]})  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Path]:
    """What training returned, the loaded model, and the folder."""
    folder = tmp_path_factory.mktemp("text")
    raw_data(folder / "tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AlgorithmicProblem, "cases", {Split.TRAIN: 60, Split.DEV: 4})
        patch.setattr(AlgorithmicProblem, "longest", {Split.TRAIN: 20, Split.DEV: 20})
        generate(
            find_problems(",".join(NAMES)),
            folder / "data",
            folder / "raw",
            num_workers=1,
            num_shards=1,
            shared_vocab="vocab.tiny:600",
            access=DataAccess(tfds_data_dir=str(folder / "tfds"), offline=True),
            log=lambda line: None,
        )
        result, model = trained(NAMES, f"{TINY},label_smoothing=0.1", folder)
    return result, model, folder


def test_training_decodes_what_has_inputs(run) -> None:
    result, _, _ = run
    assert set(result.metrics) == set(NAMES)
    assert {"rouge_1", "rouge_2", "rouge_l"} <= set(result.metrics[NAMES[-1]])
    assert "exact_match" in result.metrics[TASK]
    figures = result.metrics[MODEL]
    assert set(figures) == set(result.metrics[TASK]) - {"exact_match", "cer"}
    assert math.isfinite(figures["neg_log_perplexity"])


def test_answers(run) -> None:
    _, model, _ = run
    (answer,) = model.decode("sentiment_imdb", [SENTENCES[0]])
    assert {one.output for one in answer.alternatives} == {"neg", "pos"}
    for name, text in ((TASK, "0110"), (NAMES[-1], SENTENCES[0]), (MODEL, "")):
        (answer,) = model.decode(name, [text], "beam_size=1,extra_length=4")
        assert isinstance(answer.output, str) and answer.score < 0


def test_a_session_answers_an_empty_line_and_continues_a_text(run) -> None:
    from t2t_mm.decoding.interactive import Session
    from t2t_mm.decoding.settings import DecodeSettings

    _, model, _ = run
    said: list[str] = []
    settings = DecodeSettings(beam_size=1, extra_length=4)
    session = Session(model, settings, say=said.append)
    session.run([f"pr={MODEL}", "", "a beginning", f"pr={TASK}", ""])
    assert said[0] == f"{MODEL}: give the beginning of a text, or an empty line"
    assert "(log-probability " in said[1]
    assert said[2].startswith("  a beginning") and "(log-probability " in said[2]
    assert len(said) == 4  # an empty line asks nothing of the other


def test_a_split_of_a_language_model_is_not_answered(
    run, capsys: pytest.CaptureFixture[str]
) -> None:
    from t2t_mm.bin import t2t_decoder
    from t2t_mm.bin.command_line import exit_status

    folder = run[2]
    flags = [f"--output_dir={folder}/run", f"--data_dir={folder}/data", f"--problem={MODEL}"]
    assert exit_status(t2t_decoder.main, [*flags, "--decode_split=dev"]) == 2
    assert "is a language model: there is nothing to answer in a split" in capsys.readouterr().err


def test_perplexity_is_that_of_the_scored_texts(run) -> None:
    from t2t_mm.evaluation.evaluate import evaluate
    from t2t_mm.evaluation.report import report_table, series_table

    _, model, folder = run
    (report,) = evaluate(model, folder / "data", [MODEL])
    texts = [one.targets for one in report.answers]
    assert sorted(texts) == sorted(SENTENCES[:4])  # 2 % of 200
    assert report.decoded == {} and report.baseline_decoded == {}
    total = sum(model.score(MODEL, [""] * len(texts), texts))
    words = sum(len(text.split()) + 1 for text in texts)
    figures = report.teacher_forced
    assert figures["perplexity_per_word"] == pytest.approx(math.exp(-total / words), rel=1e-4)
    tokens = sum(len(one.ids) for one in report.answers)
    assert figures["perplexity_per_token"] == pytest.approx(math.exp(-total / tokens), rel=1e-4)
    assert "perplexity_per_word (teacher-forced)" in report_table([report])
    assert f"{figures['perplexity_per_word']:.4f}" in series_table({20: [report]})
