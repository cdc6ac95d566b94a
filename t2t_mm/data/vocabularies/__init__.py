"""Vocabularies of a data folder: built over all problems that name them, shared by name."""
