"""Spans that are made in this process, kept in memory for a test to look at."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.telemetry.span_ids import SpanIds
from shared.telemetry.tracing import trace_by


@contextmanager
def kept_spans() -> Iterator[InMemorySpanExporter]:
    """Every span that is made inside of the block."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(id_generator=SpanIds())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace_by(provider)
    try:
        yield exporter
    finally:
        trace_by(None)
        provider.shutdown()
