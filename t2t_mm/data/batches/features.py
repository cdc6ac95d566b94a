"""From what is stored to what a modality reads: one function for every kind of feature.

Training, evaluation, decoding from files and the export call `prepare`, so that a model never sees
one thing in training and another one in use. Graph functions on a batch, without state: all that
is random follows from the seed that is handed in.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from t2t_mm.errors import DataError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import audio_graph as audio_features
from t2t_mm.kinds import image_augmentation as picture_augmentation
from t2t_mm.kinds import image_graph as picture_features
from t2t_mm.problem import FeatureSpec


def prepare(
    stored: Any,
    spec: FeatureSpec,
    hparams: HParams,
    training: bool = False,
    seed: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """A batch of stored values as the modality's input.

    Args:
      stored: token ids with EOS, a ragged int tensor [B, (L)]; or encoded pictures, or PCM (16-bit
        little-endian mono at spec.sample_rate), a string tensor [B]; or labels, int [B].
      spec: the feature.
      hparams: the modality's hyperparameters.
      training: whether pictures are augmented, if hparams.image_augment says so too.
      seed: int [2]; needed in training only. The same seed gives the same augmentation.

    Returns:
      The values, padded with 0, as in docs/architecture.md: text int32 [B, L], picture float32
      [B, S, S, 3], waveform float32 [B, N], log-mel float32 [B, T, F], label int32 [B]; and their
      lengths before padding, int32 [B].
    """
    if spec.kind == "text":
        return _text(stored)
    if spec.kind == "label":
        return tf.cast(stored, tf.int32), tf.ones_like(stored, tf.int32)
    if spec.kind == "image":
        return _pictures(stored, spec, hparams.image_augment and training, seed)
    if spec.modality == "audio_spectral":
        return audio_features.log_mel(stored, spec, hparams)
    if spec.kind == "audio":
        return audio_features.waveform(stored)
    raise DataError(
        f"nothing is known about stored data of modality '{spec.modality}'; its name should start "
        "with text, image, audio or class_label."
    )


def _text(ids: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.cast(ids, tf.int32).to_tensor(), tf.cast(ids.row_lengths(), tf.int32)


def _pictures(
    encoded: tf.Tensor, spec: FeatureSpec, augment: bool, seed: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    if not spec.image_size:
        raise DataError(
            f"a feature of modality '{spec.modality}' declares no image_size; set it in the "
            "problem's FeatureSpec, in pixels."
        )
    if augment and spec.augment == "imagenet":
        pixels = picture_augmentation.decode_distorted(encoded, spec.image_size, spec.flip, seed)
        return picture_features.standardise(pixels), _areas(encoded, spec)
    pictures = picture_features.standardise(picture_features.decode(encoded, spec.image_size))
    if augment:
        pictures = picture_features.augment(pictures, spec.flip, seed)
    return pictures, _areas(encoded, spec)


def _areas(encoded: tf.Tensor, spec: FeatureSpec) -> tf.Tensor:
    return tf.fill(tf.shape(encoded), spec.image_size**2)
