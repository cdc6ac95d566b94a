"""A trained model as a SavedModel, and a server for it. The server needs no model's code."""
