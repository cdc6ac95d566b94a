"""The built-in models, declared by name: importing this imports no Keras."""

from t2t_mm.registry import MODELS

MODELS.declare(
    "multi_model",
    "t2t_mm.models.multi_model:MultiModel",
    "The MultiModel body: convolutions, attention and sparsely gated mixtures of experts.",
)
MODELS.declare(
    "transformer",
    "t2t_mm.models.transformer:Transformer",
    "The Transformer encoder-decoder body, pre-norm.",
)
MODELS.declare(
    "lstm_seq2seq",
    "t2t_mm.models.lstm:LSTMSeq2Seq",
    "LSTMs over the reversed source, whose last states start the LSTMs that write.",
)
MODELS.declare(
    "lstm_seq2seq_attention",
    "t2t_mm.models.lstm:LSTMSeq2SeqAttention",
    "LSTMs that write and look back at the source (Bahdanau, Luong).",
)
MODELS.declare(
    "gpt",
    "t2t_mm.models.gpt:GPT",
    "GPT: a decoder alone, which continues its inputs; learned positions.",
)
MODELS.declare(
    "resnet",
    "t2t_mm.models.resnet:ResNet",
    "Residual networks from pixels to a label, at their published sizes.",
)
