"""The CEL project's runtime, asked through its process."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

PROCESS: Final = Path(__file__).with_name("runtime_process.py")


class RuntimeEnded(Exception):
    """The runtime's process ended while it was asked; its own words are above."""


class Runtime:
    """One process. Close it, or use it as a context manager."""

    def __init__(self, python: Path, context: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [python, PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._send(context)

    def answers(self, texts: Sequence[str]) -> list[Any]:
        """What it makes of each expression. Raises RuntimeEnded if one of them ends it."""
        self._send(texts)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeEnded(f"asked for {len(texts)} expressions, the first {texts[0]!r}")
        found: list[Any] = json.loads(line)
        return found

    def answer(self, text: str) -> Any:
        """What it makes of one."""
        return self.answers([text])[0]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, value: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()
