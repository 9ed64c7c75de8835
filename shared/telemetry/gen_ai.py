"""
Spans of calls of models and tools, by the names of OpenTelemetry's conventions for them.

They say who was asked and how much was used, and never what was said: neither prompts nor
answers nor arguments. They are children of the attempt's span, and where that has none there are
none of these.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.telemetry.attempt_spans import ClientSpan, Value, client
from shared.telemetry.span_names import SpanAttribute as A

MAX_ATTRIBUTE: Final = 200
"""Characters of a value: some of them come from providers."""


@contextmanager
def chat(task_id: str, provider: str, model: str, max_tokens: int) -> Iterator[ClientSpan]:
    """A span around one call of a model."""
    attributes: dict[A, Value] = {
        A.OPERATION: "chat",
        A.PROVIDER: provider,
        A.REQUEST_MODEL: model,
        A.MAX_TOKENS: max_tokens,
        A.TASK: task_id,
    }
    with client(f"chat {model}", attributes) as span:
        yield span


@contextmanager
def execute_tool(task_id: str, tool: str) -> Iterator[ClientSpan]:
    """A span around one call of a tool."""
    attributes: dict[A, Value] = {A.OPERATION: "execute_tool", A.TOOL: tool, A.TASK: task_id}
    with client(f"execute_tool {tool}", attributes) as span:
        yield span


def replied(
    span: ClientSpan,
    *,
    model: str,
    finish_reason: str,
    tokens: tuple[int, int] | None,
    error: str | None,
) -> None:
    """What came of a call; `tokens` are those read and written, None if nobody counted."""
    if model:
        span.set_attribute(A.RESPONSE_MODEL, model[:MAX_ATTRIBUTE])
    if finish_reason:
        span.set_attribute(A.FINISH_REASONS, (finish_reason[:MAX_ATTRIBUTE],))
    if tokens is not None:
        span.set_attribute(A.INPUT_TOKENS, tokens[0])
        span.set_attribute(A.OUTPUT_TOKENS, tokens[1])
    if error is not None:
        span.failed(error)
