"""Into how many shares a batch is cut; runs/cores.py says why, docs/optimizers.md when it pays.

The number is part of a run as its batch size is: it decides which random numbers dropout draws and
in what order gradients are added. So it is chosen by rule and not by a stopwatch, written down in
run.json, and kept when the run goes on elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from t2t_mm.errors import HParamError
from t2t_mm.hparam import HParams
from t2t_mm.models.body import Body
from t2t_mm.models.joint import JointModel
from t2t_mm.runs.checkpoints import exists
from t2t_mm.runs.cores import count_cores
from t2t_mm.runs.run_record import RunRecord
from t2t_mm.runs.share_seeds import ShareSeeds

AUTOMATIC = 0
_MOST = 4  # beyond it shares are thin, and their gradients many
_SMALL = 256  # channels up to which operations are too short to be worth several threads each


def with_shares(hparams: HParams, body_class: type[Body], output_dir: Path) -> HParams:
    """The hparams with a number of shares: what they say, or the run did, or what pays.

    As many as cores pay where operations are short, and 1 elsewhere.

    Args:
      hparams: batch_shares, hidden_size.
      body_class: of the model.
      output_dir: of a run that may have begun.
    """
    if hparams.batch_shares != AUTOMATIC:
        return hparams
    if exists(output_dir):
        shares = RunRecord.read(output_dir).batch_shares
    elif body_class.independent_examples and hparams.hidden_size <= _SMALL:
        shares = min(_MOST, count_cores())
    else:
        shares = 1
    return hparams.replace(batch_shares=shares)


def refuse_shares(shares: int, model: JointModel, devices: int) -> None:
    """Raises HParamError if batches of the model cannot be cut into shares."""
    if reason := _why_not(model, devices):
        raise HParamError(f"hparam 'batch_shares' is {shares}, but {reason}; set it to 1.")


def _why_not(model: JointModel, devices: int) -> str | None:
    """Why batches are computed as a whole, as the end of a sentence; None if they need not be."""
    if devices > 1:
        return f"there are {devices} devices, each of which takes a batch of its own"
    if len(model.body.objectives()) > 1:
        return "the model has several objectives, which take turns within a step"
    seeds = model.body.seed_generator
    if not isinstance(seeds, ShareSeeds):
        return "the body does not draw from the seed generator that it was given"
    moved = [v.path for v in model.non_trainable_variables if v is not seeds.state]
    if moved or not model.body.independent_examples:
        names = f" ({moved[0]}, for one)" if moved else ""
        return f"examples of a batch depend on one another in this model{names}"
    return None
