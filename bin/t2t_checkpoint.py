"""t2t-checkpoint: shows a trained joint model, cuts it to some problems, grows it by others."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from t2t_mm.bin.command_line import common_flags, exit_status, parse, problems_flag
from t2t_mm.errors import UserError, unknown

if TYPE_CHECKING:
    from t2t_mm.runs.surgery.cutting import Cut
    from t2t_mm.runs.surgery.opened import OpenedRun

USAGE = """
usage: t2t-checkpoint inspect|cut|grow --output_dir=RUN [flags]

  inspect  the variables by modality and block: sizes, and which problems use them
  cut      a new run directory with what some of the problems need, smaller
  grow     a new run directory with more problems, to be trained on

  t2t-checkpoint inspect --output_dir=RUN
  t2t-checkpoint cut --output_dir=RUN --problems=a,b --to=NEW_RUN
  t2t-checkpoint grow --output_dir=RUN --problems=c --data_dir=DATA --to=NEW_RUN

t2t-checkpoint COMMAND --help explains each; docs/checkpoints.md too.
"""
INSPECT = """
usage: t2t-checkpoint inspect --output_dir=RUN [--problems=NAME[,NAME...]] [flags]

Shows what a checkpoint consists of. With --problems, also what a cut to these would leave.
"""
CUT = """
usage: t2t-checkpoint cut --output_dir=RUN --problems=NAME[,NAME...] --to=NEW_RUN [flags]

Writes a run directory with the modalities, vocabularies and commands that these problems need. It
decodes, evaluates, exports and trains like any other, and answers as RUN does, bit for bit.

With --expert_threshold=0.01, experts that serve less than 1 % of the positions of every one of
these problems (development split, in --data_dir) go too, which changes the answers: metrics of
decoded outputs before and after are measured and printed.
"""
GROW = """
usage: t2t-checkpoint grow --output_dir=RUN --problems=NAME[,NAME...] --data_dir=DATA --to=NEW_RUN

Writes a run directory with RUN's problems and those of --problems. The old ones answer as before,
bit for bit; what the new ones need besides begins as in a fresh model. Then train it:

  t2t-trainer --output_dir=NEW_RUN --data_dir=DATA
"""
COMMAND = "t2t-checkpoint"


def main(argv: Sequence[str]) -> int:
    """Runs the command that the first argument names.

    Args:
      argv: the arguments after the program's name.

    Returns:
      The exit status.
    """
    commands: dict[str, Callable[[Sequence[str]], int]] = {
        "inspect": inspect,
        "cut": cut,
        "grow": grow,
    }
    name = next((word for word in argv if word in commands), None)
    if name:
        at = list(argv).index(name)
        return commands[name]([*argv[:at], *argv[at + 1 :]])
    if argv and not argv[0].startswith("-"):
        raise unknown("command of t2t-checkpoint", argv[0], commands)
    if parse(common_flags(COMMAND), argv, USAGE):
        raise UserError("no command given; write t2t-checkpoint inspect, cut or grow.")
    return 0


def inspect(argv: Sequence[str]) -> int:
    """Prints the parts of a checkpoint."""
    values = _flags("inspect")
    define: dict[str, Any] = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_bool("variables", False, "List every variable.", **define)
    if not parse(values, argv, INSPECT):
        return 0
    from t2t_mm.runs.surgery.parts import extras, model_parts, parameters, parts_table

    run = _open_checkpoint(values)
    parts = model_parts(run)
    print(f"{run.stored.checkpoint}: {run.record.model}, step {run.step}")
    print(parts_table(parts))
    more = extras(run.stored)
    print(f"besides: optimizer {more.optimizer:,} parameters, sliding average {more.average:,}")
    if values.variables:
        for path, shape in run.stored.variables.items():
            print(f"{path}  {list(shape)}  {run.stored.dtype(path).name}")
    if values.problems:
        plan = _cut(values, run)
        left = parameters(plan.after())
        print(f"cut to {', '.join(task.name for task in plan.tasks)}: {left:,} parameters")
    return 0


def cut(argv: Sequence[str]) -> int:
    """Writes a run directory with some of a run's problems."""
    values = _flags("cut")
    _to_flag(values)
    define: dict[str, Any] = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_float(
        "expert_threshold",
        0.0,
        "Least share of a problem's positions that a kept expert serves; 0: all stay.",
        **define,
    )
    flags.DEFINE_integer(
        "eval_steps", 0, "Batches per problem to measure on; 0: the whole split.", **define
    )
    flags.DEFINE_bool(
        "keep_optimizer", False, "Keep the optimizer's state and the sliding average.", **define
    )
    flags.DEFINE_bool("dry_run", False, "Print the sizes; write nothing.", **define)
    if not parse(values, argv, CUT):
        return 0
    if not values.problems:
        raise UserError("no problem given; name those that stay in --problems.")
    from t2t_mm.runs.surgery.parts import parameters, parts_table

    to = _target(values)
    plan = _cut(values, _open_checkpoint(values), values.expert_threshold)
    before, after = plan.before(), plan.after()
    print(parts_table(after, before))
    print(f"parameters: {parameters(before):,} -> {parameters(after):,}")
    if values.dry_run:
        return 0
    print(f"wrote {plan.write(to, values.keep_optimizer)}")
    if plan.kept_experts:
        _print_change(values, plan)
    return 0


