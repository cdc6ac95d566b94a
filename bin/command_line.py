"""The common part of all commands: flags, unknown flags, errors as sentences, exit statuses.

Flags are parsed inside `main(argv)` into a `FlagValues` of the command's own; nothing is defined
at import. Exit statuses: 0 done; 2 the user's mistake, one sentence on standard error; 1 a fault
of ours, with a traceback; 130 interrupted after saving.
"""

from __future__ import annotations

import difflib
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from t2t_mm import __version__, usr_dir
from t2t_mm.bin import t2t_flags
from t2t_mm.bin.quiet import quieten
from t2t_mm.bin.t2t_row import TRAINER
from t2t_mm.errors import UserError
from t2t_mm.files.paths import given_path
from t2t_mm.provenance import DataAccess

if TYPE_CHECKING:
    from t2t_mm.runs.run_record import RunRecord

DATA_DIR = "~/t2t_data"
INTERRUPTED = 130

Main = Callable[[Sequence[str]], int]


def exit_status(main: Main, argv: Sequence[str] | None = None) -> int:
    """Runs a command's `main(argv)` and turns what escapes into an exit status.

    Args:
      main: takes the arguments after the program's name, returns an exit status.
      argv: the arguments; None for sys.argv's.
    """
    # 2 would still say that there is no GPU, as an error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    quieten("tensorflow")
    _replace_unprintable()
    try:
        return main(sys.argv[1:] if argv is None else argv)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _replace_unprintable() -> None:
    r"""Lets no character end a command: what the terminal's encoding lacks is printed as \u4e2d.

    So are bytes of a file's name that are not UTF-8. Files are written in UTF-8 whatever it is.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def common_flags(command: str) -> flags.FlagValues:
    """A fresh set of flags with those that every command has.

    Args:
      command: the program's name, for help.
    """
    values = flags.FlagValues()
    define: dict[str, Any] = {"flag_values": values, "module_name": command}
    flags.DEFINE_bool("help", False, "Print this help and exit.", short_name="h", **define)
    flags.DEFINE_bool("version", False, "Print the version and exit.", **define)
    flags.DEFINE_string(
        "registry_help",
        None,
        "Print what is registered and exit; =KIND or =KIND:PREFIX narrows it, e.g. "
        "--registry_help=problems:translate.",
        **define,
    )
    flags.DEFINE_string(
        "t2t_usr_dir", None, "Folder (a Python package) that registers your own code.", **define
    )
    flags.DEFINE_string("data_dir", DATA_DIR, "Folder of the generated data.", **define)
    flags.DEFINE_string(
        "tmp_dir", None, "Folder of the raw files; default: <data_dir>/tmp.", **define
    )
    flags.DEFINE_string(
        "problems_file", None, "TOML file that declares problems over your own data.", **define
    )
    return values


def problems_flag(values: flags.FlagValues, command: str) -> None:
    """Adds --problems and its alias --problem."""
    flags.DEFINE_string(
        "problems",
        None,
        "Problems and mixtures, separated by commas; 'prefix*' stands for all that begin so.",
        flag_values=values,
        module_name=command,
    )
    flags.DEFINE_alias("problem", "problems", flag_values=values, module_name=command)


def source_flags(values: flags.FlagValues, command: str) -> None:
    """Adds what says where raw data are: --tfds_data_dir and the like; see `access`."""
    define: dict[str, Any] = {"flag_values": values, "module_name": command}
    flags.DEFINE_string(
        "tfds_data_dir",
        None,
        "Folder of prepared TFDS data sets; default: $TFDS_DATA_DIR or ~/tensorflow_datasets.",
        **define,
    )
    flags.DEFINE_string(
        "tfds_manual_dir",
        None,
        "Folder of what TFDS cannot download; default: <tfds_data_dir>/downloads/manual.",
        **define,
    )
    flags.DEFINE_bool(
        "tfds_from_gcs",
        False,
        "Copy prepared data sets from Google's storage where it has them.",
        **define,
    )
    flags.DEFINE_bool("offline", False, "Never try the network; say what is missing.", **define)


def access(values: flags.FlagValues) -> DataAccess:
    """The access to raw data that `source_flags` say."""
    return DataAccess(
        tfds_data_dir=values.tfds_data_dir,
        tfds_manual_dir=values.tfds_manual_dir,
        tfds_from_gcs=values.tfds_from_gcs,
        offline=values.offline,
    )


def run_flags(values: flags.FlagValues, command: str) -> None:
    """Adds what names a trained model: --output_dir, --checkpoint_path, --model, --hparams_set."""
    define: dict[str, Any] = {"flag_values": values, "module_name": command}
    flags.DEFINE_string("output_dir", None, "Run directory of the trained model.", **define)
    flags.DEFINE_string(
        "checkpoint_path", "latest", "latest, best, or a checkpoint's path.", **define
    )
    flags.DEFINE_alias("checkpoint", "checkpoint_path", flag_values=values, module_name=command)
    for name in ("model", "hparams_set"):
        flags.DEFINE_string(
            name, None, "Not needed; an error if the run has another one.", **define
        )


def trained_run(values: flags.FlagValues) -> RunRecord:
    """The record of the run that `run_flags` name.

    Raises:
      UserError: without --output_dir.
      CheckpointError: if there is no run, or --model or --hparams_set contradicts it.
    """
    from t2t_mm.decoding.run_flags import check_run

    if not values.output_dir:
        raise UserError("no model given; name the folder that t2t-trainer wrote in --output_dir.")
    return check_run(values.output_dir, values.model, values.hparams_set)


def comma_separated(text: str | None) -> list[str]:
    """The items of a flag's value, separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def parse(
    values: flags.FlagValues, argv: Sequence[str], usage: str, t2t: str | None = None
) -> bool:
    """Parses `argv`, answers --help, --version and --registry_help, loads the user's folder.

    Args:
      values: the command's flags.
      argv: the arguments after the program's name.
      usage: printed above the flags by --help.
      t2t: the command of Tensor2Tensor whose flags are understood; see `t2t_flags`.

    Returns:
      False if the command is done, because it has printed what was asked for.

    Raises:
      UserError: for an unknown flag (with the nearest one), a value of the wrong type, or an
        argument that is not a flag.
    """
    argv = [_BARE.get(a, a) for a in (t2t_flags.with_hparams(argv) if t2t else argv)]
    try:
        rest = values(["program", *argv])[1:]
    except flags.UnrecognizedFlagError as error:
        raise UserError(_unknown_flag(error.flagname, values)) from None
    except flags.Error as error:
        raise UserError(f"{str(error).rstrip('.')}; --help lists the flags.") from None
    if rest:
        raise UserError(f"unexpected argument '{rest[0]}': give every value as --flag=value.")
    if values.help:
        print(_help(values, usage))
        return False
    if values.version:
        print(f"t2t_mm {__version__}")
        return False
    if t2t:
        t2t_flags.apply(values, t2t)
    if "decode_hparams" in values and t2t != TRAINER:  # which hands them on
        t2t_flags.apply_settings(values)
    for name in values:
        hidden = values[name].help == t2t_flags.HIDDEN  # its row says what becomes of it
        if _is_path(name) and values[name].present and not hidden:
            given_path(str(values[name].value), f"--{name}")
    _load_users_code(values)
    if values.registry_help is not None:
        from t2t_mm.bin.registry_help import registry_help

        print(registry_help(values.registry_help))
        return False
    return True


