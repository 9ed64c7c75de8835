"""
A receiver of traces by OTLP over gRPC, as a collector is one: a server of the protocol's own
TraceService, on a port of its own, that keeps what it is sent.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as pb_grpc
from opentelemetry.proto.trace.v1 import trace_pb2


@dataclass(frozen=True, kw_only=True)
class Received:
    """A span as it came over the wire. Ids are hexadecimal; `parent` is '' for none."""

    service: str
    trace_id: str
    span_id: str
    parent: str
    name: str
    kind: str
    began_ns: int
    ended_ns: int
    is_error: bool
    attributes: dict[str, Any] = field(default_factory=dict)
    events: tuple[tuple[str, dict[str, Any]], ...] = ()
    links: tuple[tuple[str, str], ...] = ()


class Receiver(pb_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[Received] = []
        self.endpoint = ""

    def Export(self, request: pb.ExportTraceServiceRequest, context: Any) -> Any:  # noqa: N802 - gRPC names it
        spans = [span for resource in request.resource_spans for span in _spans(resource)]
        with self._lock:
            self._spans += spans
        return pb.ExportTraceServiceResponse()

    @property
    def spans(self) -> list[Received]:
        """Of all so far, the earliest first."""
        with self._lock:
            return sorted(self._spans, key=lambda span: (span.began_ns, span.ended_ns))


@contextmanager
def receiver() -> Iterator[Receiver]:
    """One that receives inside of the block."""
    found = Receiver()
    server = grpc.server(ThreadPoolExecutor(2))
    pb_grpc.add_TraceServiceServicer_to_server(found, server)  # type: ignore[no-untyped-call]  # generated
    port = server.add_insecure_port("127.0.0.1:0")
    found.endpoint = f"http://127.0.0.1:{port}"
    server.start()
    try:
        yield found
    finally:
        server.stop(0).wait()


def _spans(resource: trace_pb2.ResourceSpans) -> Iterator[Received]:
    service = _attributes(resource.resource.attributes).get("service.name", "")
    for scope in resource.scope_spans:
        for span in scope.spans:
            yield Received(
                service=service,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent=span.parent_span_id.hex(),
                name=span.name,
                kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                began_ns=span.start_time_unix_nano,
                ended_ns=span.end_time_unix_nano,
                is_error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
                attributes=_attributes(span.attributes),
                events=tuple((one.name, _attributes(one.attributes)) for one in span.events),
                links=tuple((one.trace_id.hex(), one.span_id.hex()) for one in span.links),
            )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(one) for one in value.array_value.values)
    return getattr(value, kind)
