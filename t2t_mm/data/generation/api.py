"""Makes the data of problems: vocabularies, then shards, in parallel, going on where a run stopped.

preparation  what is asked for against what is there;  vocabulary_building
plan         the missing shards, cut into passes
workers      runs them in this process or several;  passes  one of them
runners      runs them on Apache Beam

A process holds (spill.py, plan.py) 32 MiB of records, 13 bytes for each example of its pass,
and 45 bytes for each example of the one shard that it puts in order. A pass has 256 shards at most,
and 17 million examples at most where a shard has no more; on Beam, whose items are cut before
anything is counted, the shards alone are bounded. The vocabulary is built over a sample of 32 MiB
of text, whatever the size of the whole. docs/performance.md has what was measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from t2t_mm.data.binding import command_line
from t2t_mm.data.generation import workers
from t2t_mm.data.generation.disk_errors import writing_to
from t2t_mm.data.generation.passes import PassOrder, PassResult, relative_reading_cost
from t2t_mm.data.generation.plan import PassPlan, work_items
from t2t_mm.data.generation.preparation import (
    Request,
    base_problems,
    clear,
    ensure_vocabularies,
    is_whole,
    open_manifests,
    parse_shared,
)
from t2t_mm.data.generation.progress import Log, Meter, SummaryRow
from t2t_mm.data.generation.runners import LOCAL, Cluster, beam, receipts
from t2t_mm.data.generation.runners.items import Driver
from t2t_mm.data.records.manifest import Manifest, text_vocabulary
from t2t_mm.data.vocabularies.building import vocabulary_path
from t2t_mm.errors import DataError
from t2t_mm.files.locking import lock_folder
from t2t_mm.problem import Problem, Split
from t2t_mm.provenance import DEFAULT_ACCESS, DataAccess


def generate(
    problems: Iterable[Problem],
    data_dir: str | Path,
    tmp_dir: str | Path | None = None,
    *,
    seed: int | None = None,
    num_workers: int | None = None,
    num_shards: int | None = None,
    shared_vocab: str | None = None,
    overwrite: bool = False,
    skip_broken: bool = False,
    max_cases: int | None = None,
    access: DataAccess = DEFAULT_ACCESS,
    runner: str = LOCAL,
    beam_options: Sequence[str] = (),
    log: Log = print,
) -> list[SummaryRow]:
    """Makes what is missing of the data of `problems`; returns at once if nothing is.

    Where an argument is None, data that are there already are taken as they are.

    Args:
      problems: the problems; `_rev` and `_copy` stand for their base, in any order.
      data_dir: where to write.
      tmp_dir: where raw files are; None for <data_dir>/tmp.
      seed: of the generators; 0 for new data.
      num_workers: processes; None for one a processor. The bytes do not depend on it. With a
        runner of Beam's: work items of a split, at least; None for as many as are cheap.
      num_shards: files of the training split; as the problem says for new data.
      shared_vocab: "NAME:SIZE": one vocabulary, built over all of `problems`, for all their text.
      overwrite: make the data again, also over some that were made otherwise.
      skip_broken: leave out examples that cannot be read, and count them, instead of stopping.
      max_cases: examples of a split at most, the generator's first; 0: all.
      access: where prepared data sets of TFDS are, and whether the network may be tried.
      runner: "local", or a runner of Apache Beam's (runners/). The bytes do not depend on it.
      beam_options: Beam's pipeline options, "--name=value" each.
      log: takes lines of progress.

    Returns:
      A row for each split of each problem.

    Raises:
      DataError: for bad input, data that were made otherwise, or a disk that cannot be written.
    """
    if "://" in str(data_dir):
        raise DataError(
            f"--data_dir got {data_dir}, which is not a folder; mount it (for --runner: on every "
            "worker) and give the path."
        )
    data_dir = Path(data_dir).expanduser()
    tmp_dir = Path(tmp_dir).expanduser() if tmp_dir else data_dir / "tmp"
    named = base_problems(problems, tmp_dir)
    bases = {name: problem.with_access(access) for name, problem in named.items()}
    request = Request(
        data_dir=data_dir,
        tmp_dir=tmp_dir,
        seed=seed,
        num_shards=num_shards,
        shared=parse_shared(shared_vocab, bases.values()) if shared_vocab else None,
        overwrite=overwrite,
        skip_broken=skip_broken,
        access=access,
        max_cases=max_cases,
    )
    if num_shards is not None and num_shards < 1:
        raise DataError(f"--num_shards must be at least 1, got {num_shards}.")
    if num_workers is not None and num_workers < 1:
        raise DataError(f"--num_workers must be at least 1, got {num_workers}.")
    cluster = None if runner == LOCAL else Cluster(runner, tuple(beam_options), num_workers)
    if cluster:
        beam.check(cluster)
    if not overwrite:
        manifests = open_manifests(bases, request)
        if all(is_whole(manifest, data_dir) for manifest in manifests.values()):
            return _rows(manifests, {})
    with writing_to(data_dir, "--data_dir"):
        data_dir.mkdir(parents=True, exist_ok=True)
        with writing_to(tmp_dir, "--tmp_dir"):
            tmp_dir.mkdir(parents=True, exist_ok=True)
        with lock_folder(data_dir, log):
            run = (
                _run_on_cluster(cluster)
                if cluster
                else _run_locally(num_workers or workers.processors())
            )
            return _generate_missing(bases, request, run, log)


# Runs orders (one for each split); calls Done with what is finished; tells Log and Meter.
_Run = Callable[[list[PassOrder], Mapping[str, Manifest], workers.Done, Meter, Log], None]


def _run_locally(count: int) -> _Run:
    """Runs orders in this process, or in `count` others."""

    def run(
        orders: list[PassOrder],
        manifests: Mapping[str, Manifest],
        done: workers.Done,
        meter: Meter,
        log: Log,
    ) -> None:
        reason = workers.unpicklable(order.problem for order in orders)
        if reason and count > 1:
            log(f"generating in one process: {reason}")
        plan = PassPlan(orders, 1 if reason else count)
        workers.run_plan(plan, 1 if reason else min(count, plan.shards), done, meter.examples)

    return run


def _run_on_cluster(cluster: Cluster) -> _Run:
    """Runs orders on Apache Beam."""

    def run(
        orders: list[PassOrder],
        manifests: Mapping[str, Manifest],
        done: workers.Done,
        meter: Meter,
        log: Log,
    ) -> None:
        if reason := workers.unpicklable(order.problem for order in orders):
            raise DataError(f"--runner={cluster.runner} cannot have it: {reason}.")
        items = work_items(orders, cluster.workers, relative_reading_cost)
        log(f"generating on {cluster.runner}: {len(items)} work items")
        prints = {name: receipts.fingerprint(manifest) for name, manifest in manifests.items()}

        def finished(order: PassOrder, result: PassResult) -> None:
            meter.examples(sum(shard.examples for shard in result.shards.values()))
            done(order, result)

        marked = [(item, prints[item.problem.data_name]) for item in items]
        Driver(marked, lambda packed: beam.launch(packed, cluster), finished).run()
        for name in manifests:  # of items that the runner ran twice
            receipts.remove(name, items[0].data_dir)

    return run


def _generate_missing(
    bases: Mapping[str, Problem], request: Request, run: _Run, log: Log
) -> list[SummaryRow]:
    manifests = open_manifests(bases, request)
    unfinished = {
        name: manifest
        for name, manifest in manifests.items()
        if not is_whole(manifest, request.data_dir)
    }
    for name in unfinished:
        bases[name].prepare(request.tmp_dir, log)
    ensure_vocabularies(unfinished, bases, request, log)
    orders: list[PassOrder] = []
    for name, manifest in unfinished.items():
        orders += _orders(bases[name], manifest, request)
    seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
    with Meter(sum(len(order.shards) for order in orders), log) as meter:

        def done(order: PassOrder, result: PassResult) -> None:
            manifest = manifests[order.problem.data_name]
            seconds[manifest.data_name, order.split.value] += result.seconds
            _record(manifest, order, result, request.data_dir)
            for _ in result.shards:
                meter.shard()

        if orders:
            run(orders, manifests, done, meter, log)
    for manifest in unfinished.values():  # those of which only the vocabulary was missing
        manifest.complete = True
        manifest.save(request.data_dir)
    return _rows(manifests, seconds)


def _orders(problem: Problem, manifest: Manifest, request: Request) -> list[PassOrder]:
    """Notes what is to be done in the manifest and returns it."""
    if request.overwrite:
        receipts.remove(manifest.data_name, request.data_dir)
    receipts.merge_receipts(manifest, request.data_dir)
    _settle_origin(problem, manifest, request)
    broken = set(manifest.broken_shards(request.data_dir))
    for split, shards in manifest.splits.items():
        manifest.splits[split] = [None if s is None or s.file in broken else s for s in shards]
    manifest.complete = False
    manifest.save(request.data_dir)
    clear(manifest, request.data_dir)
    vocabularies = {
        name: vocabulary_path(vocabulary, request.data_dir)
        for name, stored in manifest.features.items()
        if (vocabulary := text_vocabulary(stored))
    }
    orders = []
    for split, shards in manifest.splits.items():
        missing = tuple(i for i, shard in enumerate(shards) if shard is None)
        if missing:
            orders.append(
                PassOrder(
                    problem=problem,
                    split=Split(split),
                    shards=missing,
                    total=len(shards),
                    seed=manifest.seed,
                    data_dir=request.data_dir,
                    tmp_dir=request.tmp_dir,
                    vocabularies=vocabularies,
                    skip_broken=request.skip_broken,
                    max_cases=manifest.max_cases,
                )
            )
    return orders


def _settle_origin(problem: Problem, manifest: Manifest, request: Request) -> None:
    """Enters where the data come from; shards from two sources are not mixed.

    Raises:
      DataError: if finished shards were made from other raw data than are found now.
    """
    origin = problem.origin(request.tmp_dir)
    finished = any(shard for shards in manifest.splits.values() for shard in shards)
    if finished and manifest.origin != origin:
        raise DataError(
            f"the data of problem '{problem.data_name}' in {request.data_dir} were begun from "
            f"{manifest.origin or 'another source'}, and now {origin or 'another one'} is found; "
            f"put the former back, or run {command_line(problem.data_name, request.data_dir)} "
            "--overwrite."
        )
    manifest.origin, manifest.cleaning = origin, problem.describe_cleaning()
    manifest.notes = [str(note) for note in problem.notes(request.tmp_dir)]


def _record(manifest: Manifest, order: PassOrder, result: PassResult, data_dir: Path) -> None:
    """Enters finished shards into the manifest."""
    split = order.split.value
    for position, shard in result.shards.items():
        manifest.splits[split][position] = shard
    if None not in manifest.splits[split] and manifest.examples(split) == 0:
        left_out = sum(manifest.left_out(split).values())
        reasons = ", ".join(f"{n:,} {r}" for r, n in manifest.left_out(split).items())
        manifest.splits[split] = [None] * order.total  # to be tried again
        manifest.save(data_dir)
        way_out = order.problem.why_empty(order.split, order.tmp_dir) or (
            f"put its raw files into --tmp_dir (now {order.tmp_dir}), or take the split out of its "
            "`shards`"
        )
        raise DataError(
            f"problem '{manifest.data_name}' has no examples in its {split} split"
            f"{f' ({left_out:,} were left out: {reasons})' if left_out else ''}; {way_out}."
        )
    manifest.complete = all(None not in shards for shards in manifest.splits.values())
    manifest.save(data_dir)


def _rows(
    manifests: Mapping[str, Manifest], seconds: Mapping[tuple[str, str], float]
) -> list[SummaryRow]:
    return [
        SummaryRow(
            problem=name,
            split=split,
            examples=manifest.examples(split),
            bytes=manifest.bytes(split),
            seconds=seconds.get((name, split)),
            left_out=manifest.left_out(split),
            broken=manifest.broken(split),
            notes=() if number else tuple(manifest.notes),
            noted=manifest.noted(split),
        )
        for name, manifest in manifests.items()
        for number, split in enumerate(manifest.splits)
    ]