def _cut(values: flags.FlagValues, run: OpenedRun, threshold: float = 0.0) -> Cut:
    from t2t_mm.decoding.run_flags import problem_list
    from t2t_mm.runs.surgery.cutting import Cut

    tasks = run.named(problem_list(values.problems, run.tasks) or [])
    if not threshold:
        return Cut(run, tasks, {})
    from t2t_mm.runs.surgery.expert_usage import expert_usage, usage_text, used_experts
    from t2t_mm.runs.weights import load_weights

    model, steps = run.model(), values.eval_steps or None
    load_weights(run.stored.checkpoint, model, list(run.tasks.values()))
    usage = expert_usage(model, tasks, values.data_dir, run.hparams, steps)
    kept = used_experts(usage, threshold, getattr(run.hparams, "moe_k", 1))
    print(usage_text(usage, kept))
    return Cut(run, tasks, kept)


def _print_change(values: flags.FlagValues, plan: Cut) -> None:
    """Metrics of decoded outputs on the development split, before and after."""
    from t2t_mm.decoding.model_loading import load
    from t2t_mm.evaluation.evaluate import evaluate

    names = [task.name for task in plan.tasks]
    rows: list[list[dict[str, Any]]] = []
    for place, checkpoint in ((values.output_dir, plan.run.stored.checkpoint), (values.to, None)):
        loaded = load(place, checkpoint)
        reports = evaluate(loaded, values.data_dir, names, "dev", values.eval_steps or None)
        rows.append([report.to_dict() for report in reports])
    print("metrics of decoded outputs, development split, before -> after:")
    for old, new in zip(*rows, strict=True):
        for name, value in old["decoded"].items():
            print(f"  {old['problem']} {name}: {value:.4f} -> {new['decoded'][name]:.4f}")
        losses = (one["teacher_forced"]["loss"] for one in (old, new))
        print(
            f"  {old['problem']} loss (teacher-forced): {' -> '.join(f'{x:.4f}' for x in losses)}"
        )


def grow(argv: Sequence[str]) -> int:
    """Writes a run directory with a run's problems and new ones."""
    values = _flags("grow")
    _to_flag(values)
    define: dict[str, Any] = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_string(
        "hparams", "", "Changes of what concerns training: name=value,name=value.", **define
    )
    flags.DEFINE_bool(
        "train_only_new", False, "Give no step to the old problems (mixing_weights 0).", **define
    )
    flags.DEFINE_bool(
        "freeze_old",
        False,
        "Hold all that is old fixed: the old problems' answers never change.",
        **define,
    )
    flags.DEFINE_bool("generate_data", False, "First generate what data are missing.", **define)
    if not parse(values, argv, GROW):
        return 0
    if not values.problems:
        raise UserError("no problem given; name the new ones in --problems.")
    from t2t_mm.bin.command_line import tmp_dir
    from t2t_mm.lookup import find_problems

    problems, to = find_problems(values.problems), _target(values)
    if values.generate_data:
        from t2t_mm.data.generation.api import generate  # its workers are forked before TensorFlow

        generate(problems, values.data_dir, tmp_dir(values))
    from t2t_mm.runs.surgery.growing import frozen_old, no_steps_for
    from t2t_mm.runs.surgery.growing import grow as growth
    from t2t_mm.runs.surgery.parts import parameters, parts_table

    run = _open_checkpoint(values)
    changes = [values.hparams]
    if values.train_only_new:
        changes.append(f"mixing_weights={no_steps_for(run.tasks)}")
    plan = growth(run, problems, values.data_dir, ",".join(filter(None, changes)))
    if values.freeze_old:
        plan = dataclasses.replace(plan, hparams=plan.hparams.replace(freeze=frozen_old(plan)))
    before, after = plan.before(), plan.write(to)
    print(parts_table(after, before))
    print(f"new problems: {', '.join(task.name for task in plan.added)}")
    print(f"parameters: {parameters(before):,} -> {parameters(after):,}")
    print(f"now train it: t2t-trainer --output_dir={values.to} --data_dir={values.data_dir}")
    return 0


def _flags(command: str) -> flags.FlagValues:
    values = common_flags(f"{COMMAND} {command}")
    problems_flag(values, COMMAND)
    define: dict[str, Any] = {"flag_values": values, "module_name": COMMAND}
    flags.DEFINE_string("output_dir", None, "Run directory of the trained model.", **define)
    flags.DEFINE_string(
        "checkpoint_path", "latest", "latest, best, or a checkpoint's path.", **define
    )
    flags.DEFINE_alias("checkpoint", "checkpoint_path", flag_values=values, module_name=COMMAND)
    return values


def _to_flag(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "to", None, "The new run directory.", flag_values=values, module_name=COMMAND
    )


def _open_checkpoint(values: flags.FlagValues) -> OpenedRun:
    if not values.output_dir:
        raise UserError("no model given; name the folder that t2t-trainer wrote in --output_dir.")
    from t2t_mm.runs.surgery.opened import open_checkpoint

    return open_checkpoint(values.output_dir, values.checkpoint_path)


def _target(values: flags.FlagValues) -> Any:
    if not values.to and getattr(values, "dry_run", False):
        return None
    if not values.to:
        raise UserError("no new folder given; name it in --to.")
    from t2t_mm.runs.surgery.opened import new_folder

    return new_folder(values.to)


def run() -> None:
    """The console script."""
    sys.exit(exit_status(main))


if __name__ == "__main__":
    run()
