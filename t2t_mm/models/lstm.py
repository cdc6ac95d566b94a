"""LSTM sequence to sequence, as Tensor2Tensor had it: the recurrent baselines.

`lstm_seq2seq` hands its encoder's last states to the decoder and nothing else (arXiv 1409.3215);
`lstm_seq2seq_attention` looks back at the source (arXiv 1409.0473, 1508.04025).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from t2t_mm.errors import HParamError
from t2t_mm.layers.attention_lstm import MECHANISMS, AttentionLSTM
from t2t_mm.layers.lstm import LSTMStack
from t2t_mm.layers.recurrence import reverse_real
from t2t_mm.layers.rep import Encoded, Rep, map_tensors
from t2t_mm.layers.seeds import fold_in
from t2t_mm.models.body import Body
from t2t_mm.tensor import Shape, Size, State, Tensor


class RecurrentBody(Body):
    """An LSTM stack over the reversed source; subclasses bring the decoder.

    The source is read from its end (arXiv 1409.3215, section 3.3), so that its beginning is near to
    where writing begins; padding stays at the end, and each row stops at its own length. The last
    states start the decoder, cell by cell. The encoder's outputs, in the source's order again, are
    what a class label reads.

    Args:
      hidden_size: D, of embeddings and cells.
      num_hidden_layers: cells on either side.
      dropout: on the input of every cell.
      seed_generator: the one source of randomness.
    """

    hparam_fields: ClassVar[tuple[str, ...]] = ("hidden_size", "num_hidden_layers", "dropout")

    def __init__(
        self,
        hidden_size: int = 128,
        num_hidden_layers: int = 2,
        dropout: float = 0.0,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(hidden_size, seed_generator, **kwargs)
        self.num_hidden_layers = num_hidden_layers
        self.dropout = dropout
        self.encoder = LSTMStack(hidden_size, num_hidden_layers, dropout, **self._named("encoder"))

    def _named(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "seed": fold_in(self.seed_generator.get_config()["seed"], name),
            "seed_generator": self.seed_generator,
            "dtype": self.dtype_policy,
        }

    @classmethod
    def from_hparams(cls, hparams: Any, seed_generator: keras.random.SeedGenerator) -> Body:
        """Makes the body that an LSTMHParams describes."""
        values = {field: getattr(hparams, field) for field in cls.hparam_fields}
        return cls(**values, seed_generator=seed_generator)

    def stages(self) -> Mapping[str, Sequence[keras.layers.Layer]]:
        return {"encoder": [self.encoder], "decoder": [self.decoder]}

    def encode(self, rep: Rep, training: bool = False) -> Encoded:
        """See `Body.encode`; the state is (h, c) of each cell after each row's first position."""
        x = reverse_real(rep.x, rep.mask)
        y, state = self.encoder(x, position_mask=rep.mask, training=training)
        y = reverse_real(y, rep.mask)
        return Encoded(Rep(y, rep.mask, rep.grid), ops.zeros((), "float32"), state)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **{field: getattr(self, field) for field in self.hparam_fields},
        }


class LSTMSeq2Seq(RecurrentBody):
    """T2T's lstm_seq2seq: the decoder knows of the source what the encoder's last states hold.

    Args:
      hidden_size, num_hidden_layers, dropout, seed_generator: as for `RecurrentBody`.
    """

    def __init__(
        self,
        hidden_size: int = 128,
        num_hidden_layers: int = 2,
        dropout: float = 0.0,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(hidden_size, num_hidden_layers, dropout, seed_generator, **kwargs)
        self.decoder = LSTMStack(hidden_size, num_hidden_layers, dropout, **self._named("decoder"))

    def build(self, input_shape: Shape | None = None) -> None:
        self.encoder.build((None, self.hidden_size))
        self.decoder.build((None, self.hidden_size))

    def decode(
        self, encoded: Encoded, shifted: Tensor, mask: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        y, _ = self.decoder(shifted, state=encoded.state, training=training)
        return y, ops.zeros((), "float32")

    def start(self, encoded: Encoded, beams: int, length: Size) -> tuple[State, State]:
        """See `Body.start`. The state: (h, c) of each cell."""
        return self.decoder.prepare(), _repeat(encoded.state, beams)

    def step(
        self, memory: State, state: State, x: Tensor, position: Tensor
    ) -> tuple[Tensor, State]:
        return self.decoder.step(memory, ops.cast(x, self.compute_dtype), state)


class LSTMSeq2SeqAttention(RecurrentBody):
    """T2T's lstm_seq2seq_attention: the decoder looks at the encoder's outputs.

    See `AttentionLSTM` for what T2T's differs in. At width 128, two layers and one Bahdanau head
    it has T2T's parameters: 263,168 of the encoder, 394,368 of the decoder.

    Args:
      hidden_size, num_hidden_layers, dropout, seed_generator: as for `RecurrentBody`.
      attention_mechanism: "bahdanau" (additive) or "luong" (multiplicative).
      num_heads: mechanisms.
      attention_layer_size: width of each one's attention vector.
      output_attention: the outputs are the attention vectors; False: those of the last cell.
    """

    hparam_fields = (
        *RecurrentBody.hparam_fields,
        "attention_mechanism",
        "num_heads",
        "attention_layer_size",
        "output_attention",
    )

    def __init__(
        self,
        hidden_size: int = 128,
        num_hidden_layers: int = 2,
        dropout: float = 0.0,
        attention_mechanism: str = "bahdanau",
        num_heads: int = 1,
        attention_layer_size: int = 128,
        output_attention: bool = True,
        seed_generator: keras.random.SeedGenerator | None = None,
        **kwargs: Any,
    ) -> None:
        if attention_mechanism not in MECHANISMS:
            raise HParamError(
                f"hparam 'attention_mechanism' must be {' or '.join(sorted(MECHANISMS))}, got "
                f"'{attention_mechanism}'; change it in --hparams."
            )
        super().__init__(hidden_size, num_hidden_layers, dropout, seed_generator, **kwargs)
        self.attention_mechanism = attention_mechanism
        self.num_heads = num_heads
        self.attention_layer_size = attention_layer_size
        self.output_attention = output_attention
        self.decoder = AttentionLSTM(
            hidden_size,
            num_hidden_layers,
            attention_mechanism,
            num_heads,
            attention_layer_size,
            output_attention,
            dropout,
            **self._named("decoder"),
        )

    def build(self, input_shape: Shape | None = None) -> None:
        self.encoder.build((None, self.hidden_size))
        self.decoder.build((self.hidden_size, self.hidden_size))

    def decode(
        self, encoded: Encoded, shifted: Tensor, mask: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        rep, _, state = encoded
        y = self.decoder(shifted, rep.x, rep.mask, state, training=training)
        return y, ops.zeros((), "float32")

    def start(self, encoded: Encoded, beams: int, length: Size) -> tuple[State, State]:
        """See `Body.start`. The state: (h, c) of each cell, and the attention vectors."""
        memory = self.decoder.start(encoded.rep.x, encoded.rep.mask)
        return (memory, beams), self.decoder.first_state(_repeat(encoded.state, beams))

    def step(
        self, memory: State, state: State, x: Tensor, position: Tensor
    ) -> tuple[Tensor, State]:
        memory, beams = memory
        x = ops.cast(x, self.compute_dtype)
        h, state = self.decoder.step(memory, state, x, beams)
        return self.decoder.output(memory, h, state[1]), state


def _repeat(state: State, beams: int) -> State:
    """Repeats every row `beams` times, its copies side by side."""
    return map_tensors(lambda tensor: ops.repeat(tensor, beams, axis=0), state)
