"""
The outcomes on their way: kept in order until they are acknowledged, handed out in
batches, and once more from the beginning after a reconnect.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from foliot.executor.v1 import outcome_pb2

from executor.ports.control_plane import MAX_UNACKNOWLEDGED, Held
from shared.failpoints import failpoint_now

MAX_BATCH = 200
MAX_BATCH_BYTES = 512 * 1024
"""A batch ends before it; a single outcome may be larger, and then goes alone."""


class Outbox:
    def __init__(self) -> None:
        self.filled = asyncio.Event()
        """Set when there is something to send, or may be to say."""
        self.emptied = asyncio.Event()
        """Set while nothing is unacknowledged."""
        self.emptied.set()
        self._kept: dict[Held, outcome_pb2.Outcome] = {}
        self._unsent: deque[Held] = deque()

    @property
    def room(self) -> int:
        return MAX_UNACKNOWLEDGED - len(self._kept)

    def __len__(self) -> int:
        """How many are not acknowledged."""
        return len(self._kept)

    def keep(self, held: Held, outcome: outcome_pb2.Outcome) -> None:
        failpoint_now("outbox.keep.before")
        self._kept[held] = outcome
        self._unsent.append(held)
        self.emptied.clear()
        self.filled.set()
        failpoint_now("outbox.keep.after")

    def next_batch(self) -> Sequence[outcome_pb2.Outcome]:
        """What to send next; whatever has gathered since the last time."""
        batch: list[outcome_pb2.Outcome] = []
        size = 0
        while self._unsent and len(batch) < MAX_BATCH:
            outcome = self._kept.get(self._unsent[0])
            if outcome is not None:
                size += outcome.ByteSize()
                if batch and size > MAX_BATCH_BYTES:
                    break
                batch.append(outcome)
            self._unsent.popleft()
        if not self._unsent:
            self.filled.clear()
        return batch

    def acknowledge(self, held: Held) -> None:
        """Forget it: what became of it is final."""
        failpoint_now("outbox.forget.before")
        self._kept.pop(held, None)
        failpoint_now("outbox.forget.after")
        if not self._kept:
            self.emptied.set()

    def rewind(self) -> int:
        """Send everything unacknowledged again; tells how many that are."""
        self._unsent = deque(self._kept)
        if self._unsent:
            self.filled.set()
        return len(self._unsent)
