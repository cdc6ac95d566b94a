"""Everything that is chosen by name: one `Registry` per kind, and the decorators that fill them.

Built-in problems and hparams sets register themselves by decorator when their package is first
looked into; it is named here as a string, so that the library never imports upwards. Built-in
models, modalities and optimizers need Keras, so they are *declared* by "module:attribute" with
their one-line summary and imported when they are first used: listing the registry costs nothing.

A user's own code comes in by three ways, all of which end in the same decorators: a plain import,
`--t2t_usr_dir` (see usr_dir.py) and the entry points of an installed package (`t2t_mm.plugins`).
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from t2t_mm.errors import UserError, unknown

_DERIVED = ("_rev", "_copy")  # ends of the names that problems have beside their own
PLUGIN_GROUP = "t2t_mm.plugins"


@dataclass(frozen=True)
class Entry:
    """One registered name.

    Attributes:
      value: the registered object, or "module:attribute" until it is first used.
      summary: one line for `--registry_help`.
      origin: the module that registered it.
    """

    value: Any
    summary: str
    origin: str


@dataclass(frozen=True)
class Mixture:
    """A named list of problems, usable wherever a problem's name is.

    Attributes:
      name: its name.
      problems: names of problems and mixtures.
      summary: one line.
      vocabulary: the vocabulary that all text of its problems is on when they are named by this
        mixture; None to leave each problem its own.
    """

    name: str
    problems: tuple[str, ...]
    summary: str
    vocabulary: str | None = None


class Registry:
    """The names of one kind.

    Args:
      kind: what an entry is, in the singular, e.g. "hparams set".
      flag: the flag that chooses an entry, for error messages.
      content: modules that register built-in entries, imported at the first lookup.
      check: called with (name, value) on registration, or when a declared built-in is imported;
        raises TypeError for a wrong value.
      check_use: likewise, at the first lookup, for what only calling the value can tell.
    """

    def __init__(
        self,
        kind: str,
        flag: str,
        content: Sequence[str] = (),
        check: Callable[[str, Any], None] | None = None,
        check_use: Callable[[str, Any], None] | None = None,
    ):
        self.kind = kind
        self.flag = flag
        self._content = list(content)
        self._check = check
        self._check_use = check_use
        self._used: set[str] = set()
        self._entries: dict[str, Entry] = {}

    def register(
        self, name: str, value: Any, summary: str | None = None, origin: str | None = None
    ) -> None:
        """Adds `value` under `name`; `origin` says who does, if not the value's module.

        Raises:
          ValueError: if the name is taken by another object or is not lower snake case.
          TypeError: if the value is not what this registry holds.
        """
        if not re.fullmatch(r"[a-z][a-z0-9_.]*", name):
            raise ValueError(f"{self.kind} name '{name}' must be lower case snake_case")
        if name in self._entries and not self._is_same(self._entries[name].value, value):
            taken_by = self._entries[name].origin
            raise ValueError(f"{self.kind} '{name}' is already registered by {taken_by}")
        if self._check:
            self._check(name, value)
        origin = origin or getattr(value, "__module__", None) or "?"
        self._entries[name] = Entry(value, summary or first_line(value), origin)
        self._used.discard(name)

    def remove(self, name: str) -> None:
        """Makes room for another object of that name."""
        del self._entries[name]

    def declare(self, name: str, target: str, summary: str) -> None:
        """Adds a built-in by its "module:attribute", imported at first use."""
        self._entries[name] = Entry(target, summary, target.partition(":")[0])

    def decorator(self, name: str | Any = None) -> Any:
        """`@register` or `@register("explicit_name")`."""
        if name is None or isinstance(name, str):
            return lambda value: self._decorate(value, name)
        return self._decorate(name, None)

    def _decorate(self, value: Any, name: str | None) -> Any:
        self.register(name or snake_case(value.__name__), value)
        return value

    @staticmethod
    def _is_same(old: Any, new: Any) -> bool:
        """True for a module that was loaded twice under one path, as reloading in a notebook."""
        if isinstance(old, str):
            return old == f"{getattr(new, '__module__', '')}:{getattr(new, '__qualname__', '')}"
        same_module = getattr(old, "__module__", None) == getattr(new, "__module__", 0)
        return same_module and getattr(old, "__qualname__", None) == getattr(new, "__qualname__", 0)

    def get(self, name: str) -> Any:
        """The object registered under `name`.

        Raises:
          UnknownNameError: with the nearest known name.
          TypeError: if it turns out not to be what this registry holds.
        """
        self.load()
        if name not in self._entries:
            raise unknown(self.kind, name, self._entries, self.flag)
        entry = self._entries[name]
        if isinstance(entry.value, str):
            module, _, attribute = entry.value.partition(":")
            value = getattr(importlib.import_module(module), attribute)
            if self._check:
                self._check(name, value)
            self._entries[name] = Entry(value, entry.summary, entry.origin)
        if self._check_use and name not in self._used:
            self._check_use(name, self._entries[name].value)
            self._used.add(name)
        return self._entries[name].value

    def has(self, name: str) -> bool:
        """True if the name is registered so far; imports nothing."""
        return name in self._entries

    def entry(self, name: str) -> Entry:
        """The entry of `name`, without importing what is only declared."""
        self.load()
        if name not in self._entries:
            raise unknown(self.kind, name, self._entries, self.flag)
        return self._entries[name]

    def names(self, prefix: str = "") -> list[str]:
        """All registered names that begin with `prefix`, sorted."""
        self.load()
        return sorted(name for name in self._entries if name.startswith(prefix))

    def __contains__(self, name: object) -> bool:
        self.load()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def load(self) -> None:
        """Imports the content modules and the installed plug-ins, once.

        Raises:
          UserError: if a plug-in fails to import, with the cause.
        """
        while self._content:
            # Taken off first: the module that is being imported may look names up itself.
            module = self._content.pop(0)
            try:
                importlib.import_module(module)
            except BaseException:
                self._content.insert(0, module)
                raise
        load_plugins()


def snake_case(name: str) -> str:
    """CamelCase to snake_case as Tensor2Tensor did: digits stick to the word before them."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def first_line(value: Any) -> str:
    """The first line of an object's docstring, or ''."""
    doc = inspect.getdoc(value) or ""
    return doc.partition("\n")[0]


