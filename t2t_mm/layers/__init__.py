"""The layers of bodies and modalities: they take plain numbers and know no hparams, no problems."""
