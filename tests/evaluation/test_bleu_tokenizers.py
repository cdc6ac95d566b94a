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
from t2t_mm.evaluation.metrics import Answers, compute, remarks_on, text
from t2t_mm.evaluation.metrics.captions import caption_words
from t2t_mm.evaluation.metrics.scripts import language_by_script
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
    german = Answers(NEAR, [[one] for one in RIGHT], language="de")
    assert compute(["bleu"], german)["bleu"].value < 0.01
    assert "tok:zh" in compute(["bleu"], near)["bleu"].signature


@pytest.mark.parametrize(
    ("language", "tokenizer"),
    [
        ("", "13a"), ("de", "13a"), ("zh", "zh"), ("zh-TW", "zh"), ("ZH_cn", "zh"), ("yue", "zh"),
        ("th", "char"), ("my-MM", "char"),
    ],
)  # fmt: skip
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
    assert bleu_tokenizer("ko") == "13a"  # which has spaces between words
    monkeypatch.setattr(text.importlib.util, "find_spec", lambda name: name)
    assert bleu_tokenizer("ko") == "ko-mecab"


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


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (RIGHT, "zh"),
        (JAPANESE, "ja"),
        (["東京タワー", "大学"], "ja"),
        (["우리는 오늘 서울에 간다."], "ko"),
        (["ฉันรักแมว"], "th"),
        (["ខ្ញុំស្រលាញ់ឆ្មា"], "km"),
        (["the word 猫 is Japanese for cat"], ""),
        (["我用 TensorFlow 训练 Transformer 模型"], "zh"),
        (["der Hund", "кошка", "γάτα", "قطة"], ""),
        (["123 !?"], ""),
        ([], ""),
    ],
)
def test_the_language_is_guessed_by_its_letters(texts: list[str], language: str) -> None:
    assert language_by_script(texts) == language


def test_right_answers_of_a_language_that_nobody_said_are_100_with_a_remark() -> None:
    score = compute(["bleu"], RIGHT, [[one] for one in RIGHT])["bleu"]
    assert score.value == pytest.approx(100)
    assert "tok:zh" in score.signature
    assert score.remarks == (
        "nobody said what the targets are written in; by their letters (as of 'zh') they are split "
        "by tok:zh; the problem's key language says it",
    )
    said = compute(["bleu"], Answers(RIGHT, [[one] for one in RIGHT], language="zh"))["bleu"]
    assert said.value == pytest.approx(100) and said.remarks == ()


def test_answers_too_short_for_four_words_are_0_with_a_remark() -> None:
    score = compute(["bleu"], ["der Hund", "die Katze"], [["der Hund"], ["die Katze"]])["bleu"]
    assert score.value == 0
    assert score.remarks == (
        "no output has 3 words as tok:13a splits them, so it is 0 whatever they say; chrf, cer or "
        "exact_match tell more",
    )
    long = ["der kleine rote Hund bellt"]
    assert compute(["bleu"], long, [long])["bleu"].remarks == ()


def test_metrics_of_words_split_writing_without_spaces() -> None:
    """Of 11 characters one is wrong: no metric of words takes the sentence for one wrong word."""
    right, near = RIGHT[0], RIGHT[0].replace("友", "人")
    scores = compute(["ter", "rouge_1", "wer", "cer"], [near], [[right]])
    theirs = sacrebleu.metrics.TER(normalized=True, asian_support=True)
    assert scores["ter"].value == theirs.corpus_score([near], [[right]]).score
    assert scores["ter"].value == pytest.approx(100 / 11)
    assert scores["rouge_1"].value == pytest.approx(9 / 10)  # punctuation is no word of captions
    assert scores["wer"].value == 1
    assert scores["wer"].remarks == ("a text without spaces counts as one word; take cer",)
    assert scores["cer"].value == pytest.approx(1 / 11)
    assert remarks_on(scores) == ["wer: a text without spaces counts as one word; take cer"]
    assert caption_words("Ein T-Shirt, 猫です") == ["ein", "t-shirt", "猫", "で", "す"]