_plugins_loaded = False


def load_plugins() -> None:
    """Imports every installed package's `t2t_mm.plugins` entry points, once."""
    global _plugins_loaded
    if _plugins_loaded:
        return
    _plugins_loaded = True
    for point in importlib.metadata.entry_points(group=PLUGIN_GROUP):
        try:
            point.load()
        except Exception as cause:
            raise UserError(
                f"the plug-in '{point.name}' ({point.value}) failed to load: "
                f"{type(cause).__name__}: {cause}; fix it or uninstall its package."
            ) from cause


def _derives(one: type, module: str, base: str) -> bool:
    """True if a class derives from a base that is given by its name.

    Whoever has a subclass has imported the base; this module, which all others import, imports
    none of them.
    """
    return (module, base) in [(cls.__module__, cls.__qualname__) for cls in inspect.getmro(one)]


def _check_problem(name: str, value: Any) -> None:
    if not _derives(value if inspect.isclass(value) else type(value), "t2t_mm.problem", "Problem"):
        raise TypeError(f"problem '{name}' must be a Problem, got {value!r}")
    if name.endswith(_DERIVED):
        raise ValueError(f"problem name '{name}' must not end in _rev or _copy: they are derived")
    # --problems=NAME would mean the mixture.
    names = [name, *(f"{name}{end}" for end in _DERIVED)]
    taken = [other for other in names if MIXTURES.has(other)]
    if taken:
        raise ValueError(
            f"problem '{name}' has the name of the mixture '{taken[0]}', which --problems would "
            "take"
        )


def _check_mixture(name: str, value: Any) -> None:
    if not isinstance(value, Mixture):
        raise TypeError(f"mixture '{name}' must be a Mixture, got {value!r}")
    base = name
    while base not in PROBLEMS and base.endswith(_DERIVED):
        base = base.rpartition("_")[0]
    if base in PROBLEMS:
        raise ValueError(f"mixture '{name}' has the name of a problem")


def _check_metric(name: str, value: Any) -> None:
    _instance("metric", "t2t_mm.evaluation.metrics.metric.Metric")(name, value)
    if value.name != name:
        raise ValueError(f"metric '{name}' names its figure '{value.name}'; the two must agree")


def _subclass(kind: str, base: str) -> Callable[[str, Any], None]:
    """Checks that a value is a class that derives from `base`, "module.Class"."""
    module, _, cls = base.rpartition(".")

    def check(name: str, value: Any) -> None:
        if not (inspect.isclass(value) and _derives(value, module, cls)):
            raise TypeError(f"{kind} '{name}' must be a subclass of {base}, got {value!r}")

    return check


def _instance(kind: str, base: str) -> Callable[[str, Any], None]:
    """Checks that a value is an object of `base`, "module.Class"."""
    module, _, cls = base.rpartition(".")

    def check(name: str, value: Any) -> None:
        if not _derives(type(value), module, cls):
            raise TypeError(f"{kind} '{name}' must be a {base}, got {value!r}")

    return check


