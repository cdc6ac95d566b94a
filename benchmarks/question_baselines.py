"""How far one gets with the questions of the shapes world without looking, by type of question.

    python benchmarks/question_baselines.py --test=6000
    python benchmarks/question_baselines.py --answers=answered.tsv

Prints a Markdown table: the most frequent answer of the type; two models of the question alone
(the same question in training; its words); one of the picture alone. With --answers, a file of
lines "question<TAB>answer<TAB>prediction", a column of these predictions comes first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from t2t_mm.problems.shapes import question_report
from t2t_mm.problems.shapes.questions import examples, type_of


def answered(path: Path) -> dict[str, float]:
    """Accuracy by type of the file's predictions."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return question_report.accuracy_by_type(
        (type_of(question), answer, prediction) for question, answer, prediction in rows
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=48_000, help="training questions")
    parser.add_argument("--test", type=int, default=1_200, help="test questions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--answers", type=Path, help="a file of answers to be shown beside them")
    args = parser.parse_args()
    train = list(examples("train", args.train, args.seed))
    test = list(examples("test", args.test, args.seed))
    rows = {"model": answered(args.answers)} if args.answers else {}
    print(question_report.table({**rows, **question_report.blind_baselines(train, test)}, test))


if __name__ == "__main__":
    main()
