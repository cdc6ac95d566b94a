"""A trained model as a SavedModel that needs no t2t_mm."""
