"""A worker process: reads passes from standard input, runs them, writes results to its output.

It is started as a fresh interpreter rather than by multiprocessing: it imports neither TensorFlow
nor the parent's main script, so it starts in half a second, and scripts without a main guard,
notebooks and programs read from standard input may use it.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from typing import Any, BinaryIO

START = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
import t2t_mm.data.generation.worker
t2t_mm.data.generation.worker.main()
"""


def main() -> None:
    """Serves until standard input ends, which is also how the parent's death shows."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever user code prints must not get among the answers
    orders: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, orders), daemon=True).start()
    while True:
        _serve(orders.get(), answers)


def _listen(source: BinaryIO, orders: queue.Queue[Any]) -> None:
    while True:
        try:
            orders.put(pickle.load(source))
        except EOFError:
            os._exit(0)  # at once, even in the middle of a pass: nobody waits for it
        except Exception as error:
            orders.put(error)


def _serve(order: Any, answers: BinaryIO) -> None:
    from t2t_mm.data.generation.passes import run_pass
    from t2t_mm.errors import UserError

    try:
        if isinstance(order, Exception):
            raise order
        result = run_pass(order, lambda count: _answer(answers, "progress", count))
        _answer(answers, "result", result)
    except UserError as error:
        _answer(answers, "user_error", str(error))
    except Exception:
        _answer(answers, "fault", traceback.format_exc())


def _answer(answers: BinaryIO, kind: str, value: Any) -> None:
    pickle.dump((kind, value), answers)
    answers.flush()
