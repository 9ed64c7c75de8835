"""What the environment makes of tracing, and which work has spans."""

import asyncio
import contextvars
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.errors import InvalidRequest
from shared.telemetry import attempt_spans, call_spans, tracing
from shared.telemetry.call_names import enter_call, trace_parent
from shared.telemetry.span_names import SpanAttribute, SpanEvent
from shared.telemetry.tracing import configure_tracing, end_tracing
from shared.trace_parents import read_trace_parent, trace_id_of
from tests.architecture.tree import ROOT
from tests.docs.pages import blocks, page
from tests.executor.work import a_task
from tests.telemetry.keeping import kept_spans

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tracing is the process's: no variable but the test's, and nothing left of it."""
    for name in (ENDPOINT, "OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    yield
    end_tracing(0)


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    """Every span that is made, in memory."""
    with kept_spans() as exporter:
        yield exporter


def configured(monkeypatch: pytest.MonkeyPatch, **variables: str) -> bool:
    """Whether tracing is on with these variables."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    configure_tracing("foliot-test", "1.2.3")
    return tracing.is_on()


class TestTracing:
    @pytest.mark.parametrize(
        "variables",
        [
            {},
            {"OTEL_TRACES_SAMPLER": "always_on"},
            {ENDPOINT: "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
            {ENDPOINT: "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
        ],
    )
    def test_is_off_until_somebody_says_where_to(
        self, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody pays for what nobody looks at; and the SDK has its own switch."""
        assert not configured(monkeypatch, **variables)

    def test_samples_as_the_page_recommends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The variables are the SDK's own, and it is the SDK that reads them."""
        (block,) = (one for one in blocks(page("docs/tracing.md")) if one.word == "sample")
        variables = dict(re.findall(r"^export (\w+)=(\S+)$", block.text, re.MULTILINE))

        assert configured(monkeypatch, **{ENDPOINT: "http://127.0.0.1:1"}, **variables)
        provider = tracing.provider()
        assert provider is not None
        assert provider.sampler.get_description().startswith(
            "ParentBased{root:TraceIdRatioBased{0.1}"
        )
        assert "foliot-test" == provider.resource.attributes["service.name"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")],
    )
    def test_is_refused_with_the_variable_that_is_wrong(
        self, name: str, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A process that would silently tell nobody is found out much later."""
        with pytest.raises(InvalidRequest, match=f"{name} .*'{value}'.*may "):
            configured(monkeypatch, **{ENDPOINT: "http://127.0.0.1:1", name: value})

    def test_goes_by_http_as_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Some collectors, and most proxies, take nothing else."""
        taken: list[ExportTraceServiceRequest] = []

        class Collector(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                taken.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - likewise
                """Nobody reads it."""

        with HTTPServer(("127.0.0.1", 0), Collector) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            assert configured(
                monkeypatch,
                **{
                    ENDPOINT: f"http://127.0.0.1:{server.server_port}",
                    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                    "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
                    "OTEL_SERVICE_NAME": "mine",
                },
            )
            with call_spans.call("Service", "Method", None) as span:
                span.ended(0, "OK")
            end_tracing()
            server.shutdown()

        (resource,) = taken[0].resource_spans
        names = {one.key: one.value.string_value for one in resource.resource.attributes}
        assert ("mine", "1.2.3") == (names["service.name"], names["service.version"])
        assert "Service/Method" == resource.scope_spans[0].spans[0].name

    def test_ends_in_time_though_its_collector_says_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A collector that hangs must not keep a plane from ending."""
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            address = f"http://127.0.0.1:{silent.getsockname()[1]}"
            assert configured(monkeypatch, **{ENDPOINT: address})
            with call_spans.call("Service", "Method", None) as span:
                span.ended(0, "OK")
            began = time.monotonic()
            end_tracing(0.2)

            assert time.monotonic() - began < 2
            assert not tracing.is_on()


class TestAnAttempt:
    @pytest.mark.parametrize("parent", [None, "nonsense", f"00-{TRACE}-{SPAN}-00"])
    def test_has_no_span_where_nobody_follows_its_trace(
        self, parent: str | None, kept: InMemorySpanExporter
    ) -> None:
        """What is sampled is decided once, where a trace begins; nor has what it asks of others."""
        task = replace(a_task(), trace_parent=parent)
        span = attempt_spans.attempt(task, task.run_at)
        with attempt_spans.mail("mail.example", 25):
            pass

        assert span is None
        assert () == kept.get_finished_spans()

    async def test_is_what_its_thread_asks_others_in(self, kept: InMemorySpanExporter) -> None:
        """Functions run in threads, and what they do stands below the attempt all the same."""
        task = replace(a_task(), trace_parent=f"00-{TRACE}-{SPAN}-01")

        def ask() -> None:
            with attempt_spans.mail("mail.example", 25):
                pass

        span = attempt_spans.attempt(task, task.run_at)
        assert span is not None
        await asyncio.to_thread(ask)
        span.end()

        asked, attempt = kept.get_finished_spans()
        assert "cancelled" == (attempt.attributes or {})[SpanAttribute.OUTCOME]
        assert attempt.context is not None
        assert attempt.context == asked.parent
        assert int(SPAN, 16) == (attempt.parent and attempt.parent.span_id)


class TestACall:
    def test_is_gone_on_from_where_it_is_kept(self, kept: InMemorySpanExporter) -> None:
        """What follows is below the call's span and not its caller's."""

        def called(given: str) -> str | None:
            with call_spans.call("Service", "Method", given) as span:
                enter_call("c0ffee", call_spans.here(given))
                span.ended(13, "INTERNAL")
                return trace_parent()

        def told(given: str) -> str | None:
            return contextvars.copy_context().run(called, given)

        going_on = read_trace_parent(told(f"00-{TRACE}-{SPAN}-01"))
        not_kept = told(f"00-{TRACE}-{SPAN}-00")

        (span,) = kept.get_finished_spans()
        assert span.context is not None
        assert going_on is not None
        assert (int(TRACE, 16), span.context.span_id) == (going_on.trace_id, going_on.span_id)
        assert f"00-{TRACE}-{SPAN}-00" == not_kept
        assert not span.status.is_ok
        assert "INTERNAL" == (span.attributes or {})[SpanAttribute.ERROR]


class TestATraceparent:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            f"00-{TRACE}-{SPAN}",
            f"ff-{TRACE}-{SPAN}-01",
            f"00-{'0' * 32}-{SPAN}-01",
            f"00-{TRACE}-{'0' * 16}-01",
            f"00-{TRACE.upper()}-{SPAN}-01",
        ],
    )
    def test_is_not_taken_for_one_if_the_standard_does_not(self, text: str) -> None:
        """It comes from callers; a bad one counts as none."""
        assert read_trace_parent(text) is None

    def test_is_written_as_it_was_read(self) -> None:
        """It is kept with tasks, and read by whoever goes on."""
        text = f"00-{TRACE}-{SPAN}-01"

        assert (text, TRACE) == (str(read_trace_parent(text)), trace_id_of(text))


class TestTheTableOfSpans:
    @pytest.mark.parametrize("table", [SpanAttribute, SpanEvent])
    def test_has_nothing_that_no_span_has(
        self, table: type[SpanAttribute] | type[SpanEvent]
    ) -> None:
        """Whoever looks for an attribute that is told of must be able to find it."""
        code = "".join(
            path.read_text("utf-8")
            for name in ("attempt_spans", "call_spans", "gen_ai")
            for path in [ROOT / "shared" / "telemetry" / f"{name}.py"]
        ) + (ROOT / "executor" / "adapters" / "httpx_http.py").read_text("utf-8")
        used = set(re.findall(r"\b(?:A|SpanAttribute|SpanEvent)\.([A-Z_]+)", code))

        assert set() == set(table.__members__) - used
