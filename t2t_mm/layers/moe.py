"""The sparsely gated mixture of experts: noisy top-k gating, dispatch, balance losses."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from t2t_mm.layers.attention import quick_softmax
from t2t_mm.layers.buffers import read, take
from t2t_mm.layers.grouped_matmul import grouped_matmul
from t2t_mm.layers.initializers import glorot_uniform
from t2t_mm.layers.recording import record_gating
from t2t_mm.tensor import Shape, Tensor, channels_of


class Gating(NamedTuple):
    """The choice of experts for each position.

    Attributes:
      experts: [N, k] int32, the chosen ones, best first.
      gates: [N, k] float32, their weights; they sum to 1, or are 0 at padding.
      importance: [E] float32, the sum of each expert's gates.
      load: [E] float32, the number of positions that each expert serves (in training, smoothly).
    """

    experts: Tensor
    gates: Tensor
    importance: Tensor
    load: Tensor


class MixtureOfExperts(keras.layers.Layer):
    """Sum over the k chosen experts of gate * W_out ReLU(W_in x).

    arXiv 1701.06538; arXiv 1706.05137, section 2.3.

    Only the chosen experts compute, and no position is dropped, however uneven the choice. Padding
    positions go to no expert, give zeros and do not count in the losses. As in Tensor2Tensor the
    experts have no bias. Gating and losses are float32 under every dtype policy.

    Args:
      num_experts: E.
      filter_size: hidden width of an expert, F.
      k: experts per position.
      loss_coef: weight of the balance losses.
      noise_epsilon: least standard deviation of the gating noise.
      seed_generator: the owner's random generator, for the noise.
    """

    def __init__(
        self,
        num_experts: int,
        filter_size: int,
        k: int = 2,
        loss_coef: float = 1e-2,
        noise_epsilon: float = 1e-2,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 1 <= k <= num_experts:
            raise ValueError(f"k must lie in [1, {num_experts}], the number of experts; got {k}")
        self.num_experts = num_experts
        self.filter_size = filter_size
        self.k = k
        self.loss_coef = loss_coef
        self.noise_epsilon = noise_epsilon
        self.seed_generator = seed_generator or keras.random.SeedGenerator()

    def build(self, input_shape: Shape) -> None:
        """Makes gating kernels [D, E], at zero, and the experts' kernels [E, D, F], [E, F, D]."""
        depth, experts, hidden = channels_of(input_shape), self.num_experts, self.filter_size
        gate = {"shape": (depth, experts), "initializer": "zeros", "autocast": False}
        self.gate_kernel = self.add_weight(name="gate_kernel", **gate)
        self.noise_kernel = self.add_weight(name="noise_kernel", **gate)
        fan = glorot_uniform(depth, hidden)
        self.expert_in = self.add_weight((experts, depth, hidden), fan, name="expert_in")
        fan = glorot_uniform(hidden, depth)
        self.expert_out = self.add_weight((experts, hidden, depth), fan, name="expert_out")

    def call(self, x: Tensor, mask: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """Routes every real position through its experts.

        Args:
          x: [B, L, D].
          mask: [B, L], 1 = real.
          training: True adds noise to the gating.

        Returns:
          [B, L, D], and the balance losses times loss_coef, a float32 scalar.
        """
        rows = ops.reshape(x, (-1, x.shape[-1]))  # [B * L, D]
        mask = ops.cast(ops.reshape(mask, (-1,)), "float32")  # [B * L]
        gating = self.gate(rows, mask, training)
        y = self.dispatch(rows, mask, gating)
        loss = cv_squared(gating.importance) + cv_squared(gating.load)
        return ops.reshape(y, (-1, ops.shape(x)[1], x.shape[-1])), self.loss_coef * loss

    def gate(self, rows: Tensor, mask: Tensor, training: bool) -> Gating:
        """Noisy top-k gating (1701.06538, section 2.1 and appendix A) of rows [N, D], mask [N]."""
        rows = ops.cast(rows, "float32")
        clean = noisy = ops.matmul(rows, self.gate_kernel)
        if training:
            deviation = ops.softplus(ops.matmul(rows, self.noise_kernel)) + self.noise_epsilon
            noise = keras.random.normal(ops.shape(clean), seed=self.seed_generator)
            noisy = clean + noise * deviation
        best, experts = ops.top_k(noisy, min(self.k + 1, self.num_experts))
        experts = ops.cast(experts[:, : self.k], "int32")
        gates = mask[:, None]  # a softmax over one logit is 1
        if self.k > 1:
            gates = gates * ops.softmax(best[:, : self.k])
        importance = self._per_expert(gates, experts)
        if training and self.k < self.num_experts:
            chance = prob_in_top_k(clean, noisy, deviation, best, self.k)
            load = ops.sum(chance * mask[:, None], axis=0)
        else:
            load = self._per_expert(ops.ones_like(gates) * mask[:, None], experts)
        gating = Gating(experts, gates, importance, load)
        record_gating(self, gating)
        return gating

    def prepare(self) -> tuple[Tensor, Tensor, Tensor]:
        """The gating kernel and the experts' kernels, for `step`, once for all positions."""
        dtype = self.compute_dtype
        return read(self.gate_kernel), read(self.expert_in, dtype), read(self.expert_out, dtype)

    def step(self, weights: tuple[Tensor, Tensor, Tensor], rows: Tensor) -> Tensor:
        """One position of every hypothesis, all of them real: rows [R, D] -> [R, D]."""
        gate_kernel, expert_in, expert_out = weights
        best, experts = ops.top_k(ops.matmul(ops.cast(rows, "float32"), gate_kernel), self.k)
        gates = ops.reshape(quick_softmax(best), (-1, 1))  # [R * k, 1]
        experts = ops.reshape(ops.cast(experts, "int32"), (-1,))  # [R * k]
        sizes = ops.sum(ops.one_hot(experts, self.num_experts, dtype="int32"), axis=0)
        _, order = ops.top_k(-experts, ops.shape(experts)[0])
        source = order // self.k
        hidden = ops.relu(grouped_matmul(take(rows, source), expert_in, sizes))
        outputs = grouped_matmul(hidden, expert_out, sizes)
        outputs = outputs * ops.cast(take(gates, order), outputs.dtype)
        return ops.segment_sum(outputs, source, ops.shape(rows)[0])

    def _per_expert(self, values: Tensor, experts: Tensor) -> Tensor:
        """Sums values [N, k] by expert -> [E]."""
        values, experts = ops.reshape(values, (-1,)), ops.reshape(experts, (-1,))  # [N * k] each
        return ops.segment_sum(values, experts, self.num_experts)

    def dispatch(self, rows: Tensor, mask: Tensor, gating: Gating) -> Tensor:
        """Sends rows [N, D] to their experts and sums what they return, by gate -> [N, D]."""
        is_real = ops.repeat(mask > 0, self.k)  # [N * k]
        experts = ops.reshape(gating.experts, (-1,))  # [N * k]
        assigned = ops.where(is_real, experts, self.num_experts)
        sizes = ops.segment_sum(ops.ones_like(assigned), assigned, self.num_experts + 1)[:-1]
        order = ops.argsort(assigned)
        if keras.backend.backend() != "jax":  # JAX cannot leave rows out: its shapes are fixed
            order = order[: ops.sum(sizes)]
        source = order // self.k
        inputs = ops.take(rows, source, axis=0)  # [M, D], M what real positions send
        hidden = ops.relu(grouped_matmul(inputs, self.expert_in, sizes))
        outputs = grouped_matmul(hidden, self.expert_out, sizes)
        gates = ops.take(ops.reshape(gating.gates, (-1,)), order)  # [M]
        outputs = outputs * ops.cast(gates, outputs.dtype)[:, None]
        return ops.segment_sum(outputs, source, ops.shape(rows)[0])

    def compute_output_shape(self, input_shape: Shape, *_: Any) -> tuple[Shape, Shape]:
        return input_shape, ()

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_experts": self.num_experts,
            "filter_size": self.filter_size,
            "k": self.k,
            "loss_coef": self.loss_coef,
            "noise_epsilon": self.noise_epsilon,
        }


def prob_in_top_k(clean: Tensor, noisy: Tensor, deviation: Tensor, best: Tensor, k: int) -> Tensor:
    """The chance that an expert stays or gets into the top k if its own noise is drawn anew.

    arXiv 1701.06538, appendix A.

    Args:
      clean: [N, E] logits without noise.
      noisy: [N, E] logits with noise.
      deviation: [N, E] standard deviation of the noise.
      best: [N, k + 1] the largest noisy logits, in order.
      k: experts per position.

    Returns:
      [N, E] float32: Phi((clean - threshold) / deviation); the threshold is the k-th largest noisy
      logit among the others: the (k + 1)th of all for an expert in the top k, the k-th for the
      rest.
    """
    to_stay, to_enter = best[:, k : k + 1], best[:, k - 1 : k]
    threshold = ops.where(noisy > to_stay, to_stay, to_enter)
    return 0.5 * (1.0 + ops.erf((clean - threshold) / (deviation * 2.0**0.5)))


def cv_squared(values: Tensor) -> Tensor:
    """The squared variation var / (mean^2 + 1e-10) of values [E]: 0 when all are equal."""
    mean = ops.mean(values)
    return ops.mean(ops.square(values - mean)) / (ops.square(mean) + 1e-10)
