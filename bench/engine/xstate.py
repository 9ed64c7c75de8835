"""XState in node: its pure `transition()`, on a machine of the same JSON."""

import json
import subprocess
from pathlib import Path
from typing import Any

from bench.engine.contender import Figures, Missing
from bench.engine.shapes import COUNT, EVENT, GUARD, SEEN, Shape
from tests.campaigns.xstate.library import VERSION, NotAvailable, fetch

_DRIVER = Path(__file__).with_name("xstate.mjs")
_FUNCTIONS = {
    GUARD: "({context, event}) => event.amount > 10 && context.n >= 0",
    COUNT: "({context}) => context.n + 1",
    SEEN: "({context}) => context.n",
}


class XState:
    """A node of its own, which is told what to measure line by line."""

    name = f"xstate {VERSION}"

    def __init__(self) -> None:
        try:
            library = fetch().url(())
        except NotAvailable as reason:
            raise Missing(str(reason)) from reason
        self._node = subprocess.Popen(  # noqa: S603 - our own driver, and a URL of the cache
            ["node", "--expose-gc", str(_DRIVER), library, json.dumps(_FUNCTIONS)],  # noqa: S607 - as everybody finds it
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self, shape: Shape) -> Figures:
        """The driver warms up by itself: V8 compiles what is hot."""
        answer = self._ask({"spec": shape.spec, "event": EVENT})
        return Figures(
            event_us=answer["event_us"],
            stored_us=answer["stored_us"],
            compile_ms=answer["compile_ms"],
            memory_bytes=answer["memory_bytes"],
        )

    def close(self) -> None:
        """End the node."""
        assert self._node.stdin is not None
        self._node.stdin.close()
        self._node.wait()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(question) + "\n")
        self._node.stdin.flush()
        line = self._node.stdout.readline()
        if not line:
            raise RuntimeError(f"node ended with {self._node.wait()}; its last words are above")
        answer: dict[str, Any] = json.loads(line)
        return answer
