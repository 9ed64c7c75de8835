"""
Traces as a collector gets them: both planes as processes, a demo, an instance that waits for an
event and tries twice, and a real receiver of OTLP over gRPC.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from foliot.v1 import (
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_pb2,
    instance_service_pb2,
    instance_service_pb2_grpc,
    json_pb2,
)

from control_plane.embedded import Running, attached
from shared.telemetry.names import LogEvent
from shared.telemetry.span_ids import attempt_span_id
from shared.telemetry.span_names import SpanAttribute, SpanEvent
from tests.docs.pages import blocks, page
from tests.e2e.commands import running, wait_for
from tests.servers import open_directory
from tests.telemetry.otlp import Received, receiver
from tests.telemetry.waterfall import NAMES, drawn

STARTED, WOKEN = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"
CALLER = "00f067aa0ba902b7"
CANARY = "canary-of-a-payload"
SERVICES = "foliot.v1.InstanceService"
SPEC = {
    "id": "calls",
    "context": {"url": {"@expr": "event.input.url"}, "text": {"@expr": "event.input.text"}},
    "initial": "waiting",
    "states": {
        "waiting": {"on": {"GO": "calling"}},
        "calling": {
            "invoke": {
                "id": "call",
                "src": "http",
                "input": {
                    "method": "POST",
                    "url": {"@expr": "context.url"},
                    "json": {"text": {"@expr": "context.text"}},
                },
                "retry": {"maxAttempts": 3, "initial": "PT0.1S"},
                "onDone": "done",
            }
        },
        "done": {"type": "final"},
    },
}


@dataclass(kw_only=True)
class Told:
    """What was received, and what the HTTP service was asked."""

    spans: list[Received]
    instance_id: str
    brought: list[str]
    api_key: str

    def of(self, trace_id: str) -> list[Received]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def named(self, name: str) -> list[Received]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """One foliot's life, ended in order, so that all its spans are out."""
    with receiver() as collector, open_directory() as path, unsteady_service() as (url, brought):
        data_dir = path / "data"
        endpoint, switched_on = commands("on")
        assert switched_on == ["foliot", "dev"]
        assert ["export", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317"] == endpoint
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        with running("dev", "--data-dir", str(data_dir), environment=environment) as dev:
            dev.until("is serving")
            wait_for(lambda: LogEvent.CONTROL_PLANE_CONNECTED in log_of(data_dir))
            assert [["foliot", "demo"]] == commands("call")
            with running("demo", "--data-dir", str(data_dir)) as demo:
                assert 0 == demo.wait(), demo.output
            where = attached(data_dir)
            assert where is not None
            instance_id = carried_out(where, f"{url}?token={CANARY}")
            assert 0 == dev.interrupt(), dev.output
        yield Told(
            spans=collector.spans,
            instance_id=instance_id,
            brought=brought,
            api_key=where.api_key,
        )


def commands(word: str) -> list[list[str]]:
    """The commands of a block of the page, in words."""
    (block,) = (one for one in blocks(page("docs/tracing.md")) if one.word == word)
    return [line.split() for line in block.text.splitlines()]


def log_of(data_dir: Path) -> str:
    """What the executor has logged so far."""
    return (data_dir / "logs" / "executor.log").read_text("utf-8")


@contextmanager
def unsteady_service() -> Iterator[tuple[str, list[str]]]:
    """One that is out of order when it is asked first; and the traceparents that it was brought."""
    brought: list[str] = []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            brought.append(self.headers["traceparent"])
            self.send_response(503 if len(brought) == 1 else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - likewise
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/call", brought
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def carried_out(where: Running, url: str) -> str:
    """Start an instance in one trace, wake it in another, and wait for its end."""
    key = ("authorization", f"Bearer {where.api_key}")
    # Its type is not that of the asynchronous API.
    channel: Any
    with grpc.insecure_channel(where.address) as channel:
        definitions: Any = definition_service_pb2_grpc.DefinitionServiceStub(channel)
        instances: Any = instance_service_pb2_grpc.InstanceServiceStub(channel)
        made = definitions.CreateDefinition(
            definition_service_pb2.CreateDefinitionRequest(
                key="calls", spec=json_pb2.Json(json=json.dumps(SPEC))
            ),
            metadata=(key,),
        )
        definitions.ActivateDefinition(
            definition_service_pb2.ActivateDefinitionRequest(
                definition_id=made.definition.definition_id
            ),
            metadata=(key,),
        )
        given = json.dumps({"url": url, "text": CANARY})
        started = instances.StartInstance(
            instance_service_pb2.StartInstanceRequest(
                definition_key="calls", input=json_pb2.Json(json=given)
            ),
            metadata=(key, ("traceparent", f"00-{STARTED}-{CALLER}-01")),
        )
        instance_id: str = started.instance.instance_id
        instances.SendEvent(
            instance_service_pb2.SendEventRequest(
                instance_id=instance_id, event=event_pb2.Event(event_id="e1", type="GO")
            ),
            metadata=(key, ("traceparent", f"00-{WOKEN}-{CALLER}-01")),
        )
        ended = instances.WaitInstance(
            instance_service_pb2.WaitInstanceRequest(instance_id=instance_id), metadata=(key,)
        )
        assert ended.instance.HasField("complete_time"), ended.instance
        assert not ended.instance.HasField("last_error"), ended.instance.last_error
    return instance_id


class TestTheTraceOfTheDemo:
    def test_is_whole_from_the_call_to_the_last_outcome(self, told: Told) -> None:
        """Task after task, each with what became of it, in both planes: nothing is missing."""
        root = next(
            span
            for span in told.named(f"{SERVICES}/StartInstance")
            if span.attributes[SpanAttribute.DEFINITION] == "hello"
        )
        spans = {span.span_id: span for span in told.of(root.trace_id)}
        tree = sorted(
            (span.name, spans[span.parent].name) for span in spans.values() if span is not root
        )

        assert "" == root.parent
        attempts = ("attempt HTTP", "attempt HUMAN", "attempt SYSTEM", "attempt TIMER")
        assert [
            ("GET", "attempt HTTP"),
            *((attempt, root.name) for attempt in attempts),
            *(("outcome", attempt) for attempt in attempts),
        ] == tree
        assert {
            "SERVER": "foliot-control-plane",
            "CONSUMER": "foliot-executor",
            "CLIENT": "foliot-executor",
        } == {span.kind: span.service for span in spans.values() if span.name != "outcome"}

    def test_looks_as_the_page_shows_it(self, told: Told) -> None:
        """The picture has the spans of today; when they were is of the day it was drawn."""
        (picture,) = (one for one in blocks(page("docs/tracing.md")) if one.word == "trace")
        root = next(
            span
            for span in told.named(f"{SERVICES}/StartInstance")
            if span.attributes[SpanAttribute.DEFINITION] == "hello"
        )

        assert [line[:NAMES] for line in drawn(told.of(root.trace_id))] == [
            line[:NAMES] for line in picture.text.splitlines()
        ]

    def test_says_when_a_change_waited_for_its_turn_and_when_it_was_kept(self, told: Told) -> None:
        """A turn of the orchestrator has no span: it is many calls' at once."""
        for root in told.named(f"{SERVICES}/StartInstance"):
            assert [SpanEvent.SUBMITTED, SpanEvent.COMMITTED] == [name for name, _ in root.events]

    def test_is_linked_by_the_call_of_the_person(self, told: Told) -> None:
        """What wakes an instance is its own caller's trace, and says what it follows."""
        (completed,) = told.named("foliot.v1.TaskService/CompleteTask")
        of_hello = {
            (span.trace_id, span.span_id) for span in told.named(f"{SERVICES}/StartInstance")
        }

        assert set(completed.links) <= of_hello
        assert 1 == len(completed.links)


class TestTheTraceOfACaller:
    def test_is_gone_on_with_by_every_attempt_of_what_it_asked_for(self, told: Told) -> None:
        """Two callers, two traces; the second links the first, and has both attempts."""
        (started,) = told.of(STARTED)
        woken, *rest = told.of(WOKEN)
        names = [span.name for span in rest]

        assert (CALLER, CALLER) == (started.parent, woken.parent)
        assert ((STARTED, started.span_id),) == woken.links
        assert ["attempt HTTP", "POST", "outcome"] * 2 == names

    def test_has_a_failed_attempt_and_the_next_one_that_links_it(self, told: Told) -> None:
        """Who looks at the second sees that there was a first, and why it was not the last."""
        first, second = (span for span in told.of(WOKEN) if span.name == "attempt HTTP")
        wanted = attempt_span_id(f"{told.instance_id}:1", 1)

        assert (True, False) == (first.is_error, second.is_error)
        assert "http.status" == first.attributes[SpanAttribute.ERROR]
        assert (f"{wanted:016x}", ((WOKEN, first.span_id),)) == (first.span_id, second.links)

    def test_goes_on_where_the_task_calls(self, told: Told) -> None:
        """A service that is asked by an HTTP task finds itself below the very request."""
        posts = [span for span in told.of(WOKEN) if span.name == "POST"]

        assert [f"00-{WOKEN}-{span.span_id}-01" for span in posts] == told.brought


class TestASpan:
    def test_has_no_other_attributes_and_events_than_the_table_has(self, told: Told) -> None:
        """Names are an interface, as those of log events are."""
        attributes = {name for span in told.spans for name in span.attributes}
        events = [event for span in told.spans for event in span.events]

        assert set() == attributes - set(SpanAttribute)
        assert set(SpanEvent) == {name for name, _ in events}
        assert set() == {name for _, had in events for name in had} - set(SpanAttribute)

    def test_has_nothing_of_what_was_said_and_no_secret(self, told: Told) -> None:
        """Inputs, bodies, queries and keys: traces are read by many, and kept elsewhere."""
        written = str(told.spans)

        assert told.instance_id in written
        assert CANARY not in written
        assert told.api_key not in written
