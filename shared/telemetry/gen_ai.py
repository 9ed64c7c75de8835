"""
Spans of calls of models and tools, by the names of OpenTelemetry's conventions for them.

They say who was asked and how much was used, and never what was said: neither prompts nor
answers nor arguments. Without an OpenTelemetry SDK that was set up they cost next to nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
MAX_TOKENS: Final = "gen_ai.request.max_tokens"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
TOOL: Final = "gen_ai.tool.name"
ERROR: Final = "error.type"
TASK: Final = "foliot.task_id"

MAX_ATTRIBUTE: Final = 200
"""Characters of a value: some of them come from providers."""


class Span(Protocol):
    def set_attribute(self, key: str, value: str | int | tuple[str, ...]) -> None:
        """Say this of the call."""


@contextmanager
def chat(task_id: str, provider: str, model: str, max_tokens: int) -> Iterator[Span]:
    """A span around one call of a model."""
    attributes: dict[str, str | int] = {
        OPERATION: "chat",
        PROVIDER: provider,
        REQUEST_MODEL: model,
        MAX_TOKENS: max_tokens,
        TASK: task_id,
    }
    with _span(f"chat {model}", attributes) as span:
        yield span


@contextmanager
def execute_tool(task_id: str, tool: str) -> Iterator[Span]:
    """A span around one call of a tool."""
    attributes: dict[str, str | int] = {OPERATION: "execute_tool", TOOL: tool, TASK: task_id}
    with _span(f"execute_tool {tool}", attributes) as span:
        yield span


def replied(
    span: Span,
    *,
    model: str,
    finish_reason: str,
    tokens: tuple[int, int] | None,
    error: str | None,
) -> None:
    """What came of a call; `tokens` are those read and written, None if nobody counted."""
    if model:
        span.set_attribute(RESPONSE_MODEL, model[:MAX_ATTRIBUTE])
    if finish_reason:
        span.set_attribute(FINISH_REASONS, (finish_reason[:MAX_ATTRIBUTE],))
    if tokens is not None:
        span.set_attribute(INPUT_TOKENS, tokens[0])
        span.set_attribute(OUTPUT_TOKENS, tokens[1])
    if error is not None:
        span.set_attribute(ERROR, error)


@contextmanager
def _span(name: str, attributes: dict[str, str | int]) -> Iterator[Span]:
    # Imported where it is used: executors without AI tasks need none of it.
    from opentelemetry.trace import SpanKind, get_tracer

    with get_tracer("foliot").start_as_current_span(
        name,
        kind=SpanKind.CLIENT,
        attributes=attributes,
        # An exception's text may repeat what was said.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield span
