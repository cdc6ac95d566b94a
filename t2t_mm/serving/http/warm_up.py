"""First calls of a loaded version: the first call of a graph is slow, and shows that it works."""

from __future__ import annotations

from t2t_mm.registry import KINDS
from t2t_mm.serving.http.loading import BrokenExport
from t2t_mm.serving.http.request_error import RowError
from t2t_mm.serving.http.servable import Servable


def warm_up(servable: Servable) -> None:
    """Calls each signature once with made-up inputs, and explains with the answer to them.

    Raises:
      BrokenExport: if one fails.
    """
    for name in servable.problems:
        signature = servable.signatures[name]
        columns = {
            feature: [KINDS.get(description["kind"]).sample_row(description)]
            for feature, description in signature.features.items()
        }
        try:
            answer = signature.answer(columns)[0]["outputs"][0]
            explain = servable.signatures.get(f"explain_{name}")
            if explain:
                explain.answer({**columns, "outputs": [answer.encode()]})
        except (RowError, RuntimeError, LookupError) as error:
            raise BrokenExport(f"a first call of '{name}' failed ({error}).") from None
