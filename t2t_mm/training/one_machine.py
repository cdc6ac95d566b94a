"""A training is one machine's: what asks for a cluster is refused, not ignored."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from t2t_mm.errors import UserError

VARIABLE = "TF_CONFIG"


def refuse_clusters(environment: Mapping[str, str] = os.environ) -> None:
    """Raises UserError if TF_CONFIG names a cluster of more than one task, or is no JSON object.

    Every task of such a cluster would train the whole run by itself.
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return
    try:
        config = json.loads(text)
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise UserError(
            f"the environment variable {VARIABLE} must be a JSON object, got {text!r}; correct it, "
            f"or unset it (unset {VARIABLE}): this version trains on one machine."
        )
    tasks = _tasks(config.get("cluster"))
    if len(tasks) > 1:
        raise UserError(
            f"the environment variable {VARIABLE} names a cluster of {len(tasks)} tasks "
            f"({', '.join(tasks)}), and this version trains on one machine, with all of its GPUs; "
            f"unset it (unset {VARIABLE}) and start one t2t-trainer on one of them."
        )


def _tasks(cluster: Any) -> list[str]:
    """The tasks as TensorFlow names them, "worker 0"; a job is a list of addresses or a table."""
    jobs = cluster if isinstance(cluster, dict) else {}
    return [
        f"{job} {index}"
        for job, addresses in jobs.items()
        if isinstance(addresses, (list, dict))
        for index in (addresses if isinstance(addresses, dict) else range(len(addresses)))
    ]
