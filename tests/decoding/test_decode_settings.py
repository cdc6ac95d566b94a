"""--decode_hparams: what they may be, and the sentences of those that they may not."""

from __future__ import annotations

import pytest

from t2t_mm.decoding.settings import GREEDY, DecodeSettings
from t2t_mm.errors import HParamError


def test_defaults_are_those_of_tensor2tensor():
    settings = DecodeSettings()
    assert (settings.beam_size, settings.alpha, settings.return_beams) == (4, 0.6, False)
    assert (settings.num_decodes, settings.force_decode_length) == (1, False)
    assert not settings.samples
    assert GREEDY.beam_size == 1


def test_override_reads_and_checks():
    settings = DecodeSettings().override("sampling_method=random,sampling_temp=0.5,seed=3")
    assert settings.samples
    assert (settings.sampling_temp, settings.seed) == (0.5, 3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("beam_size=0", "'beam_size' must be 1 (greedy) or more, got '0'"),
        ("alpha=-0.1", "'alpha' must be 0 (no length penalty) or more, got '-0.1'"),
        ("alpha=nan", "'alpha' must be 0 (no length penalty) or more, got 'nan'"),
        ("batch_size=-1", "'batch_size' must be 0 (chosen by length) or more, got '-1'"),
        ("sampling_method=beam", "'sampling_method' must be argmax or random, got 'beam'"),
        ("sampling_temp=0", "'sampling_temp' must be more than 0 (1: the model's own"),
        ("sampling_keep_top_k=-2", "'sampling_keep_top_k' must be 0 (all) or more, got '-2'"),
        ("sampling_keep_top_p=0", "'sampling_keep_top_p' must be more than 0 and at most 1"),
        ("sampling_keep_top_p=1.5", "'sampling_keep_top_p' must be more than 0 and at most 1"),
        ("min_length=-1", "'min_length' must be 0 (no minimum) or more tokens, got '-1'"),
        ("no_repeat_ngram_size=-1", "'no_repeat_ngram_size' must be 0 (off) or more, got '-1'"),
        ("num_decodes=0", "'num_decodes' must be 1 or more, got '0'"),
        (
            "num_decodes=5",
            "'num_decodes' must be at most 4, the beam_size, unless sampling_method=random draws "
            "answers, got '5'",
        ),
        ("beam_size=1,num_decodes=2", "'num_decodes' must be at most 1, the beam_size, unless"),
        ("force_decode_length=12", "'force_decode_length' must be true or false, got '12'"),
    ],
)
def test_values_out_of_range_are_refused_in_a_sentence(text, sentence):
    with pytest.raises(HParamError) as caught:
        DecodeSettings().override(text)
    message = str(caught.value)
    assert sentence in message
    assert message.startswith("decoding hparam '")
    assert message.endswith("change it in --decode_hparams.")


def test_construction_checks_too():
    with pytest.raises(HParamError, match="beam_size"):
        DecodeSettings(beam_size=0)
