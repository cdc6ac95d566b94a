"""Making one run directory from another: averaged, cut to some problems, grown by others."""
