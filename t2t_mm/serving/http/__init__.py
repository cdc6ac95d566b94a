"""The server: routes, batching, versions; it knows exports, not models."""
