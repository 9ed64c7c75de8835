"""
Ids of spans. That of an attempt follows from its task and its hand-out, so that whoever knows
those can refer to the attempt's span without having been told of it: the next attempt, which links
it, and the control plane, for which the outcome comes from it.
"""

import threading
from hashlib import sha256

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


def attempt_span_id(task_id: str, epoch: int) -> int:
    """The first eight bytes of the SHA-256 of `<task_id>@<epoch>`."""
    return int.from_bytes(sha256(f"{task_id}@{epoch}".encode()).digest()[:8])


class SpanIds(RandomIdGenerator):
    """Random ones, but for the next span of this thread if it was asked for."""

    _asked = threading.local()

    @classmethod
    def ask(cls, span_id: int) -> None:
        """The span that this thread begins next has this id."""
        cls._asked.span_id = span_id

    def generate_span_id(self) -> int:
        asked: int | None = getattr(self._asked, "span_id", None)
        if asked:
            self._asked.span_id = None
            return asked
        return super().generate_span_id()
