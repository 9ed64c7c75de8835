"""
What attempts say of themselves while they go on, until it is sent: the newest word of each.

A function may say it from a thread, and as often as it likes.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping

from executor.ports.control_plane import Held
from shared.json import Json, dump
from shared.rpc import MAX_PROGRESS_BYTES


class Heartbeats:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[Held, str | None] = {}
        self._loop = asyncio.get_running_loop()
        self._on_beat: Callable[[], None] = lambda: None

    def notify(self, on_beat: Callable[[], None]) -> None:
        """Whom to tell, on the event loop, when there is something to send."""
        self._on_beat = on_beat

    def beat(self, held: Held, progress: Json = None) -> None:
        """
        The attempt goes on; null says nothing of what it is at, and leaves what it said before.

        Raises ValueError for progress of more than 16 KiB, or none that is JSON.
        """
        text = None if progress is None else dump(progress)
        if text is not None and len(text.encode()) > MAX_PROGRESS_BYTES:
            raise ValueError(
                f"progress takes {len(text.encode())} bytes, and may take {MAX_PROGRESS_BYTES};"
                " say where the rest can be found"
            )
        with self._lock:
            is_first = not self._newest
            self._newest[held] = self._newest.get(held) if text is None else text
        if is_first:
            self._loop.call_soon_threadsafe(self._on_beat)

    @property
    def is_empty(self) -> bool:
        return not self._newest

    def take(self) -> Mapping[Held, str | None]:
        """What was said since the last time."""
        with self._lock:
            taken, self._newest = self._newest, {}
        return taken
