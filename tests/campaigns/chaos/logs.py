"""
What happened, as those saw it who took part: lines of JSON, appended by any number of
processes, and whole whenever a process is killed: a line is one write.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CLIENT = "client.jsonl"
"""Every request, and every acknowledgement."""

EFFECTS = "effects.jsonl"
"""Every run of a handler, and every acknowledgement of an outcome."""

WATCHERS = "watchers.jsonl"
"""Every message of every watch stream."""

FEED = "feed.jsonl"
"""Every message of every stream of the feed."""

FAULTS = "faults.jsonl"
"""Every fault."""

STRIKES = "strikes.jsonl"
"""Every time that a failpoint did what it was armed for."""

Line = dict[str, Any]


class Log:
    """One file. `at` is the system's monotonic clock, the same for all processes."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)

    def write(self, what: str, **values: Any) -> None:
        line = json.dumps({"at": time.monotonic(), "what": what, **values}) + "\n"
        os.write(self._file, line.encode())

    def close(self) -> None:
        os.close(self._file)


def read(path: Path) -> Iterator[Line]:
    """The lines, in order; none where nothing was written."""
    if path.exists():
        with path.open() as lines:
            yield from map(json.loads, lines)
