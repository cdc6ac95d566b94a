"""Files that several processes share: written whole or not at all, and locked while one writes."""
