"""Text: subword ids through a learned embedding in, a linear map and a softmax out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from t2t_mm.errors import DataError
from t2t_mm.layers.buffers import read, take
from t2t_mm.layers.rep import Rep
from t2t_mm.modalities.loss import (
    CLASSIFICATION,
    Sums,
    classification_metrics,
    is_right,
    smoothed_cross_entropy,
    weighted_sum,
)
from t2t_mm.modalities.modality import INPUT, TARGET, DecodingBody, Modality
from t2t_mm.tensor import Shape, Size, State, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.kinds import Text as Kind
    from t2t_mm.layers.rep import Encoded

PADDING = 0


class Text(Modality):
    """Language (arXiv 1706.05137, section 2.5.1): one embedding, one softmax for a vocabulary.

    Id 0 is padding: embedded as zeros, and without weight in the loss.

    Args:
      vocab_size: number of subwords, V.
      tied: the softmax uses the transposed embedding.
    """

    kinds = frozenset({"text", "tree"})
    autoregressive = True
    decodes = True
    metric_names = CLASSIFICATION | {"accuracy_per_sequence"}

    def __init__(self, vocab_size: int, tied: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.tied = tied

    @classmethod
    def sharing_key(cls, name: str, kind: Kind, hparams: HParams) -> str:
        return f"{name}.{kind.text_vocabulary}.{hparams.hidden_size}"

    @classmethod
    def arguments(cls, kind: Kind, hparams: HParams) -> dict[str, Any]:
        if not kind.is_bound:
            raise DataError(
                f"the size of vocabulary '{kind.text_vocabulary}' is unknown; generate the data "
                "first (t2t-datagen, or --generate_data)."
            )
        return {"vocab_size": kind.size, "tied": hparams.shared_embedding_and_softmax}

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes `embedding` [V, D] and, for a target, `softmax` [D, V]."""
        deviation = self.hidden_size**-0.5
        self.embedding = self._weight("embedding", (self.vocab_size, self.hidden_size), deviation)
        self.softmax = None
        if TARGET in self.roles and not self.tied:
            self.softmax = self._weight("softmax", (self.hidden_size, self.vocab_size), deviation)

    def _weight(self, name: str, shape: tuple[int, int], deviation: float) -> keras.Variable:
        start = keras.initializers.RandomNormal(0.0, deviation, self._seed(name))
        return self.add_weight(shape=shape, initializer=start, name=name)

    def bottom(self, values: Tensor, lengths: Tensor | None = None, training: bool = False) -> Rep:
        """Embeds ids [B, L]."""
        return Rep(self._embed(values), self.target_mask(values))

    def target_mask(self, targets: Tensor) -> Tensor:
        """Marks tokens with 1, padding with 0."""
        return ops.cast(ops.not_equal(targets, PADDING), "float32")

    def read_out(
        self,
        body: DecodingBody,
        encoded: Encoded,
        targets: Tensor,
        first: Tensor | None,
        training: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """The decoder's logits [B, T, V], each position having seen the targets before it."""
        embedded = self.target_bottom(targets)[:, :-1]
        shifted = ops.concatenate([ops.cast(first, embedded.dtype)[:, None], embedded], axis=1)
        mask = self.target_mask(targets)
        x, aux_loss = body.decode(encoded, shifted, mask, training=training)
        return self.top(x, mask, None, training=training), aux_loss

    def target_bottom(self, targets: Tensor) -> Tensor:
        return self._embed(targets)

    def _embed(self, ids: Tensor) -> Tensor:
        ids = ops.cast(ids, "int32")
        x = ops.cast(ops.take(self.embedding, ids, axis=0), self.compute_dtype)
        # One multiplication for both the scale and the zeros of padding.
        scale = ops.cast(ops.not_equal(ids, PADDING), self.compute_dtype) * self.hidden_size**0.5
        return x * scale[:, :, None]

    def top(
        self, x: Tensor, mask: Tensor, grid: tuple[Size, Size] | None = None, training: bool = False
    ) -> Tensor:
        """Maps x [B, T, D] -> logits [B, T, V]."""
        kernel = ops.transpose(self.embedding) if self.tied else self.softmax
        return ops.matmul(ops.cast(x, self.compute_dtype), ops.cast(kernel, self.compute_dtype))

    def step_bottom(self, tokens: Tensor) -> Tensor:
        x = ops.cast(take(self.embedding, tokens), self.compute_dtype)
        scale = ops.cast(ops.not_equal(tokens, PADDING), self.compute_dtype) * self.hidden_size**0.5
        return x * scale[:, None]

    def prepare_top(self) -> State:
        """The kernel [D, V]: transposing a tied one takes longer than a position's product."""
        kernel = read(self.embedding if self.tied else self.softmax, self.compute_dtype)
        return ops.transpose(kernel) if self.tied else kernel

    def step_top(self, weights: State, x: Tensor) -> Tensor:
        return ops.matmul(ops.cast(x, self.compute_dtype), weights)

    def loss(self, logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Sums:
        """Summed cross-entropy of logits [B, T, V] at tokens of targets [B, T]; their number."""
        logits, targets, weights = self._flatten(logits, targets)
        return weighted_sum(smoothed_cross_entropy(logits, targets, label_smoothing), weights)

    def step_metrics(self, logits: Tensor, targets: Tensor) -> dict[str, Sums]:
        """Metrics of tokens, and "accuracy_per_sequence": the share with every token right."""
        found = classification_metrics(*self._flatten(logits, targets))
        right = ops.logical_or(is_right(logits, targets), ops.equal(targets, PADDING))
        whole = ops.all(right, axis=-1)
        found["accuracy_per_sequence"] = weighted_sum(whole, ops.ones_like(targets[:, 0]))
        return found

    def hits(self, logits: Tensor, targets: Tensor) -> Tensor:
        right = ops.cast(is_right(logits, targets), "float32")
        return ops.sum(right * self.target_mask(targets))

    def scores(self, logits: Tensor, targets: Tensor) -> Tensor:
        flat, ids, weights = self._flatten(logits, targets)
        scores = -smoothed_cross_entropy(flat, ids) * ops.cast(weights, "float32")
        return ops.reshape(scores, ops.shape(targets))

    def _flatten(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        targets = ops.reshape(targets, (-1,))
        logits = ops.reshape(logits, (-1, self.vocab_size))
        return logits, targets, ops.not_equal(targets, PADDING)

    def role_variables(self, role: str) -> list[keras.Variable]:
        if role == INPUT or self.softmax is None:
            return [self.embedding]
        return [self.embedding, self.softmax]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocab_size": self.vocab_size, "tied": self.tied}
