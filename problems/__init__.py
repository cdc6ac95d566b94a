"""The built-in problems; importing a module registers what it defines."""

import t2t_mm.problems.algorithmic
import t2t_mm.problems.common_voice
import t2t_mm.problems.glue
import t2t_mm.problems.image_imagenet
import t2t_mm.problems.image_ms_coco
import t2t_mm.problems.image_small
import t2t_mm.problems.languagemodel
import t2t_mm.problems.librispeech
import t2t_mm.problems.ljspeech
import t2t_mm.problems.parsing
import t2t_mm.problems.sentiment
import t2t_mm.problems.shapes
import t2t_mm.problems.summarize
import t2t_mm.problems.tagging
import t2t_mm.problems.translate_small
import t2t_mm.problems.translate_wmt
import t2t_mm.problems.wsj

# Last: it registers only what all members of are there.
import t2t_mm.problems.mixtures  # noqa: F401  isort: skip
