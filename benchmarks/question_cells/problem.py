"""`question_cells`: the questions of question_shapes, with cells in place of images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from question_cells.cells import Cells, vectors_of
from t2t_mm.kinds import Label, Text
from t2t_mm.problem import Sample, Split
from t2t_mm.problems.shapes import questions
from t2t_mm.problems.shapes.tasks import VOCABULARY, QuestionShapes, ShapesProblem
from t2t_mm.registry import register_problem


@register_problem("question_cells")
class QuestionCells(ShapesProblem):
    """Nine cells and an English question to one word (23 classes)."""

    command = "to_label"
    metrics = ("accuracy",)
    labels = questions.ANSWERS
    examples = QuestionShapes.examples

    def __init__(self, name: str):
        super().__init__(name)
        self.inputs = {"inputs": Cells(), "question": Text(VOCABULARY)}
        self.targets = Label(self.labels, name)

    def generate_samples(self, split: Split, tmp_dir: Path, seed: int) -> Iterator[Sample]:
        split = Split(split)
        for one in questions.examples(split.value, self.examples[split], seed):
            yield {
                "inputs": vectors_of(one.scene),
                "question": one.question,
                "targets": one.answer,
            }
