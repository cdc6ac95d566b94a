"""Runners of passes beyond this machine: those of Apache Beam. See docs/large_data.md.

items     a pass as a unit of work that may run anywhere, and the driver that follows it
receipts  how finished shards are told over a shared disk
beam      the pipeline
"""

from __future__ import annotations

from dataclasses import dataclass

LOCAL = "local"
RUNNERS = (LOCAL, "DirectRunner", "FlinkRunner", "SparkRunner", "DataflowRunner")


@dataclass(frozen=True)
class Cluster:
    """The runner to use, and its options.

    Attributes:
      runner: one of RUNNERS, not "local".
      options: Beam's pipeline options, "--name=value" each.
      workers: the least number of work items of each split; None for as many as are cheap.
    """

    runner: str
    options: tuple[str, ...] = ()
    workers: int | None = None
