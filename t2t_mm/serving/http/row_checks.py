"""Whether a row is of its problem's kind of data, and its bytes as the exported graph reads them.

The kinds check it by the same functions as t2t-decoder's, so every format that it reads is allowed
here, and sounds are resampled alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t2t_mm.kinds.broken import BrokenValue
from t2t_mm.registry import KINDS
from t2t_mm.serving.http.limits import Limits
from t2t_mm.serving.http.request_error import bad_request
from t2t_mm.serving.http.rest import Value


def checked_row(value: Value, description: Mapping[str, Any], limits: Limits, where: str) -> bytes:
    """The bytes to give to the model.

    Args:
      value: str, or bytes where the request has base64.
      description: what the export says of the feature, see `Kind.description`.
      limits: bounds of its size.
      where: names the value in an error.

    Raises:
      RequestError: 400, if it is of another kind, damaged, or beyond a limit.
    """
    try:
        return KINDS.get(description["kind"]).checked_row(value, description, limits)
    except BrokenValue as error:
        raise bad_request(f"{where} {error.detail}.") from None
