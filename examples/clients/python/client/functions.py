import json
import os
import threading
from pathlib import Path
from typing import Any

from foliot.executor.v1.claimed_task_pb2 import ClaimedTask


class TaskFailed(Exception):
    """Says why an attempt did not succeed; retry policies can tell its kinds apart."""

    def __init__(self, kind: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.retryable = retryable


def call(task: ClaimedTask, stop: threading.Event) -> Any:
    """Call the function that a task names; returns its output."""
    if task.function != "book":
        # What is claimed depends on queue and type only: a queue for each kind of worker.
        raise TaskFailed("function.unknown", f"no function {task.function}")
    given = json.loads(task.input.json)
    return {"booking": book(given["parcel"], given["seconds"], task.idempotency_key, stop)}


def book(parcel: str, seconds: float, key: str, stop: threading.Event) -> str:
    """
    Book a carrier. CARRIER, a directory, stands for the carrier's system: like any that can be
    called safely it knows a repeat by its key, and answers it as it did the first time.
    """
    try:
        Path(os.environ["CARRIER"], key).touch(exist_ok=False)
    except FileExistsError:
        print("was booked before:", parcel, flush=True)
    else:
        print("booked:", parcel, flush=True)
    if stop.wait(seconds):  # it takes its time to confirm
        raise TaskFailed("timeout", "the attempt took too long", retryable=True)
    return f"B-{key[:8]}"
