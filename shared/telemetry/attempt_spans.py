"""
The spans of the executor: one of each attempt, and of what its handler asks of others.

An attempt goes on in the trace of what asked for its task, if that is kept; none begins one. It
links the attempt before.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from shared.tasks import ClaimedTask, Outcome
from shared.telemetry import tracing
from shared.telemetry.span_names import SpanAttribute as A
from shared.telemetry.span_names import SpanName
from shared.telemetry.span_places import kept_span, mark_failed, place_of, under
from shared.trace_parents import TraceParent, read_trace_parent

if TYPE_CHECKING:
    from opentelemetry.trace import Span

Value: TypeAlias = str | int | float | tuple[str, ...]


class AttemptSpan:
    """Of an attempt; current from its making until its `end`."""

    def __init__(self, span: "Span") -> None:
        from opentelemetry import context, trace

        self._span = span
        self._token = context.attach(trace.set_span_in_context(span))
        self._has_ended = False

    def ended(self, outcome: Outcome) -> None:
        """It came to this."""
        self._has_ended = True
        self._span.set_attribute(A.OUTCOME, outcome.state)
        if outcome.failure is not None:
            self._span.set_attribute(A.ERROR, outcome.failure.kind)
        if outcome.state == "failed":
            mark_failed(self._span)

    def end(self) -> None:
        """It is over. Without `ended` it was cancelled."""
        from opentelemetry import context

        if not self._has_ended:
            self._span.set_attribute(A.OUTCOME, "cancelled")
        context.detach(self._token)
        self._span.end()


def attempt(task: ClaimedTask, began_at: datetime) -> AttemptSpan | None:
    """A span of an attempt; None where nobody follows the task's trace."""
    if not tracing.is_on():
        return None
    asked = read_trace_parent(task.trace_parent)
    if asked is None or not asked.is_sampled:
        return None
    from opentelemetry.trace import Link, SpanKind

    from shared.telemetry.span_ids import SpanIds, attempt_span_id

    links: list[Link] = []
    if task.epoch > 1:
        before = attempt_span_id(task.task_id, task.epoch - 1)
        links.append(Link(place_of(TraceParent(asked.trace_id, before, is_sampled=True))))
    attributes: dict[str, Value] = {
        A.TENANT: task.tenant_id,
        A.DEFINITION: task.definition_key,
        A.INSTANCE: str(task.instance_id),
        A.TASK: task.task_id,
        A.TASK_NAME: task.name,
        A.QUEUE: task.queue,
        A.ATTEMPT: task.attempt,
        A.EPOCH: task.epoch,
        A.WAITED: max(0, round((began_at - task.run_at).total_seconds() * 1_000)),
    }
    if task.function is not None:
        attributes[A.FUNCTION] = task.function
    SpanIds.ask(attempt_span_id(task.task_id, task.epoch))
    span = tracing.tracer().start_span(
        f"attempt {task.type}", under(asked), SpanKind.CONSUMER, attributes, links
    )
    return AttemptSpan(span) if span.is_recording() else None


class ClientSpan:
    """Of something that is asked of others. Does nothing where the attempt has no span."""

    def __init__(self, span: "Span | None") -> None:
        self._span = span

    @property
    def trace_parent(self) -> str | None:
        """What to bring along, so that they go on in the trace."""
        if self._span is None:
            return None
        context = self._span.get_span_context()
        return str(TraceParent(context.trace_id, context.span_id, is_sampled=True))

    def set_attribute(self, key: A, value: Value) -> None:
        """Say this of it."""
        if self._span is not None:
            self._span.set_attribute(key, value)

    def failed(self, kind: str) -> None:
        """It came to nothing, or to an error of this kind."""
        if self._span is not None:
            self._span.set_attribute(A.ERROR, kind)
            mark_failed(self._span)


_NO_SPAN = ClientSpan(None)


@contextmanager
def client(name: str, attributes: dict[A, Value]) -> Iterator[ClientSpan]:
    """A span around what an attempt asks of others; none where the attempt has none."""
    if not tracing.is_on() or kept_span() is None:
        yield _NO_SPAN
        return
    from opentelemetry.trace import SpanKind, use_span

    span = tracing.tracer().start_span(
        name,
        kind=SpanKind.CLIENT,
        attributes={str(key): value for key, value in attributes.items()},
    )
    told = ClientSpan(span)
    # An exception's text may repeat what was said.
    with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield told
        except BaseException as error:
            told.failed(type(error).__name__)
            raise


def http(method: str, host: str, port: int | None) -> AbstractContextManager[ClientSpan]:
    """Around a request of an HTTP task: where it goes, and nothing of what it says."""
    attributes: dict[A, Value] = {A.HTTP_METHOD: method, A.SERVER_ADDRESS: host}
    if port is not None:
        attributes[A.SERVER_PORT] = port
    return client(method, attributes)


def mail(host: str, port: int) -> AbstractContextManager[ClientSpan]:
    """Around the conversation with a mail server."""
    return client(SpanName.MAIL, {A.SERVER_ADDRESS: host, A.SERVER_PORT: port})
