"""
XState in a process of its own: a line of JSON goes in, what it did comes out.
"""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import orjson

from tests.campaigns.xstate.decisions import Variant
from tests.campaigns.xstate.library import Library

DRIVER: Final = Path(__file__).with_name("driver.mjs")
STOP_TIMEOUT_S: Final = 10

Report = dict[str, Any]


class Oracle:
    """One conversation with node. Used as a context manager, which ends the process."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._process = subprocess.Popen(
            ["node", str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def start(self, variant: Variant, spec: dict[str, Any], given: Any) -> Report:
        """Begin a machine; the one before is forgotten."""
        return self._ask(
            {"op": "start", "library": self._library.url(variant), "spec": spec, "input": given}
        )

    def send(self, event: dict[str, Any]) -> Report:
        return self._ask({"op": "event", "event": event})

    def restore(self) -> Report:
        """Persist the machine as JSON, and go on from that."""
        return self._ask({"op": "restore"})

    def _ask(self, request: dict[str, Any]) -> Report:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(request) + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("node has ended; what it said last is on stderr")
        report: Report = orjson.loads(line)
        return report

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