# Flags that may stand without a value.
_BARE = {f"{dashes}{n}": f"--{n}=all" for dashes in ("-", "--") for n in ("registry_help", "list")}


def _is_path(name: str) -> bool:
    """True for a flag of a file, a folder, or several."""
    return name in _PATHS or name.endswith(("_dir", "_file", "_path"))


# Flags of paths whose names do not end like the others'.
_PATHS = frozenset(
    {
        *("warm_start_from", "to", "checkpoint", "checkpoints", "translation", "reference"),
        *("compare_to", "decode_reference", "problems_file"),
    }
)


def _load_users_code(values: flags.FlagValues) -> None:
    gained = usr_dir.load(values.t2t_usr_dir)
    if values.t2t_usr_dir:
        print(f"loaded {values.t2t_usr_dir}: registered {'; '.join(gained) or 'nothing'}")
    if values.problems_file:
        from t2t_mm import problems_file

        names = problems_file.load(values.problems_file, tmp_dir(values))
        print(f"loaded {values.problems_file}: {', '.join(names)}")


def tmp_dir(values: flags.FlagValues) -> str:
    """--tmp_dir, or its default below --data_dir."""
    return values.tmp_dir or os.path.join(values.data_dir, "tmp")


def _unknown_flag(name: str, values: flags.FlagValues) -> str:
    close = difflib.get_close_matches(name, list(values), n=1, cutoff=0.6)
    hint = f" did you mean --{close[0]}?" if close else ""
    return f"unknown flag --{name};{hint} --help lists the flags."


def _help(values: flags.FlagValues, usage: str) -> str:
    lines = [usage.strip(), "", "Flags:"]
    for name in sorted({values[name].name for name in values}):
        flag = values[name]
        if flag.help == t2t_flags.HIDDEN:
            continue
        default = "" if flag.default is None else f" (default: {flag.default})"
        lines.append(f"  --{name}: {flag.help}{default}")
    return "\n".join(lines)
