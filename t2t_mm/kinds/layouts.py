"""Layouts of values in batches that several kinds have in common: bases beside `Kind`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from t2t_mm.tensor import Tensor

if TYPE_CHECKING:
    import tensorflow as tf

    from t2t_mm.hparam import HParams


class IdSequence:
    """Sequences of ids, stored as INTS: as long as they have ids, fed as int32 [B, L]."""

    def limit(self, hparams: HParams, training: bool) -> int | None:
        return hparams.max_length if training else hparams.eval_max_length

    def lengths(self, sizes: np.ndarray) -> np.ndarray:
        return sizes

    def budget(self, hparams: HParams) -> int | None:
        return hparams.batch_size

    def feed(
        self,
        stored: Tensor,
        hparams: HParams,
        features: str = "",
        training: bool = False,
        seed: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        import tensorflow as tf

        return tf.cast(stored, tf.int32).to_tensor(), tf.cast(stored.row_lengths(), tf.int32)


class SingleValue:
    """One value per example: batches are as large as texts of one token would make them."""

    def sizes(self, counts: Any) -> Any:
        """1 each."""
        return np.ones_like(counts)

    def lengths(self, sizes: np.ndarray) -> np.ndarray:
        return np.ones_like(sizes)

    def budget(self, hparams: HParams) -> int | None:
        return hparams.batch_size
