"""The last lines that the measured processes logged: what one reads first when a run failed."""

from collections import deque

from bench.meter import PLANES

MAX_LINES = 60
MAX_LINE = 500


class LastWords:
    """Keeps the newest lines of both planes; everybody else's are of no help."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MAX_LINES)

    def __call__(self, name: str, line: str) -> None:
        """Take a line in; the supervisor calls this."""
        if name in PLANES:
            self._lines.append(f"{name}: {line[:MAX_LINE]}")

    def __str__(self) -> str:
        return "\n".join(self._lines)
