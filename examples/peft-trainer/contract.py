"""The trainer's side of protocol/TRAINER.md, with nothing but the standard library.

A trainer is an object with two methods:

    train(request, report)     trains request["adapter"], saves a PEFT directory at request["result"],
                               and returns (examples, steps, metrics)
    evaluate(request, report)  returns (examples, metrics)

`report.progress(step, steps, loss)` says how far it is, and raises Cancelled when the client has lost interest: call it after
every step.
"""

import json
import math
import os
import queue
import sys
import threading
import traceback

VERSION = 1
# Stands among cancelled requests for all of them.
END = "end"


class Cancelled(Exception):
    """The client wants the request no more."""


class Failure(Exception):
    """The request cannot be done; with `retry`, it might be at the next attempt."""

    def __init__(self, reason, retry=False):
        super().__init__(reason)
        self.retry = retry


class Report:
    """What is said about one request while it is under way."""

    def __init__(self, request, say, is_cancelled):
        self._id = request["id"]
        self._say = say
        self._is_cancelled = is_cancelled

    def progress(self, step, steps, loss=None):
        message = {"type": "progress", "id": self._id, "step": step, "steps": steps}
        if loss is not None and math.isfinite(loss):
            message["loss"] = loss
        self._say(message)
        self.check()

    def check(self):
        """Raises Cancelled when the request is wanted no more."""
        if self._is_cancelled(self._id):
            raise Cancelled


def serve(trainer, name, tasks, features=(), release="1.0"):
    """Answers the client until it says `shutdown` or closes the input."""
    say = _messages()
    requests = queue.Queue()
    cancelled = set()
    threading.Thread(target=_read, args=(requests, cancelled), daemon=True).start()
    while (message := requests.get()) is not None:
        kind = message.get("type")
        if kind == "hello":
            trainer.threads = message["threads"]
            say(
                {"type": "hello", "version": VERSION, "name": name, "release": release}
                | {"tasks": list(tasks), "features": list(features)}
            )
        elif kind in ("train", "evaluate"):
            say(_answer(trainer, message, Report(message, say, lambda id: id in cancelled or END in cancelled)))


def _answer(trainer, request, report):
    """Does what is asked, and returns the last message about it."""
    answer = {"id": request["id"]}
    try:
        report.check()
        if request["type"] == "train":
            examples, steps, metrics = trainer.train(request, report)
            return answer | {"type": "trained", "examples": examples, "steps": steps, "metrics": _finite(metrics)}
        examples, metrics = trainer.evaluate(request, report)
        return answer | {"type": "evaluated", "examples": examples, "metrics": _finite(metrics)}
    except Cancelled:
        return answer | {"type": "cancelled"}
    except Failure as failure:
        return answer | {"type": "failed", "reason": str(failure), "retry": failure.retry}
    except Exception as error:  # the next request may go well
        traceback.print_exc()
        return answer | {"type": "failed", "reason": f"{type(error).__name__}: {error}"}


def _finite(metrics):
    """JSON has no NaN."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}


def _messages():
    """Takes standard output for messages, so that whatever a library prints goes to the log."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lock = threading.Lock()

    def say(message):
        with lock:
            output.write(json.dumps(message, allow_nan=False) + "\n")
            output.flush()

    return say


def _read(requests, cancelled):
    """Reads the client's lines; a cancel has to be seen while a request is under way."""
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "cancel":
            cancelled.add(message["id"])
        elif message["type"] == "shutdown":
            break
        else:
            requests.put(message)
    cancelled.add(END)
    requests.put(None)
