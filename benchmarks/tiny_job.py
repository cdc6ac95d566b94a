"""A job that takes seconds: two problems of a problems file, texts and pictures, and a tiny model.

What the scripts about reliability (fuzzing/, kills.py, server_load.py) generate, train and serve.
"""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
COLORS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}
PROBLEMS = "tiny_digits,tiny_colors"
_TABLES = """
[problems.tiny_digits]
kind = "text2text"
format = "tsv"
vocabulary = "vocab.tiny_job"
command = "to_digits"
train = { path = "digits.tsv" }
holdout = { dev = 0.2 }
shards = { train = 3 }

[problems.tiny_colors]
kind = "image2class"
format = "class_folders"
image_size = 8
train = { path = "colors" }
holdout = { dev = 0.2 }
shards = { train = 3 }

[vocabularies."vocab.tiny_job"]
size = 340
"""
HPARAMS = (
    "hidden_size=16,filter_size=16,num_heads=2,encoder_layers=1,decoder_layers=1,batch_size=64,"
    "batch_images=8,class_exit_filters=[8,8],learning_rate_warmup_steps=4"
)


def write_raw(folder: Path, examples: int = 60, seed: int = 0) -> Path:
    """Writes the raw files and a problems file; gives the latter's path."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["inputs\ttargets"]
    for _ in range(examples):
        digits = [rng.randrange(10) for _ in range(rng.randint(1, 6))]
        lines.append(f"{' '.join(DIGITS[d] for d in digits)}\t{''.join(map(str, digits))}")
    (folder / "digits.tsv").write_text("\n".join(lines) + "\n")
    for number in range(examples):
        name = rng.choice(list(COLORS))
        place = folder / "colors" / name
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(png(name, rng))
    path = folder / "tiny.toml"
    path.write_text(_TABLES)
    return path


def png(color: str, rng: random.Random) -> bytes:
    """A picture of 8 x 8 pixels of nearly one color."""
    from PIL import Image

    out = io.BytesIO()
    shade = tuple(value + rng.randint(-30, 30) for value in COLORS[color])
    Image.new("RGB", (8, 8), shade).save(out, "PNG")
    return out.getvalue()


def flags(raw: Path, data_dir: Path, output_dir: Path, steps: int) -> list[str]:
    """The trainer's flags for the job."""
    values = {
        "problems_file": raw / "tiny.toml",
        "problems": PROBLEMS,
        "model": "transformer",
        "hparams_set": "transformer_tiny",
        "hparams": HPARAMS,
        "data_dir": data_dir,
        "output_dir": output_dir,
        "train_steps": steps,
        "eval_steps": 1,
        "local_eval_frequency": 4,
    }
    return [f"--{name}={value}" for name, value in values.items()]


def train(raw: Path, folder: Path, steps: int = 4) -> Path:
    """Makes data and a run below `folder`, in this process; gives the run directory."""
    import t2t_mm
    from t2t_mm import problems_file

    problems_file.load(raw / "tiny.toml")
    arguments: dict[str, Any] = {
        "problems": PROBLEMS,
        "model": "transformer",
        "hparams_set": "transformer_tiny",
        "hparams": HPARAMS,
    }
    t2t_mm.train(
        **arguments,
        data_dir=folder / "data",
        output_dir=folder / "run",
        train_steps=steps,
        eval_steps=0,
        generate_data=True,
        progress=False,
    )
    return folder / "run"
