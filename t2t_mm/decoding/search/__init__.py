"""Searches: which tokens to write, given a function that scores the next one. Graph functions.

A search knows neither model nor vocabulary: contract.py says what it is given and what it gives.
It is a strategy (greedy.py writes one token after the other, beam.py keeps several prefixes alive)
with a way to choose (the likeliest, or sampling.py's draw), under conditions (conditions.py: a
prefix that outputs begin with, and the constraints of constraints.py). Scoring what is given needs
no search; see ../writing.py.

Importing this declares the built-in searches and imports no TensorFlow.
"""

from t2t_mm.registry import SEARCHES

SEARCHES.declare(
    "greedy",
    "t2t_mm.decoding.search.greedy:Greedy",
    "The likeliest token at every position: the default with beam_size=1.",
)
SEARCHES.declare(
    "beam",
    "t2t_mm.decoding.search.beam:Beam",
    "The best of beam_size prefixes by GNMT's length penalty: the default.",
)
SEARCHES.declare(
    "sampling",
    "t2t_mm.decoding.search.sampling:Sampling",
    "Draws num_decodes outputs: the default with sampling_method=random.",
)
