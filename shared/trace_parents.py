"""
W3C Trace Context in one text: `00-<trace>-<span>-<flags>`, as calls bring it along and as tasks and
instances keep it. Whoever goes on in a trace begins there; no SDK is needed for that.
"""

import re
from dataclasses import dataclass

TRACE_PARENT = "traceparent"
"""The metadata and the header that carry it."""

SAMPLED = 0x01
"""The flag that says that spans are kept."""

_FORM = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})"
)
_TRACE = slice(3, 35)


@dataclass(frozen=True, slots=True)
class TraceParent:
    """A place in a trace: a span of it, and what is to be done with those that follow."""

    trace_id: int
    span_id: int
    is_sampled: bool

    def __str__(self) -> str:
        flags = SAMPLED if self.is_sampled else 0
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{flags:02x}"


def is_trace_parent(text: str) -> bool:
    """Whether it is one as the standard has it. One of a version to come is read as of this."""
    return _FORM.fullmatch(text) is not None


def read_trace_parent(text: str | None) -> TraceParent | None:
    """None for no text, and for one that is none."""
    found = None if text is None else _FORM.fullmatch(text)
    if found is None:
        return None
    return TraceParent(
        trace_id=int(found["trace"], 16),
        span_id=int(found["span"], 16),
        is_sampled=bool(int(found["flags"], 16) & SAMPLED),
    )


def trace_id_of(text: str | None) -> str | None:
    """The trace's id, 32 hexadecimal digits, of a traceparent that was found to be one."""
    return None if text is None else text[_TRACE]
