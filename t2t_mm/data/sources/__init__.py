"""Where raw data come from: readers of formats, TFDS, downloads, cleaning."""
