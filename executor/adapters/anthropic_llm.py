"""Models by Anthropic's Messages API, through its SDK."""

import asyncio
from datetime import timedelta
from typing import Any

import anthropic
import httpx2
from anthropic import AsyncAnthropic

from executor.adapters.llm_replies import (
    asked,
    body_of,
    by_status,
    counted,
    lost,
    text_of,
    timed_out,
    unreadable,
)
from executor.adapters.llm_schemas import plainly
from executor.ports.llm import MAX_TOOL_REQUESTS, LlmReply, LlmRequest, Message, Usage
from shared.guardrails.gates import Classification
from shared.json import Json
from shared.telemetry.logging import quiet

_ENDINGS = {
    "end_turn": Classification.OK,
    "stop_sequence": Classification.OK,
    "tool_use": Classification.OK,
    "refusal": Classification.REFUSAL,
    "max_tokens": Classification.TRUNCATED,
    "model_context_window_exceeded": Classification.TRUNCATED,
}


class AnthropicLlm:
    def __init__(
        self, http: httpx2.AsyncClient, *, base_url: str, api_key: str, is_structured: bool
    ) -> None:
        self._is_structured = is_structured
        self._client = AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            # Each try is paid for: whether there is another one is decided where that is known.
            max_retries=0,
            # Its spans could be told by the environment to hold what was said.
            open_telemetry=False,
            http_client=http,
        )
        # It can be told to log requests, by the environment, whenever it is imported.
        quiet("anthropic", "httpx2", "httpcore2")

    async def call(
        self, request: LlmRequest, *, idempotency_key: str, within: timedelta
    ) -> LlmReply:
        try:
            async with asyncio.timeout(within.total_seconds()):
                raw = await self._client.messages.with_raw_response.create(
                    **self._parameters(request),
                    extra_headers={"idempotency-key": idempotency_key},
                    timeout=within.total_seconds(),
                )
                return _reply_of(await _text(raw))
        except (TimeoutError, anthropic.APITimeoutError):
            return timed_out(within)
        except anthropic.APIStatusError as error:
            return by_status(error.status_code, error.response.headers)
        except anthropic.APIConnectionError as error:
            return lost(was_sent=not isinstance(error.__cause__, httpx2.ConnectError))
        except (anthropic.AnthropicError, httpx2.HTTPError):
            return unreadable()

    def _parameters(self, request: LlmRequest) -> dict[str, Any]:
        found: dict[str, Any] = {
            "model": request.model,
            "system": request.system,
            "max_tokens": request.max_output_tokens,
            "messages": [_message(one) for one in request.messages],
        }
        if self._is_structured:
            schema = plainly(request.schema)
            found["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        if request.tools:
            found["tools"] = [
                {"name": one.name, "description": one.description, "input_schema": one.schema}
                for one in request.tools
            ]
        return found


async def _text(raw: Any) -> bytes:
    """What came over the wire: the SDK's own reading believes more than we do."""
    content: bytes = await raw.http_response.aread()
    return content


def _message(message: Message) -> dict[str, Any]:
    content: list[dict[str, Any]] = [
        {
            "type": "tool_result",
            "tool_use_id": one.tool_use_id,
            "content": one.text,
            "is_error": one.is_error,
        }
        for one in message.answers
    ]
    if message.text:
        content.append({"type": "text", "text": message.text})
    content += [
        {"type": "tool_use", "id": one.tool_use_id, "name": one.name, "input": one.arguments or {}}
        for one in message.asks
    ]
    return {"role": message.role, "content": content}


def _reply_of(raw: bytes) -> LlmReply:
    body = body_of(raw)
    blocks = body.get("content") if body is not None else None
    if body is None or not isinstance(blocks, list):
        return unreadable()
    found = [one for one in blocks if isinstance(one, dict)]
    ending = text_of(body.get("stop_reason"))
    usage = _usage_of(body.get("usage"))
    classification = _ENDINGS.get(ending)
    reported = text_of(body.get("model"))
    if classification is None:
        return LlmReply(
            classification=Classification.PROVIDER_ERROR,
            usage=usage,
            reported_model=reported,
            problem="the model stopped for a reason that is not known here",
            is_lasting=True,
            finish_reason="unknown",
        )
    asks = [
        asked(one.get("id"), one.get("name"), one.get("input"))
        for one in found
        if one.get("type") == "tool_use"
    ]
    is_ok = classification is Classification.OK
    return LlmReply(
        classification=classification,
        text=(
            "".join(text_of(one.get("text")) for one in found if one.get("type") == "text")
            if classification is not Classification.REFUSAL
            else ""
        ),
        asks=tuple(one for one in asks[:MAX_TOOL_REQUESTS] if one is not None) if is_ok else (),
        reported_model=reported,
        usage=usage,
        finish_reason=ending,
    )


def _usage_of(given: Json) -> Usage | None:
    """Cached tokens are counted beside the others here, and are paid for all the same."""
    if not isinstance(given, dict):
        return None
    total = 0
    for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"):
        one = given.get(name, 0) or 0
        if isinstance(one, bool) or not isinstance(one, int) or one < 0:
            return None
        total += one
    return counted(total if "input_tokens" in given else None, given.get("output_tokens"))
