"""From a problem's samples to shards, and from shards to batches. Nothing is imported here."""
