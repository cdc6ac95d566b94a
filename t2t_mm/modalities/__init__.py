"""The built-in modalities, declared by name: importing this imports no Keras."""

from t2t_mm.registry import MODALITIES

_BUILT_IN = {
    "text": ("text:Text", "Subword tokens: learned embedding in, linear map and softmax out."),
    "image": ("image:Image", "Large images: Xception's entry flow, sides divided by 16."),
    "image_small": ("image:ImageSmall", "Small images: a shorter entry flow."),
    "pixels": ("pixels:Pixels", "Images as they are: every pixel is a position."),
    "audio": ("audio:Audio", "Waveforms: a stack of 1-D ConvRes blocks."),
    "audio_spectral": ("audio:AudioSpectral", "Log-mel spectrograms: ConvRes blocks along time."),
    "class_label": ("categorical:ClassLabel", "One of some classes: Xception's exit flow."),
    "linear_label": ("linear_label:LinearLabel", "One of some classes: a mean and a linear map."),
    "decoded_label": ("linear_label:DecodedLabel", "One of some classes: read from the decoder."),
    "multi_label": ("categorical:MultiLabel", "Several classes at once: Xception's exit flow."),
    "number": ("number:Number", "A real number (regression): Xception's exit flow."),
    "tags": ("tags:Tags", "A class for each word: a linear map of the encoder's positions."),
}

for _name, (_target, _summary) in _BUILT_IN.items():
    MODALITIES.declare(_name, f"t2t_mm.modalities.{_target}", _summary)
