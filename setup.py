"""Packaging: problems/, hparams/ and bin/ are installed as t2t_mm.problems, .hparams and .bin."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
MAPPED = ("problems", "hparams", "bin")
SERVE = ["starlette>=0.40", "uvicorn>=0.30", "prometheus-client>=0.20"]


def version() -> str:
    text = (HERE / "t2t_mm" / "version.py").read_text(encoding="utf-8")
    return re.search(r'__version__ = "(.+?)"', text).group(1)


def packages() -> list[str]:
    names = find_packages(include=["t2t_mm", "t2t_mm.*"])
    for folder in MAPPED:
        inner = find_packages(where=folder)
        names += [f"t2t_mm.{folder}", *(f"t2t_mm.{folder}.{name}" for name in inner)]
    return names


setup(
    name="t2t_mm",
    version=version(),
    description="Train one MultiModel on many problems of different modalities, chosen by name.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=packages(),
    package_dir={"t2t_mm": "t2t_mm", **{f"t2t_mm.{name}": name for name in MAPPED}},
    package_data={"t2t_mm": ["py.typed"], "t2t_mm.serving": ["page/*"]},
    install_requires=[
        "tensorflow>=2.19,<2.22",
        "tensorflow-text>=2.19,<2.22",
        "tensorflow-datasets>=4.9.7",
        "importlib_resources>=5",  # TFDS imports it without saying so
        "keras>=3.10,<4",
        "absl-py>=2.1",
        "filelock>=3.20",
        "google-crc32c>=1.6",
        "scipy>=1.10",
        "sentencepiece>=0.2.0",
        "seqeval>=1.2.2",
        "jiwer>=3.0",
        "pillow>=10.1",
        "rouge-score>=0.1.2",
        "sacrebleu>=2.4,<3",
        "snowballstemmer>=2.2",
        "soundfile>=0.12",
        "soxr>=0.5",
        "tqdm>=4.66",
        "tomli>=2; python_version < '3.11'",
    ],
    extras_require={
        "serve": SERVE,
        "tests": [
            "pytest>=8",
            "pytest-xdist>=3.6",
            "ruff>=0.9",
            "mypy>=1.13",
            "httpx>=0.27",
            "selenium>=4.20",
            "scikit-learn>=1.3",
            "librosa>=0.10",
            "tensorboard>=2.19",
            *SERVE,
        ],
        "beam": ["apache-beam>=2.60"],
        "gpu": ["tensorflow[and-cuda]>=2.19,<2.22"],
        "plots": ["matplotlib>=3.8"],
        "digits": ["scikit-learn>=1.3"],
    },
    entry_points={
        "console_scripts": [
            "t2t-datagen = t2t_mm.bin.t2t_datagen:run",
            "t2t-trainer = t2t_mm.bin.t2t_trainer:run",
            "t2t-decoder = t2t_mm.bin.t2t_decoder:run",
            "t2t-eval = t2t_mm.bin.t2t_eval:run",
            "t2t-bleu = t2t_mm.bin.t2t_bleu:run",
            "t2t-avg-all = t2t_mm.bin.t2t_avg_all:run",
            "t2t-checkpoint = t2t_mm.bin.t2t_checkpoint:run",
            "t2t-exporter = t2t_mm.bin.t2t_exporter:run",
            "t2t-query-server = t2t_mm.bin.t2t_query_server:run",
        ]
    },
)
