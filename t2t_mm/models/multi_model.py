"""MultiModel's body: encoder, mixer, decoder (arXiv 1706.05137; patent WO2018213841A1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import keras
from keras import ops

from t2t_mm.layers.ancestry import past_bias, start_ancestry, write_ancestry
from t2t_mm.layers.attention import (
    MultiHeadAttention,
    SourceMemory,
    causal_bias,
    padding_bias,
)
from t2t_mm.layers.attention_block import AttentionBlock, BlockMemory
from t2t_mm.layers.buffers import take
from t2t_mm.layers.causal_convs import CausalConvs, ConvsAt, ConvsMemory
from t2t_mm.layers.conv import ConvBlock, ConvStep
from t2t_mm.layers.moe import MixtureOfExperts
from t2t_mm.layers.normalization import LayerNorm
from t2t_mm.layers.rep import Encoded, Rep, concatenate
from t2t_mm.layers.timing import add_timing
from t2t_mm.models.body import Body
from t2t_mm.models.transformer import TransformerLayer
from t2t_mm.tensor import Shape, Size, State, Tensor

if TYPE_CHECKING:
    from t2t_mm.hparam import HParams
    from t2t_mm.problem import Task

FIELDS = (
    "hidden_size",
    "filter_size",
    "num_heads",
    "encoder_blocks",
    "decoder_blocks",
    "mixer_blocks",
    "conv_short_kernel",
    "conv_long_kernel",
    "conv_dilation",
    "dropout",
    "attention_dropout",
    "use_moe",
    "use_attention",
    "num_experts",
    "encoder_experts",
    "decoder_experts",
    "moe_k",
    "moe_loss_coef",
    "fusion_layers",
    "patent_figures",
)

FUSION_LAYERS = 3  # where a problem has several inputs and the hparam leaves their number open
ENCODED_SHARE = 0.5  # of the encoder's output, beside the inputs, in what is fused


class MultiModelMemory(NamedTuple):
    """Tensors that all positions of a batch's outputs share; parts that a body lacks are None.

    Attributes:
      beams: hypotheses of each input, K.
      convs: of the causal ConvSteps.
      mixer: of the mixer's attention block.
      inputs: of the decoder's attentions, that of its input first.
      norms: weights of `decoder_norms`.
      second: of the mixer's second attention, with `patent_figures`.
      mixture: weights of the mixture and of its normalization.
      bias: [B, 1, 1, S], of padding.
      mean: [R, D], the mean of the encoded inputs, where there is no attention.
    """

    beams: int
    convs: ConvsMemory
    mixer: BlockMemory | None = None
    inputs: list[SourceMemory] | None = None
    norms: list[tuple[Tensor, Tensor]] | None = None
    second: SourceMemory | None = None
    mixture: tuple[State, tuple[Tensor, Tensor]] | None = None
    bias: Tensor | None = None
    mean: Tensor | None = None


class MultiModel(Body):
    """One body for all problems, of convolutions, attention and sparsely gated experts.

    Encoder (patent, figure 3): timing; half of the ConvBlocks; mixture; the other half; attention
    of their output over the mixture's. Mixer (figure 4): attention block of the shifted outputs
    over the encoded inputs, concatenated with the shifted outputs, merged by a ConvStep;
    ConvBlocks. Decoder (figure 5): the mixer's output concatenated with its attention over the
    encoded inputs, merged by a ConvStep; then blocks of ConvBlock and attention over the encoded
    inputs, with a mixture in the middle. Mixer and decoder are causal.

    Neither of them has several inputs. Here each goes through the encoder by itself; the sum of its
    representation, with the timing, and half of its encoding is put beside those of the others; and
    pre-norm self-attention layers over the positions of all follow. With the inputs joined before
    the encoder, questions were not learnt even where no image had to be seen (docs/results.md).

    Neither paper nor patent says how a mixture, or the attention in encoder and decoder, joins its
    input: here LN(x + branch), as in Tensor2Tensor's MultiModel.

    Args:
      hidden_size: D.
      filter_size: hidden width of an expert.
      num_heads: heads of every attention.
      encoder_blocks: ConvBlocks of the encoder; the paper's 6.
      decoder_blocks: blocks of ConvBlock and attention in the decoder; the paper's 4.
      mixer_blocks: ConvBlocks of the mixer; the paper's 2.
      conv_short_kernel, conv_long_kernel, conv_dilation: of every ConvBlock.
      dropout: at the end of each ConvBlock.
      attention_dropout: on attention weights.
      use_moe: False leaves the mixtures out (the paper's table 4).
      use_attention: False leaves every attention out (table 4). The decoder must see the inputs all
        the same: where mixer and decoder concatenate an attention over them, their mean over the
        real positions stands in; the decoder's blocks are ConvBlocks alone.
      num_experts, moe_k, moe_loss_coef: of the mixtures.
      encoder_experts, decoder_experts: of that mixture, where it has another number of experts
        (t2t-checkpoint cut leaves out those that are hardly used); 0: num_experts.
      fusion_layers: self-attention layers over several inputs; 0 joins them before the encoder.
      patent_figures: True adds what the patent's figures have beyond T2T's MultiModel. In the mixer
        a second attention over the encoded inputs (416) follows its ConvBlocks; each block of the
        decoder has a second ConvBlock (512); attentions join encoder, mixer and decoder (318, 418,
        518) by sums without a normalization. The figures leave open what exactly enters the
        additional layers: this is our reading.
      seed_generator: the one source of randomness.
    """

    hparam_fields: ClassVar[tuple[str, ...]] = FIELDS
    decoding_stages: ClassVar[frozenset[str]] = frozenset({"mixer", "decoder"})

    def __init__(
        self,
        hidden_size: int = 512,
        filter_size: int = 2048,
        num_heads: int = 8,
        encoder_blocks: int = 6,
        decoder_blocks: int = 4,
        mixer_blocks: int = 2,
        conv_short_kernel: int = 3,
        conv_long_kernel: int = 15,
        conv_dilation: int = 8,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        use_moe: bool = True,
        use_attention: bool = True,
        num_experts: int = 30,
        encoder_experts: int = 0,
        decoder_experts: int = 0,
        moe_k: int = 2,
        moe_loss_coef: float = 1e-2,
        fusion_layers: int = 0,
        patent_figures: bool = False,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(hidden_size, seed_generator, **kwargs)
        self.filter_size = filter_size
        self.num_heads = num_heads
        self.encoder_blocks = encoder_blocks
        self.decoder_blocks = decoder_blocks
        self.mixer_blocks = mixer_blocks
        self.conv_short_kernel = conv_short_kernel
        self.conv_long_kernel = conv_long_kernel
        self.conv_dilation = conv_dilation
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.use_moe = use_moe
        self.use_attention = use_attention
        self.num_experts = num_experts
        self.encoder_experts = encoder_experts
        self.decoder_experts = decoder_experts
        self.moe_k = moe_k
        self.moe_loss_coef = moe_loss_coef
        self.fusion_layers = fusion_layers
        self.patent_figures = patent_figures
        self._make_encoder()
        self._make_fusion()
        self._make_mixer()
        self._make_decoder()

    @classmethod
    def fitted(cls, hparams: Any, tasks: Sequence[Task]) -> HParams:
        if hparams.fusion_layers >= 0:
            return hparams
        several = any(len(task.inputs) > 1 for task in tasks)
        layers = FUSION_LAYERS if several and hparams.use_attention else 0
        return hparams.replace(fusion_layers=layers)

    @classmethod
    def from_hparams(cls, hparams: Any, seed_generator: keras.random.SeedGenerator) -> MultiModel:
        """Makes the body that a MultiModelHParams describes."""
        return cls(
            **{field: getattr(hparams, field) for field in FIELDS}, seed_generator=seed_generator
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{field: getattr(self, field) for field in FIELDS}}

    def _make_encoder(self) -> None:
        blocks = [self._block(f"encoder_{i}", "same") for i in range(self.encoder_blocks)]
        half = self.encoder_blocks // 2
        self.encoder_before, self.encoder_after = blocks[:half], blocks[half:]
        if self.use_moe:
            self.encoder_mixture = self._mixture("encoder_mixture", self.encoder_experts)
            self.encoder_mixture_norm = self._norm("encoder_mixture_norm")
        if self.use_attention:
            self.encoder_attention = self._attention("encoder_attention")
            if not self.patent_figures:
                self.encoder_attention_norm = self._norm("encoder_attention_norm")

    def _make_fusion(self) -> None:
        self.fusion = [
            TransformerLayer(
                self.filter_size,
                self.num_heads,
                reads_memory=False,
                dropout=self.dropout,
                attention_dropout=self.attention_dropout,
                seed_generator=self.seed_generator,
                name=f"fusion_{index}",
                dtype=self.dtype_policy,
            )
            for index in range(self.fusion_layers)
        ]
        if self.fusion:
            self.fusion_norm = self._norm("fusion_norm")

    def _make_mixer(self) -> None:
        if self.use_attention:
            self.mixer_attention = AttentionBlock(
                self.num_heads,
                self.conv_short_kernel,
                self.conv_long_kernel,
                self.conv_dilation,
                self.dropout,
                self.attention_dropout,
                self.seed_generator,
                name="mixer_attention",
                dtype=self.dtype_policy,
            )
        self.mixer_merge = self._merge("mixer_merge")
        self.mixer_convs = [self._block(f"mixer_{i}", "causal") for i in range(self.mixer_blocks)]
        if self.patent_figures and self.use_attention:
            self.mixer_second_attention = self._attention("mixer_second_attention")

    def _make_decoder(self) -> None:
        names = [f"decoder_{i}" for i in range(self.decoder_blocks)]
        self.decoder_merge = self._merge("decoder_merge")
        self.decoder_convs = [self._block(name, "causal") for name in names]
        self.decoder_second_convs: list[ConvBlock] = []
        if self.patent_figures:
            self.decoder_second_convs = [self._block(f"{n}_second", "causal") for n in names]
        if self.use_attention:
            self.decoder_inputs_attention = self._attention("decoder_inputs_attention")
            self.decoder_attentions = [self._attention(f"{name}_attention") for name in names]
            self.decoder_norms: list[LayerNorm] = []
            if not self.patent_figures:
                self.decoder_norms = [self._norm(f"{name}_norm") for name in names]
        if self.use_moe:
            self.decoder_mixture = self._mixture("decoder_mixture", self.decoder_experts)
            self.decoder_mixture_norm = self._norm("decoder_mixture_norm")

    def _block(self, name: str, padding: str) -> ConvBlock:
        return ConvBlock(
            self.conv_short_kernel,
            self.conv_long_kernel,
            self.conv_dilation,
            padding,
            self.dropout,
            self.seed_generator,
            name=name,
            dtype=self.dtype_policy,
        )

    def _attention(self, name: str) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.num_heads,
            self.attention_dropout,
            self.seed_generator,
            name=name,
            dtype=self.dtype_policy,
        )

    def _mixture(self, name: str, experts: int) -> MixtureOfExperts:
        return MixtureOfExperts(
            experts or self.num_experts,
            self.filter_size,
            self.moe_k,
            self.moe_loss_coef,
            seed_generator=self.seed_generator,
            name=name,
            dtype=self.dtype_policy,
        )

    def _merge(self, name: str) -> ConvStep:
        return ConvStep(
            self.hidden_size,
            self.conv_short_kernel,
            padding="causal",
            name=name,
            dtype=self.dtype_policy,
        )

    def _norm(self, name: str) -> LayerNorm:
        return LayerNorm(name=name, dtype=self.dtype_policy)

    def build(self, input_shape: Shape | None = None) -> None:
        for layer in self._flatten_layers(include_self=False, recursive=False):
            merges = layer in (self.mixer_merge, self.decoder_merge)
            layer.build((None, None, self.hidden_size * (2 if merges else 1)))
        blocks = [*self.mixer_convs, *self.decoder_convs, *self.decoder_second_convs]
        if self.use_attention:
            blocks += self.mixer_attention.blocks
        steps = [step for block in blocks for step in block.steps]
        self._causal_convs = CausalConvs([self.mixer_merge, self.decoder_merge, *steps])

    def encode(self, rep: Rep, training: bool = False) -> Encoded:
        x = ops.cast(rep.x, self.compute_dtype)
        mask = ops.cast(rep.mask, self.compute_dtype)[:, :, None]
        aux_loss = ops.zeros((), "float32")
        x = add_timing(x)
        for block in self.encoder_before:
            x = block(x, position_mask=mask, training=training)
        if self.use_moe:
            experts, aux_loss = self.encoder_mixture(x, rep.mask, training=training)
            x = self.encoder_mixture_norm(x + experts)
        memory = x
        for block in self.encoder_after:
            x = block(x, position_mask=mask, training=training)
        if self.use_attention:
            bias = padding_bias(rep.mask)
            attended = self.encoder_attention(x, memory, bias, training=training)
            x = x + attended
            if not self.patent_figures:
                x = self.encoder_attention_norm(x)
        return Encoded(Rep(x * mask, rep.mask, rep.grid), aux_loss)

    def encode_inputs(self, reps: Mapping[str, Rep], training: bool = False) -> Encoded:
        if len(reps) == 1 or not self.fusion:
            return super().encode_inputs(reps, training)
        aux_loss, inputs = ops.zeros((), "float32"), []
        for rep in reps.values():
            encoded = self.encode(rep, training)
            aux_loss = aux_loss + encoded.aux_loss
            x = add_timing(ops.cast(rep.x, self.compute_dtype))
            inputs.append(rep._replace(x=x + ENCODED_SHARE * encoded.rep.x))
        joined = concatenate(inputs)
        x, bias = joined.x, padding_bias(joined.mask)
        for layer in self.fusion:
            x = layer(x, bias, training=training)
        mask = ops.cast(joined.mask, x.dtype)[:, :, None]
        return Encoded(Rep(self.fusion_norm(x) * mask, joined.mask), aux_loss)

    def stages(self) -> Mapping[str, Sequence[keras.layers.Layer]]:
        encoder = [*self.encoder_before, *self.encoder_after]
        mixer = [self.mixer_merge, *self.mixer_convs]
        decoder = [self.decoder_merge, *self.decoder_convs, *self.decoder_second_convs]
        if self.use_moe:
            encoder += [self.encoder_mixture, self.encoder_mixture_norm]
            decoder += [self.decoder_mixture, self.decoder_mixture_norm]
        if self.use_attention:
            encoder += [self.encoder_attention]
            mixer += [self.mixer_attention]
            if self.patent_figures:
                mixer += [self.mixer_second_attention]
            else:
                encoder += [self.encoder_attention_norm]
            decoder += [self.decoder_inputs_attention, *self.decoder_attentions]
            decoder += self.decoder_norms
        stages: dict[str, Sequence[keras.layers.Layer]]
        stages = {"encoder": encoder, "mixer": mixer, "decoder": decoder}
        if self.fusion:
            stages["fusion"] = [*self.fusion, self.fusion_norm]
        return stages

    def decode(
        self, encoded: Encoded, shifted: Tensor, mask: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        shifted = ops.cast(shifted, self.compute_dtype)
        mixed = self._mix(encoded.rep, shifted, training)
        return self._decode(encoded.rep, mixed, mask, training)

    def _mix(self, encoded: Rep, shifted: Tensor, training: bool) -> Tensor:
        """The mixer: earlier outputs [B, T, D] meet the encoded inputs -> [B, T, D]."""
        if self.use_attention:
            attended = self.mixer_attention(
                shifted,
                encoded.x,
                padding_bias(encoded.mask),
                causal_bias(ops.shape(shifted)[1]),
                training=training,
            )
        else:
            attended = _mean_everywhere(encoded, shifted)
        x = self.mixer_merge(ops.concatenate([attended, shifted], axis=-1))
        for block in self.mixer_convs:
            x = block(x, training=training)
        if self.patent_figures and self.use_attention:
            bias = padding_bias(encoded.mask)
            x = x + self.mixer_second_attention(x, encoded.x, bias, training=training)
        return x

    def _decode(
        self, encoded: Rep, mixed: Tensor, mask: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        """The decoder: the mixer's output [B, T, D] and the encoded inputs -> [B, T, D], loss."""
        aux_loss = ops.zeros((), "float32")
        bias = padding_bias(encoded.mask)
        if self.use_attention:
            inputs = self.decoder_inputs_attention(mixed, encoded.x, bias, training=training)
        else:
            inputs = _mean_everywhere(encoded, mixed)
        x = self.decoder_merge(ops.concatenate([mixed, inputs], axis=-1))
        for index, block in enumerate(self.decoder_convs):
            if self.use_moe and index == self.decoder_blocks // 2:
                experts, aux_loss = self.decoder_mixture(x, mask, training=training)
                x = self.decoder_mixture_norm(x + experts)
            x = block(x, training=training)
            for second in self.decoder_second_convs[index : index + 1]:
                x = second(x, training=training)
            if self.use_attention:
                attention = self.decoder_attentions[index]
                x = x + attention(x, encoded.x, bias, training=training)
                for norm in self.decoder_norms[index : index + 1]:
                    x = norm(x)
        return x, aux_loss

    def start(
        self, encoded: Encoded, beams: int, length: Size
    ) -> tuple[MultiModelMemory, dict[str, State]]:
        """See `Body.start`. The state: buffers of the convolutions, keys and values, ancestry."""
        rep = encoded.rep._replace(x=ops.cast(encoded.rep.x, self.compute_dtype))
        rows = ops.shape(rep.x)[0] * beams
        convs, buffers = self._causal_convs.start(rows, beams, length, self.compute_dtype)
        state: dict[str, State] = {"convs": buffers}
        parts: dict[str, Any] = {}
        if beams > 1:
            state["ancestry"] = start_ancestry(rows, length)
        if self.use_attention:
            parts, state["mixer"] = self._start_attention(rep, beams, length)
        else:
            parts["mean"] = ops.repeat(_mean(rep), beams, axis=0)
        if self.use_moe:
            norm = self.decoder_mixture_norm.prepare()
            parts["mixture"] = (self.decoder_mixture.prepare(), norm)
        return MultiModelMemory(beams, convs, **parts), state

    def _start_attention(
        self, encoded: Rep, beams: int, length: Size
    ) -> tuple[dict[str, Any], tuple[Tensor, Tensor]]:
        mixer, state = self.mixer_attention.start(encoded.x, beams, length)
        attentions = [self.decoder_inputs_attention, *self.decoder_attentions]
        parts = {
            "mixer": mixer,
            "inputs": [attention.start(encoded.x, beams) for attention in attentions],
            "norms": [norm.prepare() for norm in self.decoder_norms],
            "bias": padding_bias(encoded.mask),
        }
        if self.patent_figures:
            parts["second"] = self.mixer_second_attention.start(encoded.x, beams)
        return parts, state

    def step(
        self, memory: MultiModelMemory, state: dict[str, State], x: Tensor, position: Tensor
    ) -> tuple[Tensor, dict[str, State]]:
        x, state = ops.cast(x, self.compute_dtype), dict(state)
        ancestry = None
        if memory.beams > 1:
            ancestry = state["ancestry"] = write_ancestry(state["ancestry"], position)
        at = self._causal_convs.at(memory.convs, state["convs"], position, ancestry)
        mixed, state = self._mix_step(memory, state, x, position, at)
        y = self._decode_step(memory, mixed, at)
        state["convs"] = at.state()
        return y, state

    def _mix_step(
        self,
        memory: MultiModelMemory,
        state: dict[str, State],
        x: Tensor,
        position: Tensor,
        at: ConvsAt,
    ) -> tuple[Tensor, dict[str, State]]:
        attended = memory.mean
        if memory.mixer is not None:
            length = ops.shape(memory.mixer.timing)[0]
            own = past_bias(state.get("ancestry"), position, length, memory.beams)
            biases = (memory.bias, own)
            attended, state["mixer"] = self.mixer_attention.step(
                memory.mixer, state["mixer"], x, position, at, biases, memory.beams
            )
        x = at(self.mixer_merge, ops.concatenate([attended, x], axis=-1))
        for block in self.mixer_convs:
            x = block.step(at, x)
        if memory.second is not None:
            x = x + self.mixer_second_attention.step(memory.second, x, memory.bias, memory.beams)
        return x, state

    def _decode_step(self, memory: MultiModelMemory, mixed: Tensor, at: ConvsAt) -> Tensor:
        inputs = memory.mean
        if memory.inputs is not None:
            inputs = self.decoder_inputs_attention.step(
                memory.inputs[0], mixed, memory.bias, memory.beams
            )
        x = at(self.decoder_merge, ops.concatenate([mixed, inputs], axis=-1))
        for index, block in enumerate(self.decoder_convs):
            if memory.mixture is not None and index == self.decoder_blocks // 2:
                weights, norm = memory.mixture
                experts = self.decoder_mixture.step(weights, x)
                x = self.decoder_mixture_norm.step(norm, x + experts)
            x = block.step(at, x)
            for second in self.decoder_second_convs[index : index + 1]:
                x = second.step(at, x)
            if memory.inputs is not None and memory.norms is not None:
                attention, inputs = self.decoder_attentions[index], memory.inputs[index + 1]
                x = x + attention.step(inputs, x, memory.bias, memory.beams)
                for norm, weights in zip(
                    self.decoder_norms[index : index + 1],
                    memory.norms[index : index + 1],
                    strict=True,
                ):
                    x = norm.step(weights, x)
        return x

    def reorder(self, state: dict[str, State], rows: Tensor) -> dict[str, State]:
        """The ancestry alone moves; with one hypothesis per input there is nothing to exchange."""
        if "ancestry" not in state:
            return state
        return {**state, "ancestry": take(state["ancestry"], rows)}


def _mean(encoded: Rep) -> Tensor:
    """The mean of encoded [B, L, D] over real positions, [B, D]."""
    mask = ops.cast(encoded.mask, encoded.x.dtype)[:, :, None]
    count = ops.maximum(ops.sum(mask, axis=1), 1)
    return ops.sum(encoded.x * mask, axis=1) / count


def _mean_everywhere(encoded: Rep, like: Tensor) -> Tensor:
    """Repeats `_mean` at every position of like [B, T, D]."""
    return ops.broadcast_to(_mean(encoded)[:, None], ops.shape(like))
