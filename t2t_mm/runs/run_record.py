"""run.json: what a run was trained on and with, enough to resume it or to decode from it."""

from __future__ import annotations

import dataclasses
import json
import platform
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t2t_mm.errors import CheckpointError, UserError
from t2t_mm.files import json_fields
from t2t_mm.files.paths import literal_path
from t2t_mm.files.writing import rewrite
from t2t_mm.hparam import HParams
from t2t_mm.kinds import first_edition
from t2t_mm.problem import Task
from t2t_mm.registry import HPARAMS
from t2t_mm.version import __version__

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

FILE = "run.json"
VOCABULARIES = "vocab"  # the run directory's folder of vocabulary copies

# Fields of the hparams that may differ between a run and its continuation.
_FREE = frozenset(
    {
        *("train_steps", "keep_best_metric", "early_stopping_evals", "early_stopping_delta"),
        "eval_max_length",
    }
)
# Likewise of a problem: training does not read how its outputs are scored.
_FREE_OF_TASKS = frozenset({"metrics", "language"})


@dataclass(frozen=True)
class RunRecord:
    """The contents of run.json.

    Attributes:
      model: the registered name of the body.
      hparams_set: the registered name of the set.
      hparams: every value, overrides applied.
      tasks: problem name -> Task.to_dict().
      seed: --random_seed.
      vocabularies: vocabulary name -> digest of its file.
      train_steps: steps in all, of the latest command.
      data: data name -> digest of its training shards.
      command: the latest command line.
      versions: of t2t_mm, Python and the libraries that a result may depend on.
      origin: what the run was averaged, cut or grown from; {} for one that began by itself.
      devices: on how many the latest command trained; None where nobody knows.
      reported: the last step whose report at the end of the run is written; 0 for none yet, None
        where nobody knows.
    """

    model: str
    hparams_set: str
    hparams: dict[str, Any]
    tasks: dict[str, dict[str, Any]]
    seed: int
    vocabularies: dict[str, str]
    train_steps: int
    data: dict[str, str] = field(default_factory=dict)
    command: str = field(default_factory=lambda: shlex.join(sys.argv))
    versions: dict[str, str] = field(default_factory=lambda: versions())
    origin: dict[str, Any] = field(default_factory=dict)
    devices: int | None = None
    reported: int | None = None

    @property
    def batch_shares(self) -> int:
        """The hparam; a run whose record does not name it took its batches whole."""
        return int(self.hparams.get("batch_shares", 1))

    def write(self, output_dir: Path) -> None:
        """Writes run.json in one step."""
        rewrite(output_dir / FILE, json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, output_dir: Path) -> Self:
        """Reads a run directory's record.

        Raises:
          UserError: if TensorFlow could not read its checkpoints by this path.
          CheckpointError: if there is none, or it is not one of ours.
        """
        path = literal_path(output_dir, "--output_dir") / FILE
        if not path.is_file():
            raise CheckpointError(
                f"'{output_dir}' is no run directory: it has no {FILE}; "
                "give --output_dir the folder that t2t-trainer wrote."
            )
        try:
            return json_fields.record(cls, json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, RecursionError) as cause:
            raise CheckpointError(f"{path} cannot be read as a run's record: {cause}.") from cause

    def bound(self, output_dir: Path) -> tuple[list[Task], HParams]:
        """The tasks, sorted by name, and the hparams of the run in `output_dir`.

        Raises:
          CheckpointError: if they have fields, or a set, that this t2t_mm does not know.
        """
        try:
            return self.bound_tasks(), self.bound_hparams()
        except (UserError, LookupError, TypeError, ValueError, AttributeError) as cause:
            raise CheckpointError(
                f"{output_dir}/{FILE} does not fit this t2t_mm ({cause}); load it with the version "
                f"that wrote it ({self.versions.get('t2t_mm')}), its --t2t_usr_dir included."
            ) from cause

    def bound_tasks(self) -> list[Task]:
        """The tasks, sorted by name."""
        return [Task.from_dict(self.tasks[name]) for name in sorted(self.tasks)]

    def bound_hparams(self) -> HParams:
        """The hparams, as the class of the registered set.

        In the first edition problems named the networks of their data; they are hparams now.

        Raises:
          CheckpointError: if problems of the first edition name several for one kind of data.
        """
        hparams = type(HPARAMS.get(self.hparams_set)()).from_dict(self.hparams)
        for name, modalities in first_edition.networks(self.tasks).items():
            if len(modalities) > 1:
                raise CheckpointError(
                    f"its problems read one kind of data by several networks "
                    f"({', '.join(sorted(modalities))}), and a run has one hparam '{name}' now; "
                    "train it anew (t2t-trainer with another --output_dir)."
                )
            hparams = hparams.replace(**{name: next(iter(modalities))})
        return hparams