def _function(kind: str, *arguments: str) -> Callable[[str, Any], None]:
    """Checks that a value can be called with so many arguments by position."""

    def check(name: str, value: Any) -> None:
        shown = f"a function of {', '.join(arguments) or 'no arguments'}"
        if not callable(value):
            raise TypeError(f"{kind} '{name}' must be {shown}, got {value!r}")
        try:
            inspect.signature(value).bind(*arguments)
        except ValueError:
            pass  # some written in C do not tell
        except TypeError as cause:
            raise TypeError(f"{kind} '{name}' must be {shown}, got {value!r}: {cause}") from None

    return check


def _gives_hparams(name: str, value: Any) -> None:
    made = value()
    if not _derives(type(made), "t2t_mm.hparam", "HParams"):
        raise TypeError(f"hparams set '{name}' must give a t2t_mm.hparam.HParams, gave {made!r}")


PROBLEMS = Registry("problem", "--problems", ["t2t_mm.problems"], _check_problem)
MIXTURES = Registry("mixture", "--problems", ["t2t_mm.problems"], _check_mixture)
VOCABULARIES = Registry(
    "vocabulary",
    "--shared_vocab",
    ["t2t_mm.problems"],
    _instance("vocabulary", "t2t_mm.problem.VocabularySpec"),
)
KINDS = Registry(
    "kind of data",
    "a problem's declaration",
    ["t2t_mm.kinds"],
    _subclass("kind of data", "t2t_mm.kinds.kind.Kind"),
)
MODALITIES = Registry(
    "modality",
    "hparams such as image_modality",
    ["t2t_mm.modalities"],
    _subclass("modality", "t2t_mm.modalities.modality.Modality"),
)
MODELS = Registry(
    "model", "--model", ["t2t_mm.models"], _subclass("model", "t2t_mm.models.body.Body")
)
HPARAMS = Registry(
    "hparams set",
    "--hparams_set",
    ["t2t_mm.hparams"],
    _function("hparams set"),
    _gives_hparams,
)
RANGED_HPARAMS = Registry(
    "ranged hparams set",
    "a tuner's choice",
    ["t2t_mm.hparams"],
    _function("ranged hparams set", "ranges"),
)
OPTIMIZERS = Registry(
    "optimizer",
    "the hparam optimizer",
    ["t2t_mm.training"],
    _subclass("optimizer", "t2t_mm.training.optimizer.Optimizer"),
)
SCHEDULES = Registry(
    "learning rate schedule",
    "the hparam learning_rate_schedule",
    ["t2t_mm.training.schedules"],
    _function("learning rate schedule", "hparams", "train_steps"),
)
MIXING_POLICIES = Registry(
    "mixing policy",
    "the hparam problem_choice",
    ["t2t_mm.training.mixing"],
    _subclass("mixing policy", "t2t_mm.training.mixing.MixingPolicy"),
)
SEARCHES = Registry(
    "search",
    "--decode_hparams search",
    ["t2t_mm.decoding.search"],
    _subclass("search", "t2t_mm.decoding.search.contract.Search"),
)
TEXT_RULES = Registry(
    "text rule",
    "a text's preparation",
    ["t2t_mm.kinds.preparation"],
    _function("text rule", "text"),
)
METRICS = Registry(
    "metric", "a problem's metrics", ["t2t_mm.evaluation.metrics.known"], _check_metric
)

ALL: dict[str, Registry] = {
    "problems": PROBLEMS,
    "mixtures": MIXTURES,
    "vocabularies": VOCABULARIES,
    "kinds": KINDS,
    "modalities": MODALITIES,
    "models": MODELS,
    "hparams": HPARAMS,
    "ranged_hparams": RANGED_HPARAMS,
    "optimizers": OPTIMIZERS,
    "searches": SEARCHES,
    "schedules": SCHEDULES,
    "mixing_policies": MIXING_POLICIES,
    "text_rules": TEXT_RULES,
    "metrics": METRICS,
}

register_problem = PROBLEMS.decorator
register_kind = KINDS.decorator
register_modality = MODALITIES.decorator
register_model = MODELS.decorator
register_hparams = HPARAMS.decorator
register_ranged_hparams = RANGED_HPARAMS.decorator
register_optimizer = OPTIMIZERS.decorator
register_search = SEARCHES.decorator
register_schedule = SCHEDULES.decorator
register_mixing_policy = MIXING_POLICIES.decorator
register_text_rule = TEXT_RULES.decorator
register_metric = METRICS.decorator


def register_mixture(
    name: str, problems: Sequence[str], summary: str, vocabulary: str | None = None
) -> None:
    """Names a list of problems, so that `--problems=NAME` stands for all of them."""
    MIXTURES.register(name, Mixture(name, tuple(problems), summary, vocabulary), summary)
