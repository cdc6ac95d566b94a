"""The shapes world: problems over scenes of things in relations, generated, not downloaded.

    world      scenes of two things, and which split each belongs to
    languages  English, German and French;  trees  bracketed English
    picture    scene -> PNG;  phonemes, voice  English -> wav
    tasks      the problems, their shared vocabulary and the mixture `shapes8`
    crowd, crowd_picture        scenes of four to six things, and their pictures
    question_plans, questions   English questions about crowds, and their answers
    question_report             accuracy by type of question, and blind baselines

All but tasks know nothing of the toolkit and can be used alone.
"""

import t2t_mm.problems.shapes.tasks  # noqa: F401
