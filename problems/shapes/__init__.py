"""The shapes world: eight problems over scenes of two things, generated, not downloaded.

    world      scenes, and which split each belongs to
    languages  English, German and French;  trees  bracketed English
    picture    scene -> PNG;  phonemes, voice  English -> wav
    tasks      the problems, their shared vocabulary and the mixture `shapes8`

All but tasks know nothing of the toolkit and can be used alone.
"""

import t2t_mm.problems.shapes.tasks  # noqa: F401
