"""From a problem's samples to shards: parallel, resumable, the same bytes for the same seed."""
