"""From shards to batches: selection, order, bucketing, features."""
