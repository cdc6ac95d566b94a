"""BLEU of Chinese and Japanese: the tokeniser follows from the problem's target language."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import sacrebleu

from t2t_mm.data.binding import bind
from t2t_mm.decoding.combinations import combination
from t2t_mm.decoding.decoder import Decoded
from t2t_mm.decoding.splits import Answered
from t2t_mm.evaluation.baselines import Baseline
from t2t_mm.evaluation.metrics import Answers, compute, text
from t2t_mm.evaluation.metrics.text import bleu_tokenizer
from t2t_mm.evaluation.scoring import score
from t2t_mm.kinds import Text
from t2t_mm.lookup import find_problem
from t2t_mm.problem import Task
from t2t_mm.problems_file.loading import load
from t2t_mm.registry import PROBLEMS, VOCABULARIES

RIGHT = ["我们今天去北京看朋友。", "他说这本书非常有意思。"]
NEAR = ["我们今天去北京看老朋友。", "他说这本书非常有趣。"]
JAPANESE = ["私は昨日友達と東京へ行きました。"]
TEXT = Text("vocab.x", 300)


def sacrebleus(outputs: list[str], references: list[str], tokenizer: str) -> float:
    return sacrebleu.corpus_bleu(outputs, [references], tokenize=tokenizer).score


def test_near_perfect_chinese_is_not_zero() -> None:
    near = Answers(NEAR, [[one] for one in RIGHT], language="zh")
    value = compute(["bleu"], near)["bleu"].value
    assert value == sacrebleus(NEAR, RIGHT, "zh") > 70
    assert compute(["bleu"], NEAR, [[one] for one in RIGHT])["bleu"].value < 0.01
    assert "tok:zh" in compute(["bleu"], near)["bleu"].signature


@pytest.mark.parametrize(
    ("language", "tokenizer"),
    [("", "13a"), ("de", "13a"), ("zh", "zh"), ("zh-TW", "zh"), ("ZH_cn", "zh"), ("ko", "13a")],
)
def test_tokenizers(language: str, tokenizer: str) -> None:
    assert bleu_tokenizer(language) == tokenizer


def test_japanese_by_mecab_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    output, reference = JAPANESE[0].replace("昨日", "今日"), JAPANESE[0]
    answers = Answers([output], [[reference]], language="ja")
    if importlib.util.find_spec("MeCab") is None:
        assert compute(["bleu"], answers)["bleu"].value == sacrebleus([output], JAPANESE, "char")
    monkeypatch.setattr(text.importlib.util, "find_spec", lambda name: name)
    assert bleu_tokenizer("ja") == "ja-mecab"
    monkeypatch.setattr(text.importlib.util, "find_spec", lambda name: None)
    assert (bleu_tokenizer("ja"), bleu_tokenizer("zh")) == ("char", "zh")


def test_evaluation_and_its_baseline_go_by_the_task() -> None:
    task = Task("a", "a", TEXT, TEXT, "to_chinese", metrics=("bleu",), language="zh")
    answers = [
        Answered(i, "", right, (right,), None, Decoded(near, 0.0))
        for i, (right, near) in enumerate(zip(RIGHT, NEAR, strict=True))
    ]
    assert score(task, answers)["bleu"].value == sacrebleus(NEAR, RIGHT, "zh")
    trivial = Baseline(NEAR[0], 0.5, None, language="zh").decoded(["bleu"], [[r] for r in RIGHT])
    assert trivial["bleu"].value == sacrebleus([NEAR[0]] * 2, RIGHT, "zh")


def test_problems_and_their_reverse() -> None:
    chinese = find_problem("translate_enzh_wmt8k")
    assert (chinese.language, find_problem("translate_enzh_wmt8k_rev").language) == ("zh", "en")
    assert find_problem("translate_enzh_wmt8k_copy").language == "zh"
    assert find_problem("translate_ende_wmt8k").language == "de"


def test_a_task_remembers_and_one_of_before_is_read() -> None:
    task = Task("a", "a", TEXT, TEXT, "to_chinese", language="zh")
    stored = json.loads(json.dumps(task.to_dict()))
    assert Task.from_dict(stored) == task
    del stored["language"]
    assert Task.from_dict(stored).language == ""


def test_a_combination_has_the_language_of_its_command() -> None:
    english = Task("en", "a", TEXT, TEXT, "to_english", language="en")
    chinese = Task("zh", "b", TEXT, TEXT, "to_chinese", language="zh")
    tasks = {"en": english, "zh": chinese}
    assert combination(tasks, "en", "zh").task.language == "zh"
    assert combination(tasks, "en", "en", command="to_chinese").task.language == "zh"


def test_a_problems_file_says_the_language(tmp_path: Path) -> None:
    for side, lines in {"en": ["we", "he"], "zh": RIGHT}.items():
        (tmp_path / f"x.{side}").write_text("\n".join(lines * 20) + "\n", encoding="utf-8")
    (tmp_path / "p.toml").write_text(
        '[problems.file_enzh]\nkind = "text2text"\nformat = "text_lines"\nlanguage = "zh"\n'
        'reversed_language = "en"\nvocabulary = "vocab.file_enzh"\n'
        'train = { inputs = "x.en", targets = "x.zh" }\n'
        '[vocabularies."vocab.file_enzh"]\nsize = 340\n',
        encoding="utf-8",
    )
    try:
        load(str(tmp_path / "p.toml"))
        assert find_problem("file_enzh").language == "zh"
        assert find_problem("file_enzh_rev").language == "en"
        from t2t_mm.data.generation.api import generate

        generate(
            [find_problem("file_enzh")], tmp_path / "data", num_workers=1, log=lambda line: None
        )
        assert bind(find_problem("file_enzh"), tmp_path / "data").language == "zh"
    finally:
        PROBLEMS.remove("file_enzh")
        VOCABULARIES.remove("vocab.file_enzh")
