"""A small export with the promised signatures, made of plain string operations: no t2t_mm model."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path

import tensorflow as tf
from PIL import Image

PROBLEMS = {
    "toy_upper": {"inputs": "text", "targets": "text", "command": "upper"},
    "toy_light": {"inputs": "image", "targets": "label", "labels": ["dark", "bright"],
                  "image_size": 8},
    "toy_samples": {"inputs": "audio", "targets": "text", "sample_rate": 8000},
}  # fmt: skip
KINDS = tuple(PROBLEMS)  # one of each
PROBLEMS["toy_model"] = {"inputs": "text", "absent": True, "targets": "text"}
STRINGS = tf.TensorSpec([None], tf.string)


class Toy(tf.Module):
    """Answers carry the version's tag: which version answered can be seen."""

    def __init__(self, tag: str):
        super().__init__()
        self.tag = tf.Variable(tag)

    @tf.function(input_signature=[STRINGS])
    def upper(self, inputs):
        """[UPPER tag, lower tag]; 'refuse ...' is refused, 'slow N ...' takes N turns first."""
        bad = tf.strings.regex_full_match(inputs, "refuse.*")
        first = tf.reduce_sum(tf.math.cumprod(1 - tf.cast(bad, tf.int32)))
        row = tf.strings.as_string(first)
        words = tf.strings.join(["inputs[", row, "] is refused by the toy."])
        slow = tf.strings.regex_replace(inputs, r"^slow (\d+).*", r"\1")
        slow = tf.where(tf.strings.regex_full_match(inputs, r"slow \d+.*"), slow, "0")
        turns = tf.reduce_max(tf.strings.to_number(slow, tf.int32))
        with tf.control_dependencies([tf.debugging.Assert(~tf.reduce_any(bad), [words])]):
            done = tf.while_loop(lambda i: i < turns, lambda i: [i + 1], [tf.constant(0)])[0]
        with tf.control_dependencies([done]):
            both = [tf.strings.upper(inputs), tf.strings.lower(inputs)]
        outputs = tf.stack(both, 1) + tf.strings.join([" ", self.tag])
        best = -0.1 * tf.cast(tf.strings.length(inputs), tf.float32)
        return {"outputs": outputs, "scores": tf.stack([best, best - float("inf")], 1)}

    @tf.function(input_signature=[STRINGS])
    def light(self, inputs):
        """Bright or dark, by the mean of the pixels."""
        mean = tf.map_fn(
            lambda one: tf.reduce_mean(
                tf.cast(tf.io.decode_image(one, 3, expand_animations=False), tf.float32)
            ),
            inputs,
            fn_output_signature=tf.float32,
        )
        bright = tf.stack([mean / 255, 1 - mean / 255], 1)
        order = tf.argsort(bright, direction="DESCENDING")
        labels = tf.gather(tf.constant(["bright", "dark"]), order)
        return {"outputs": labels, "scores": tf.gather(bright, order, batch_dims=1)}

    @tf.function(input_signature=[STRINGS])
    def samples(self, inputs):
        """How many samples a WAV file has."""
        count = tf.map_fn(
            lambda one: tf.size(tf.audio.decode_wav(one, 1)[0]),
            inputs,
            fn_output_signature=tf.int32,
        )
        return {
            "outputs": tf.strings.as_string(count)[:, tf.newaxis],
            "scores": tf.zeros([tf.size(inputs), 1]),
        }

    @tf.function(input_signature=[STRINGS])
    def model(self, inputs):
        """Goes on with each text, the empty one included."""
        outputs = (inputs + "once upon a time")[:, tf.newaxis]
        return {"outputs": outputs, "scores": tf.zeros([tf.size(inputs), 1])}

    @tf.function(input_signature=[STRINGS, STRINGS])
    def explain(self, inputs, outputs):
        """Pieces are words; position t of the target looks at position t of the source."""
        source = tf.strings.split(inputs).to_tensor()
        target = tf.strings.split(outputs).to_tensor()
        attention = tf.eye(tf.shape(target)[1], tf.shape(source)[1], [tf.size(inputs)])
        return {
            "source_pieces": source,
            "target_pieces": target,
            "attention": attention,
            "grid": tf.constant([0, 0]),
        }


def write_export(folder: Path, tag: str, names: tuple[str, ...] = KINDS) -> Path:
    """Writes a version folder; its answers end with `tag`."""
    toy = Toy(tag)
    functions = {
        "toy_upper": toy.upper,
        "toy_light": toy.light,
        "toy_samples": toy.samples,
        "toy_model": toy.model,
    }
    signatures = {name: functions[name] for name in names}
    if "toy_upper" in names:
        signatures["explain_toy_upper"] = toy.explain
    tf.saved_model.save(toy, str(folder), signatures=signatures)
    extra = folder / "assets.extra"
    extra.mkdir()
    card = {"problems": {name: PROBLEMS[name] for name in names}, "model": "toy", "step": 1}
    (extra / "t2t_mm.json").write_text(json.dumps(card))
    return folder


def png(shade: int = 200, size: int = 4) -> bytes:
    """A grey picture."""
    out = io.BytesIO()
    Image.new("RGB", (size, size), (shade,) * 3).save(out, "PNG")
    return out.getvalue()


def wav(samples: int = 40, rate: int = 8000) -> bytes:
    """Silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\0\0" * samples)
    return out.getvalue()
