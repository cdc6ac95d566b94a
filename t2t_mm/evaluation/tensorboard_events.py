"""Figures of evaluations as TensorBoard scalars."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf


def write_scalars(folder: str | Path, step: int, values: Mapping[str, float]) -> None:
    """Adds an events file to a folder.

    Args:
      folder: made if it is not there.
      step: of the checkpoint.
      values: tag -> value; what is no finite number is left out.
    """
    # tf.summary.scalar would need TensorBoard installed.
    plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
    scalar = tf.compat.v1.SummaryMetadata(plugin_data=plugin, data_class="DATA_CLASS_SCALAR")
    writer = tf.summary.create_file_writer(str(Path(folder).expanduser()))
    with writer.as_default(step=step):
        for tag, value in values.items():
            if math.isfinite(value):
                tf.summary.write(tag, float(value), metadata=scalar)
    writer.close()
