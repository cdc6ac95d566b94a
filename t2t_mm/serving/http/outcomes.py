"""Outcomes of the rows of a batch: an answer or an error for each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from t2t_mm.serving.http.request_error import RequestError, RowError, bad_request
from t2t_mm.serving.http.rest import Row
from t2t_mm.serving.http.telemetry import LOG

ByteColumns = dict[str, list[bytes]]
Outcome = Row | Exception


class Runnable(Protocol):
    """The part of a signature that the batcher needs."""

    @property
    def name(self) -> str:
        """The name, as in a request's signature_name."""

    @property
    def explains(self) -> bool:
        """True if its batches are not joined: a request's rows are as long as its longest."""

    def answer(self, columns: ByteColumns) -> list[Row]:
        """A row of outputs for each row of inputs; raises RowError for a bad input."""


def outcomes(signature: Runnable, columns: ByteColumns) -> list[Outcome]:
    """An answer or an error for each row; a row that fails takes no other one with it.

    A batch that fails is run again in halves: one bad row among 32 costs five more runs of halves
    that are good, not 32 single ones.
    """
    rows = len(next(iter(columns.values())))
    try:
        return list(signature.answer(columns))
    except Exception as error:
        if rows == 1:
            if not isinstance(error, RowError):
                LOG.log(logging.ERROR, "signature %s failed", signature.name, exc_info=error)
            return [error]
    middle = rows // 2
    first = {name: values[:middle] for name, values in columns.items()}
    second = {name: values[middle:] for name, values in columns.items()}
    return outcomes(signature, first) + outcomes(signature, second)


def answered_rows(name: str, answers: Sequence[Outcome]) -> list[Row]:
    """The rows, if none of them has failed."""
    for index, answer in enumerate(answers):
        if isinstance(answer, RowError):
            raise bad_request(f"row {index} of {name} {answer}.")
        if isinstance(answer, Exception):
            raise RequestError(500, "the model failed; the server's log says why.")
    return list(answers)  # type: ignore[arg-type]
