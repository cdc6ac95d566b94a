"""What samples of a sound may be, for the reader of files and the one inside of graphs."""

from __future__ import annotations

FULL_SCALE = 32768  # of a 16-bit sample

# Loud passages of a float file may lie a little beyond full scale, and players clip them. What lies
# far beyond was written in another scale, mostly that of 16-bit samples.
LOUD = 2.0  # times full scale, if a large share of the samples lies beyond full scale
LOUD_SHARE = 0.01
ABSURD = 100.0  # times full scale, for a single sample
