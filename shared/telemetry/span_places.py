"""Where spans belong: under a span of somebody else, or nowhere; and how one is said to fail."""

from typing import TYPE_CHECKING

from shared.trace_parents import SAMPLED, TraceParent

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext


def kept_span() -> "Span | None":
    """The span that this is in, if it is kept."""
    from opentelemetry.trace import get_current_span

    span = get_current_span()
    return span if span.is_recording() else None


def mark_failed(span: "Span") -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR))


def place_of(at: TraceParent) -> "SpanContext":
    from opentelemetry.trace import SpanContext, TraceFlags

    flags = TraceFlags(SAMPLED if at.is_sampled else 0)
    return SpanContext(at.trace_id, at.span_id, is_remote=True, trace_flags=flags)


def under(parent: TraceParent | None) -> "Context":
    """The context of a span that goes on from there; of one that begins a trace for None."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    if parent is None:
        return Context()
    return set_span_in_context(NonRecordingSpan(place_of(parent)), Context())
