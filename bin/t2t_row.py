"""A row of the table of Tensor2Tensor's flags, and its kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from absl import flags

TRAINER, DECODER, DATAGEN = "t2t-trainer", "t2t-decoder", "t2t-datagen"

Does = Literal["works", "maps", "no effect", "refused"]


@dataclass(frozen=True)
class Flag:
    """A flag of Tensor2Tensor's.

    Attributes:
      name: as it has it.
      says: what it does here, or what to give instead; a clause.
      does: "works": declared by the command; "maps": `apply` sets ours; "no effect": taken, with
        a note; "refused", unless it asks for nothing (see `harmless`).
      kind: of its value.
      harmless: values that a refused flag may have, or that need no note: T2T's default.
      apply: of a flag that maps: changes the command's flags.
    """

    name: str
    says: str = ""
    does: Does = "works"
    kind: type = str
    harmless: tuple[Any, ...] = ()
    apply: Callable[[flags.FlagValues, Any], None] | None = None


def works(*names: str) -> list[Flag]:
    return [Flag(name, _SAME.get(name, "the same")) for name in names]


# Of flags that work: what differs a little.
_SAME = {
    "problem": "the same; also --problems, a list",
    "model": "the same; t2t-decoder reads it from the run",
    "hparams_set": "the same; t2t-decoder reads it from the run",
    "hparams": "the same, and --hp_NAME=VALUE; t2t-decoder reads them from the run",
    "train_steps": "the same; by default the hparam train_steps",
    "eval_steps": "the same, of each problem; by default 10 (T2T: 100)",
    "keep_checkpoint_max": "the same; by default 5 (T2T: 20)",
    "keep_checkpoint_every_n_hours": "the same; by default never (T2T: 10000)",
    "save_checkpoints_secs": "the same, besides the checkpoints of evaluations",
    "schedule": "the same; see below",
    "random_seed": "the same; by default 0",
    "output_dir": "the same; by default ~/t2t_train/PROBLEMS/MODEL-SET",
    "worker_gpu": "the same; by default all GPUs that are visible",
    "log_step_count_steps": "the same, of each problem",
    "eval_timeout_mins": "of the schedules that follow a run",
    "decode_reference": "the same: prints BLEU, by t2t-bleu",
    "max_cases": "the same, and of every problem",
    "num_shards": "the same, and of every problem: the train split's",
    "checkpoint_path": "the same; also latest and best",
    "score_file": "the same; writes FILE.<model>...scores",
    "min_length_ratio": "tokens of an answer at least, as a multiple of its input's",
    "eos_penalty": "taken off the log-probability of an answer's end",
    "batch_size": "inputs together; by default as many as fit",
    "extra_length": "the same; by default 50 (T2T: 100)",
}


def idle(name: str, says: str, kind: type = str, *harmless: Any) -> Flag:
    return Flag(name, says, "no effect", kind, harmless)


def refused(name: str, says: str, kind: type = str, *harmless: Any) -> Flag:
    return Flag(name, says, "refused", kind, harmless)


def maps(
    name: str, says: str, apply: Callable[[flags.FlagValues, Any], None], kind: type = str
) -> Flag:
    return Flag(name, says, "maps", kind, (), apply)
