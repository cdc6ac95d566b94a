"""Work items: passes that may run on any machine which sees the data folder, in any order, twice.

An item says what it has done by a receipt in the data folder, not by a value that it returns: a
runner hands values back only when everything is done, or not at all.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable, Sequence

from t2t_mm.data.generation.passes import PassOrder, PassResult, run_pass
from t2t_mm.data.generation.runners import receipts
from t2t_mm.errors import DataError, UserError

_PAUSE = 1.0  # seconds between looks at the data folder

Done = Callable[[PassOrder, PassResult], None]
Launch = Callable[[Sequence[bytes]], None]


def pack_item(order: PassOrder, of: str) -> bytes:
    """An item as bytes, with the folders that the problem's code may be imported from.

    Args:
      order: what is to be written.
      of: fingerprint of the data.
    """
    paths = [path or os.getcwd() for path in sys.path]
    return pickle.dumps((paths, pickle.dumps(order), of))


def run_item(item: bytes) -> str:
    """Writes an item's shards and then its receipt; runs on a worker.

    An item that has its receipt is not done again: runners repeat what they are not sure of. The
    user's mistakes go into the receipt, for a runner would try again and bury the sentence.

    Returns:
      The receipt's file name.
    """
    paths, packed, of = pickle.loads(item)
    sys.path += [path for path in paths if path not in sys.path and os.path.exists(path)]
    order: PassOrder = pickle.loads(packed)
    path = receipts.receipt_path(order)
    known = receipts.read(path)
    if known is None or known.of != of:
        try:
            receipts.write(order, of, run_pass(order))
        except UserError as error:
            receipts.write(order, of, None, str(error))
    return path.name


class Driver:
    """Runs orders somewhere and enters what is finished while the rest is still being made.

    Args:
      orders: the work items with the fingerprints of their data.
      launch: runs `run_item` on every item that it is given, anywhere, and returns when all ran.
      done: called with every finished order, one at a time.
    """

    def __init__(self, orders: Sequence[tuple[PassOrder, str]], launch: Launch, done: Done):
        self._open = {receipts.receipt_path(order): (order, of) for order, of in orders}
        self._launch, self._done = launch, done
        self._error: Exception | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        """Runs all.

        Raises:
          DataError: the first mistake of the user's that an item met, once all items ran, so that
            what could be finished is; or if the runner left items out.
        """
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            self._launch([pack_item(order, of) for order, of in self._open.values()])
        finally:
            self._ended.set()
            watcher.join()
        if self._error:
            raise self._error
        if self._open:
            raise DataError(
                f"the runner ended, and {len(self._open)} of its work items have not arrived in "
                f"{next(iter(self._open)).parent}; --data_dir must be the same shared folder on "
                "every worker: then run the same command again, it goes on where it stopped."
            )

    def _watch(self) -> None:
        try:
            while not self._ended.wait(_PAUSE):
                self._collect()
            self._collect()
        except Exception as error:
            self._error = error

    def _collect(self) -> None:
        for path, (order, of) in list(self._open.items()):
            receipt = receipts.read(path)
            if receipt is None or receipt.of != of:
                continue
            if receipt.error:
                self._error = self._error or DataError(receipt.error)
            else:
                self._done(order, receipt.result)
            path.unlink(missing_ok=True)
            del self._open[path]
