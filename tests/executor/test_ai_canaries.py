"""
What must not get out of an AI task, looked for everywhere it could: on the wire to a provider, in
logs, spans, failures and records.
"""

import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from executor.adapters.memory_ai_tools import MemoryAiTools
from executor.adapters.routed_llm import RoutedLlm
from executor.handlers.ai import AiHandler
from executor.ports.ai_tools import ToolResult
from executor.ports.llm import ToolRequest
from shared.json import Json
from shared.settings import AiProvider
from shared.tasks import Outcome
from shared.telemetry import attempt_spans
from tests.executor.ai_stage import KEY, Stage, a_tool, asks, pinned, raw, says, staged
from tests.executor.providers import Behaviour, Provider, Status, serving
from tests.telemetry.keeping import kept_spans

EMAIL, INTERNAL, TEXT = "canary-mail@example.com", "canary-internal", "canary-text"
FROM_PROVIDER, FROM_MODEL, FROM_TOOL = "CANARY-PROVIDER", "canary-reason", "canary-tool"
INPUT: Json = {
    "amount": 12,
    "text": TEXT,
    "customer": {"name": "Ann", "email": EMAIL},
    "internal": INTERNAL,
}
TRACE_PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ASK = ToolRequest(tool_use_id="u1", name="t0_look", arguments={"id": FROM_MODEL[:10]})


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Every span that is made, by whomever."""
    with kept_spans() as exporter:
        yield exporter


@dataclass
class Run:
    """A task that was carried out, and all that there is of it."""

    outcome: Outcome
    stage: Stage
    sent: str
    logged: str
    spans: list[Any]


@pytest.fixture(params=["anthropic", "openai"])
def kind(request: pytest.FixtureRequest) -> Any:
    """The provider's kind."""
    return request.param


async def carried_out(
    kind: Any,
    behaviours: list[Behaviour],
    spans: InMemorySpanExporter,
    caplog: pytest.LogCaptureFixture,
    **policy: Any,
) -> Run:
    """The task, asked of a real provider, with every log line at its lowest level."""
    caplog.set_level(logging.DEBUG)
    tool = a_tool(lambda _: ToolResult(text=f"{FROM_TOOL} {KEY}", is_error=False))
    models = [{"provider": kind, "model": "m", "input_price": 1, "output_price": 1}]
    stage = staged(models=models, tools=[pinned(tool)], **policy)
    stage.task = replace(stage.task, input=INPUT, trace_parent=TRACE_PARENT)
    stage.secrets = {f"{kind}_api_key": KEY}
    async with AsyncExitStack() as exits:
        provider = Provider(kind=kind, behave=lambda _: behaviours.pop(0))
        await exits.enter_async_context(serving(provider))
        path = "" if kind == "anthropic" else "/v1"
        port = RoutedLlm({kind: AiProvider(kind=kind, base_url=provider.url + path)})
        exits.push_async_callback(port.close)
        handler = AiHandler(stage.desk, port, MemoryAiTools({"crm": {"look": tool}}))
        with structlog.testing.capture_logs() as lines:
            span = attempt_spans.attempt(stage.task, stage.task.run_at)
            assert span is not None
            outcome = await handler.execute(stage.task, stage.ports)
            span.ended(outcome)
            span.end()
    assert provider.key == KEY
    return Run(
        outcome=outcome,
        stage=stage,
        sent=str(provider.bodies),
        logged=str(lines) + caplog.text,
        spans=list(spans.get_finished_spans()),
    )


def found(words: tuple[str, ...], text: str) -> list[str]:
    return [word for word in words if word.casefold() in text.casefold()]


class TestACanary:
    async def test_gets_nowhere_by_a_task_that_succeeds(
        self, kind: Any, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
    ) -> None:
        """By way of a tool and a repair; what is declared is sent, and stays out of the rest."""
        behaviours: list[Behaviour] = [
            asks(ASK),
            raw(f"no json, {FROM_MODEL}"),
            says("APPROVE", reason=FROM_MODEL),
        ]
        run = await carried_out(kind, behaviours, spans, caplog, record={"prompt": "redacted"})
        records = str(run.stage.at_desk.records)
        told = "".join(span.to_json() for span in run.spans)

        assert run.outcome.failure is None
        assert [] == found((KEY, EMAIL, INTERNAL), run.sent)
        assert [TEXT, FROM_TOOL] == found((TEXT, FROM_TOOL), run.sent)
        assert [] == found((KEY, EMAIL, INTERNAL), records + str(run.stage.at_desk.tool_calls))
        everything = (KEY, EMAIL, INTERNAL, TEXT, FROM_MODEL, FROM_TOOL)
        assert [] == found(everything, run.logged)
        assert [] == found(everything, told)
        assert [] == found(everything, str(run.outcome))

    @pytest.mark.parametrize("status", [400, 401, 429, 500])
    async def test_gets_nowhere_by_a_task_that_fails(
        self,
        kind: Any,
        status: int,
        spans: InMemorySpanExporter,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A provider that repeats the request in its errors is not repeated."""
        text = f"{FROM_PROVIDER} {KEY} {EMAIL} {TEXT}"
        run = await carried_out(kind, [Status(status=status, text=text)], spans, caplog)
        told = "".join(span.to_json() for span in run.spans)
        everything = (KEY, EMAIL, INTERNAL, TEXT, FROM_PROVIDER)

        assert run.outcome.failure is not None
        for place in (run.logged, told, str(run.outcome), str(run.stage.at_desk.records)):
            assert [] == found(everything, place)
        assert "ai.provider_failed" in run.logged


class TestSpans:
    async def test_have_the_conventions_names_and_no_content(
        self, kind: Any, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Who was asked, for how much, and what was used; one a call, of models and of tools."""
        behaviours: list[Behaviour] = [asks(ASK), says("APPROVE")]
        run = await carried_out(kind, behaviours, spans, caplog)

        *called, attempt = run.spans
        assert ["chat m", "execute_tool look", "chat m"] == [one.name for one in called]
        assert {attempt.context.span_id} == {one.parent.span_id for one in called}
        last = dict(called[-1].attributes or {})
        assert {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": kind,
            "gen_ai.request.model": "m",
            "gen_ai.request.max_tokens": 2_000,
            "gen_ai.response.model": "large-1",
            "gen_ai.response.finish_reasons": ({"anthropic": "end_turn"}.get(kind, "stop"),),
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 10,
            "foliot.task_id": run.stage.task.task_id,
        } == last
