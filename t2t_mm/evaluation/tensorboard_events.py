"""Figures as TensorBoard scalars, of training and of evaluations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


class EventsFile:
    """An events file in a folder; used as a context.

    Args:
      folder: made if it is not there.
    """

    def __init__(self, folder: str | Path):
        self._writer = tf.summary.create_file_writer(str(Path(folder).expanduser()))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Adds figures, tag -> value, at a training step."""
        with self._writer.as_default(step=step):
            for tag, value in values.items():
                tf.summary.write(tag, float(value), metadata=_scalar())

    def close(self) -> None:
        """Flushes everything."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _scalar() -> Any:
    """Marks a TensorBoard scalar. tf.summary.scalar would need TensorBoard installed."""
    plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
    return tf.compat.v1.SummaryMetadata(plugin_data=plugin, data_class="DATA_CLASS_SCALAR")


def write_scalars(folder: str | Path, step: int, values: Mapping[str, float]) -> None:
    """Adds an events file to a folder; what is not a finite number is left out."""
    with EventsFile(folder) as events:
        events.write(step, {tag: value for tag, value in values.items() if math.isfinite(value)})
