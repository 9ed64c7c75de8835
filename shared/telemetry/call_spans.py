"""
The spans of the control plane: one of a unary call, and one of each outcome that comes in.

    Service/Method            a unary call
      attempt SYSTEM          an attempt of what the call asked for (attempt_spans.py)
        outcome               what became of it: from its arrival to its commit
      attempt HTTP            and of what that outcome asked for, and so on to the end

What follows from a call is in the call's trace, and all that was asked for is a child of the call's
span: outcomes and timers, which nobody calls, go on in the trace of what they follow. A call that
wakes an instance has its own caller's trace, and links what it follows.

An outcome's span is made once it is committed, and only if its trace is kept: of the others a turn
does not know that there is such a thing. Use none of this but where `tracing.is_on`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.telemetry import tracing
from shared.telemetry.call_names import correlation_id, tenant_id
from shared.telemetry.span_names import SpanAttribute as A
from shared.telemetry.span_names import SpanEvent, SpanName
from shared.telemetry.span_places import kept_span, mark_failed, place_of, under
from shared.trace_parents import SAMPLED, TraceParent, read_trace_parent

if TYPE_CHECKING:
    from opentelemetry.trace import Span

OK = 0
OF_THE_SERVER = frozenset({2, 4, 12, 13, 14, 15})
"""Status codes that say that the server failed: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED,
INTERNAL, UNAVAILABLE, DATA_LOSS. The others are the caller's affair, and no error of the span."""


class CallSpan:
    """Of a unary call; `ended` says how."""

    def __init__(self, span: "Span") -> None:
        self._span = span

    def ended(self, code: int, name: str) -> None:
        span = self._span
        if not span.is_recording():
            return
        span.set_attribute(A.RPC_STATUS, code)
        span.set_attribute(A.CORRELATION, correlation_id())
        if (tenant := tenant_id()) is not None:
            span.set_attribute(A.TENANT, tenant)
        if code != OK:
            span.set_attribute(A.ERROR, name)
        if code in OF_THE_SERVER:
            mark_failed(span)


@contextmanager
def call(service: str, method: str, parent: str | None) -> Iterator[CallSpan]:
    """A span around a unary call that brought this traceparent, where `tracing.is_on`."""
    from opentelemetry import trace

    began = read_trace_parent(parent)
    span = tracing.tracer().start_span(
        f"{service}/{method}",
        under(began),
        trace.SpanKind.SERVER,
        {A.RPC_SYSTEM: "grpc", A.RPC_SERVICE: service, A.RPC_METHOD: method},
    )
    with trace.use_span(
        span, end_on_exit=True, record_exception=False, set_status_on_exception=False
    ):
        yield CallSpan(span)


def here(given: str | None) -> str | None:
    """The traceparent of what follows from this call: its span's if that is kept, or as given."""
    if not tracing.is_on():
        return given
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid or not context.trace_flags & SAMPLED:
        return given
    return str(TraceParent(context.trace_id, context.span_id, is_sampled=True))


def submitted() -> None:
    """The call's change waits for its turn; where `tracing.is_on`."""
    span = kept_span()
    if span is not None:
        span.add_event(SpanEvent.SUBMITTED)


def committed(
    instance_id: str,
    *,
    definition: str | None,
    status: str,
    revision: int,
    disposition: str,
    cause: str | None,
) -> None:
    """The call's change is kept; `cause` is what it followed. Where `tracing.is_on`."""
    span = kept_span()
    if span is None:
        return
    span.set_attribute(A.INSTANCE, instance_id)
    if definition is not None:
        span.set_attribute(A.DEFINITION, definition)
    span.add_event(
        SpanEvent.COMMITTED,
        {A.STATUS: status, A.REVISION: revision, A.DISPOSITION: disposition},
    )
    followed = read_trace_parent(cause)
    if followed is not None and followed.trace_id != span.get_span_context().trace_id:
        span.add_link(place_of(followed))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeTold:
    """What there is to say of an outcome that was taken in."""

    tenant_id: str
    task_id: str
    epoch: int
    instance_id: str
    state: str
    verdict: str
    status: str
    revision: int


def outcome(cause: str | None, told: OutcomeTold, came_ns: int) -> None:
    """A span of an outcome that came then and is committed now; where `tracing.is_on`."""
    asked = read_trace_parent(cause)
    if asked is None or not asked.is_sampled:
        return
    from opentelemetry.trace import SpanKind

    from shared.telemetry.span_ids import attempt_span_id

    attempt = TraceParent(
        asked.trace_id, attempt_span_id(told.task_id, told.epoch), is_sampled=True
    )
    tracing.tracer().start_span(
        SpanName.OUTCOME,
        under(attempt),
        SpanKind.CONSUMER,
        {
            A.TENANT: told.tenant_id,
            A.INSTANCE: told.instance_id,
            A.TASK: told.task_id,
            A.EPOCH: told.epoch,
            A.OUTCOME: told.state,
            A.VERDICT: told.verdict,
            A.STATUS: told.status,
            A.REVISION: told.revision,
        },
        start_time=came_ns,
    ).end()
