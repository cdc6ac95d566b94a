"""Which network a feature gets: the hparam's, the model's, the kind's own; unfit pairs."""

from __future__ import annotations

import pytest

from t2t_mm.errors import HParamError, UnknownNameError
from t2t_mm.hparam import HParams
from t2t_mm.kinds import Audio, Image, Label, Number, Tags, Text, Tree
from t2t_mm.kinds.kind import features_of, modality_name
from t2t_mm.modalities.audio import Audio as Waveforms
from t2t_mm.modalities.categorical import MultiLabel
from t2t_mm.modalities.networks import fitting, modality_class, modality_key


def test_kinds_have_networks_of_their_own():
    own = {
        Text("v"): "text", Tree("v"): "text", Image(95): "image_small", Image(96): "image",
        Audio(8000): "audio_spectral", Label(): "class_label", Number(): "number", Tags(): "tags",
        Label(multiple=True): "multi_label",
    }  # fmt: skip
    assert {kind: modality_name(kind, HParams()) for kind in own} == own
    assert modality_class(Label(multiple=True), HParams()) is MultiLabel


def test_the_hparam_goes_before_the_model_and_that_before_the_kind():
    models = HParams(modalities="image:image;audio:audio")
    assert modality_name(Image(32), models) == "image"
    assert modality_name(Text("v"), models) == "text"
    assert modality_name(Image(32), models.replace(image_modality="image_small")) == "image_small"


def test_a_tree_is_read_by_the_network_of_text():
    hparams = HParams(text_modality="text")
    assert modality_key(Tree("v", 9), hparams) == modality_key(Text("v", 9), hparams)


def test_the_network_says_which_form_of_the_data_it_reads():
    sound, waveform = Audio(8000), HParams(audio_modality="audio")
    assert features_of(sound, HParams()) == "log_mel"
    assert features_of(sound, waveform) == "waveform"
    assert modality_class(sound, waveform) is Waveforms


def test_a_network_of_other_data_is_refused_in_a_sentence():
    with pytest.raises(HParamError) as error:
        modality_class(Text("v"), HParams(text_modality="audio_spectral"))
    assert str(error.value) == (
        "hparam 'text_modality' names the modality 'audio_spectral', which is for audio, not for "
        "text; for that there are text."
    )
    with pytest.raises(HParamError, match="which is for text and tree, not for label; for that"):
        modality_key(Label(("a",), "g"), HParams(label_modality="text"))
    with pytest.raises(UnknownNameError, match=r"unknown modality 'imgae_small'.*'image_small'"):
        modality_class(Image(32), HParams(image_modality="imgae_small"))


def test_what_fits():
    assert {"image", "image_small"} <= set(fitting("image"))
    assert "text" in fitting("tree") and "image" not in fitting("tree")
    assert fitting("no_such_kind") == []
