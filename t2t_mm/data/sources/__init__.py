"""Sources of raw data: readers of formats, TFDS, downloads, cleaning."""
