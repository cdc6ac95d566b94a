"""Problems declared in TOML (--problems_file): own data without code.

schema       TOML tables to typed records, every mistake one sentence
declaration  what a [problems.NAME] table says, checked;  source_tables  its sources' part of it
kinds        which kinds there are
source       rows of a file, held out, filtered and made samples;  problem  the Problem over them
loading      the whole file, registered

File formats are in data/readers/.
"""

from t2t_mm.problems_file.loading import load

__all__ = ["load"]
