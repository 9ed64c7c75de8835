"""
Whether spans are kept, and where they go to: by OpenTelemetry's SDK, and its own environment
variables alone. Where they name no exporter nothing is recorded, the SDK is not even imported, and
who would make a span asks `is_on`, which is one branch.

Which spans there are is in spans.py.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from shared.errors import InvalidRequest

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

FLUSH_WITHIN_S: Final = 5.0
"""How long the end of a process waits for its last spans to be taken in."""

_DISABLED = "OTEL_SDK_DISABLED"
_EXPORTERS = "OTEL_TRACES_EXPORTER"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SERVICE, _RESOURCE = "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"


class _State:
    """This process's, as logging is."""

    provider: "TracerProvider | None" = None
    tracer: "Tracer | None" = None


def is_on() -> bool:
    """Whether spans may be recorded at all. Which are is the sampler's to say."""
    return _State.tracer is not None


def tracer() -> "Tracer":
    """What makes spans, where `is_on`."""
    assert _State.tracer is not None
    return _State.tracer


def provider() -> "TracerProvider | None":
    """What records spans; None where nothing does."""
    return _State.provider


def configure_tracing(service: str, version: str) -> None:
    """
    Set up tracing for this process as the environment says; nothing where it says nothing.

    `service` is its name where OTEL_SERVICE_NAME gives none. Raises InvalidRequest for an exporter
    or a protocol that is not known, or not installed.
    """
    exporters = _exporters(os.environ)
    if not exporters:
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from shared.telemetry.span_ids import SpanIds

    attributes = {"service.version": version}
    if not os.environ.get(_SERVICE) and "service.name=" not in os.environ.get(_RESOURCE, ""):
        attributes["service.name"] = service
    provider = TracerProvider(
        resource=Resource.create(attributes), id_generator=SpanIds(), shutdown_on_exit=False
    )
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace_by(provider)


def trace_by(provider: "TracerProvider | None") -> None:
    """Record spans by this provider; None for none at all."""
    _State.provider = provider
    _State.tracer = None if provider is None else provider.get_tracer("foliot")


def end_tracing(within_s: float = FLUSH_WITHIN_S) -> None:
    """Hand over what is left, for as long as this may take; then nothing is recorded any more."""
    provider = _State.provider
    trace_by(None)
    if provider is None:
        return
    # The SDK's own end waits for a collector that does not answer for as long as that takes.
    ending = threading.Thread(target=provider.shutdown, name="end-tracing", daemon=True)
    ending.start()
    ending.join(within_s)


def _exporters(environment: Mapping[str, str]) -> "Sequence[SpanExporter]":
    if environment.get(_DISABLED, "").strip().lower() == "true":
        return ()
    is_told_where = any(environment.get(name) for name in _ENDPOINTS)
    kinds = environment.get(_EXPORTERS, "").strip() or ("otlp" if is_told_where else "none")
    found: list[SpanExporter] = []
    for kind in (one.strip() for one in kinds.split(",")):
        match kind:
            case "none":
                continue
            case "otlp":
                found.append(_otlp(environment))
            case "console":
                from opentelemetry.sdk.trace.export import ConsoleSpanExporter

                found.append(ConsoleSpanExporter())
            case _:
                raise InvalidRequest(
                    f"{_EXPORTERS} has {kind!r}; it may have otlp, console, or none",
                    field=_EXPORTERS,
                )
    return found


def _otlp(environment: Mapping[str, str]) -> "SpanExporter":
    """Where to, with which headers and certificates, the exporters read for themselves."""
    named = (environment.get(name, "").strip() for name in _PROTOCOLS)
    protocol = next(filter(None, named), "grpc")
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    if protocol != "http/protobuf":
        raise InvalidRequest(
            f"{_PROTOCOLS[1]} is {protocol!r}; it may be grpc or http/protobuf",
            field=_PROTOCOLS[1],
        )
    try:
        from opentelemetry.exporter.otlp.proto.http import trace_exporter as http
    except ImportError:
        raise InvalidRequest(
            f"{_PROTOCOLS[1]} is {protocol!r}, which needs what is not installed;"
            " pip install 'foliot[otlp-http]', or use grpc",
            field=_PROTOCOLS[1],
        ) from None
    return http.OTLPSpanExporter()
