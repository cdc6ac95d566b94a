"""Kinds of data as objects: how each is stored, batched, fed and predicted."""
