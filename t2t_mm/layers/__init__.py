"""Layers that bodies and modalities are made of: they take plain numbers and know no hparams or problems."""
