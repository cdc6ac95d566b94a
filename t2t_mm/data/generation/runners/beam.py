"""Work items on Apache Beam: DirectRunner, Flink, Spark, Dataflow."""

from __future__ import annotations

from collections.abc import Sequence

from t2t_mm.data.generation.runners import Cluster
from t2t_mm.data.generation.runners.items import run_item
from t2t_mm.errors import UserError


def check(cluster: Cluster) -> None:
    """Checks that the pipeline can be started.

    Raises:
      UserError: if Apache Beam is not installed or its options are not understood.
    """
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise UserError(
            f"--runner={cluster.runner} needs Apache Beam ({error}); install the extra: "
            "pip install 't2t_mm[beam]'."
        ) from None
    named = [option for option in cluster.options if option.partition("=")[0] == "--runner"]
    if named:
        raise UserError(
            f"--beam_pipeline_options got {named[0]}; name the runner in t2t-datagen's --runner."
        )
    try:
        PipelineOptions(_options(cluster)).get_all_options()
    except SystemExit:  # argparse's way
        raise UserError(
            f"--beam_pipeline_options got {' '.join(cluster.options)}, which Apache Beam does not "
            "understand; its reason stands above."
        ) from None


def launch(items: Sequence[bytes], cluster: Cluster) -> None:
    """Runs every item, and returns when all ran.

    Args:
      items: see items.pack_item.
      cluster: the runner and its options.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    pipeline = beam.Pipeline(options=PipelineOptions(_options(cluster)))
    (
        pipeline
        | "items" >> beam.Create(list(items), reshuffle=False)
        | "spread" >> beam.Reshuffle()  # else a runner may fuse all items into one worker's bundle
        | "write shards" >> beam.Map(run_item)
    )
    result = pipeline.run()
    try:
        result.wait_until_finish()
    except KeyboardInterrupt:
        result.cancel()
        raise


def _options(cluster: Cluster) -> list[str]:
    options = [f"--runner={cluster.runner}", *cluster.options]
    names = {option.partition("=")[0] for option in options}
    if cluster.runner == "DirectRunner" and not names & {"--direct_num_workers"}:
        count = cluster.workers or 1
        options.append(f"--direct_num_workers={count}")
        if count > 1 and "--direct_running_mode" not in names:
            options.append("--direct_running_mode=multi_processing")
    return options


def parse_options(text: str | None) -> tuple[str, ...]:
    """ "a=b,--c" as TFDS takes it, to ("--a=b", "--c")."""
    parts = (part.strip().lstrip("-") for part in (text or "").split(","))
    return tuple(f"--{part}" for part in parts if part)
