"""First calls of a loaded version: the first call of a graph is slow, and shows that it works."""

from __future__ import annotations

import io
from typing import Any

from t2t_mm.kinds.wav_files import pcm_file
from t2t_mm.serving.http.loading import BrokenExport
from t2t_mm.serving.http.request_error import RowError
from t2t_mm.serving.http.servable import Servable


def warm_up(servable: Servable) -> None:
    """Calls each signature once with a made-up input, and explains with the answer to it.

    Raises:
      BrokenExport: if one fails.
    """
    for name in servable.problems:
        signature = servable.signatures[name]
        columns = {"inputs": [sample_input(signature.problem)]}
        try:
            answer = signature.answer(columns)[0]["outputs"][0]
            explain = servable.signatures.get(f"explain_{name}")
            if explain:
                explain.answer({**columns, "outputs": [answer.encode()]})
        except (RowError, RuntimeError, LookupError) as error:
            raise BrokenExport(f"a first call of '{name}' failed ({error}).") from None


def sample_input(problem: dict[str, Any]) -> bytes:
    """A word, a grey picture, or half a second of near silence; "" where nothing is read."""
    kind = problem["inputs"]
    if problem.get("absent"):
        return b""
    if kind == "text":
        return b"a"
    if kind == "image":
        return _picture(int(problem.get("image_size") or 32))
    rate = int(problem.get("sample_rate") or 16_000)
    return pcm_file(b"\x01\x00\xff\xff" * (rate // 4), rate)


def _picture(size: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (size, size), (128, 128, 128)).save(out, "PNG")
    return out.getvalue()
