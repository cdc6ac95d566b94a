"""From a trained model to answers: search, loading, input files, metrics and their tables."""
