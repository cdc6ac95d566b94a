"""All targets, by name."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.fuzzing import (
    folders,
    media,
    media_sources,
    named_sources,
    requests,
    settings,
    text_sources,
)
from benchmarks.fuzzing.target import Try

TARGETS: dict[str, Callable[[], Try]] = {
    **text_sources.TARGETS,
    **media_sources.TARGETS,
    **named_sources.TARGETS,
    **media.TARGETS,
    **settings.TARGETS,
    **requests.TARGETS,
    **folders.TARGETS,
}
