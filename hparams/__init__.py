"""The built-in hparams sets; importing a module registers what it defines."""

import t2t_mm.hparams.gpt
import t2t_mm.hparams.lstm
import t2t_mm.hparams.multi_model
import t2t_mm.hparams.resnet
import t2t_mm.hparams.transformer  # noqa: F401