def changes(old: RunRecord, new: RunRecord) -> list[str]:
    """The changes that a resumed run would make, e.g. "hparam dropout: 0.1 -> 0.2"."""
    found = [
        f"{name}: {getattr(old, name)} -> {getattr(new, name)}"
        for name in ("model", "seed")
        if getattr(old, name) != getattr(new, name)
    ]
    before, after = (_filled(record) for record in (old, new))
    found += _mapping_changes("hparam ", before, after, _FREE)
    found += [f"problem {name} left out" for name in sorted(old.tasks.keys() - new.tasks.keys())]
    found += [f"problem {name} added" for name in sorted(new.tasks.keys() - old.tasks.keys())]
    for name in sorted(old.tasks.keys() & new.tasks.keys()):
        before, after = (_whole(r.tasks[name]) for r in (old, new))
        found += _mapping_changes(f"problem {name}: ", before, after, _FREE_OF_TASKS)
    found += _mapping_changes("vocabulary ", old.vocabularies, new.vocabularies)
    if old.tasks.keys() == new.tasks.keys():
        found += _mapping_changes("training data ", old.data, new.data)
    return found


def _whole(task: dict[str, Any]) -> dict[str, Any]:
    """A task with all fields; one that came after the record was written has its default.

    The preparation of texts is left out: training reads data that are prepared already.
    """
    found = json.loads(json.dumps(Task.from_dict(task).to_dict()))
    for kind in (*found["inputs"].values(), found["targets"]):
        kind.pop("preparation", None)
    return found


def _filled(record: RunRecord) -> dict[str, Any]:
    """All hparams; one that came after the record was written has its default: no change."""
    try:
        return record.bound_hparams().to_dict()
    except UserError:  # of another version, or of a set that is not registered here
        return record.hparams


def _mapping_changes(
    kind: str, old: Mapping[str, Any], new: Mapping[str, Any], free: frozenset[str] = frozenset()
) -> list[str]:
    names = sorted((old.keys() | new.keys()) - free)
    return [
        f"{kind}{name}: {old.get(name)} -> {new.get(name)}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def refuse_changes(output_dir: Path, old: RunRecord, new: RunRecord) -> None:
    """Raises CheckpointError, naming every change, unless `new` continues `old` exactly."""
    found = changes(old, new)
    if found:
        raise CheckpointError(
            f"{output_dir} holds a run with other settings: {'; '.join(found)}. To go on with it, "
            "give its settings again; to train with the new ones, give another --output_dir, and "
            f"--warm_start_from={output_dir} to begin with its weights."
        )


def refuse_other_devices(output_dir: Path, old: RunRecord, devices: int | None) -> None:
    """Raises CheckpointError unless a run goes on with as many devices as before.

    Each device takes a batch of its own at every step: another number is another batch size.
    """
    if old.devices is None or devices is None or old.devices == devices:
        return
    raise CheckpointError(
        f"{output_dir} holds a run that takes a batch on each of {_count(old.devices)} at every "
        f"step, and {_count(devices)} can be seen here, so that its batches would change; make "
        f"{_count(old.devices)} visible (CUDA_VISIBLE_DEVICES), or give another --output_dir with "
        f"--warm_start_from={output_dir} to begin with its weights."
    )


def _count(devices: int) -> str:
    return "1 device" if devices == 1 else f"{devices} devices"


def versions() -> dict[str, str]:
    """The versions of what a result may depend on."""
    import keras
    import tensorflow as tf

    return {
        "t2t_mm": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
