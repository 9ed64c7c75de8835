"""
Models by OpenAI's chat completions, through its SDK: OpenAI's own and those of every server
that speaks the same, by its address.
"""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import openai
from openai import AsyncOpenAI

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
from executor.adapters.llm_schemas import can_be_strict, plainly
from executor.ports.llm import MAX_TOOL_REQUESTS, LlmReply, LlmRequest, Message, ToolRequest
from shared.guardrails.gates import Classification
from shared.json import Json, dump
from shared.telemetry.logging import quiet

_ENDINGS = {
    "stop": Classification.OK,
    "tool_calls": Classification.OK,
    "content_filter": Classification.REFUSAL,
    "length": Classification.TRUNCATED,
}


class OpenAiLlm:
    """`output_limit` is how the server calls the limit of what is written."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        base_url: str,
        api_key: str,
        is_structured: bool,
        output_limit: str,
    ) -> None:
        self._is_structured = is_structured
        self._output_limit = output_limit
        self._client = AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            # Each try is paid for: whether there is another one is decided where that is known.
            max_retries=0,
            http_client=http,
        )
        # Of the environment, nobody else's account is to be billed.
        self._client.organization = None
        self._client.project = None
        # It can be told to log requests, by the environment, whenever it is imported.
        quiet("openai", "httpx2", "httpcore2")

    async def call(
        self, request: LlmRequest, *, idempotency_key: str, within: timedelta
    ) -> LlmReply:
        try:
            async with asyncio.timeout(within.total_seconds()):
                raw = await self._client.chat.completions.with_raw_response.create(
                    **self._parameters(request),
                    extra_headers={"idempotency-key": idempotency_key},
                    timeout=within.total_seconds(),
                )
                return _reply_of(await _text(raw))
        except (TimeoutError, openai.APITimeoutError):
            return timed_out(within)
        except openai.APIStatusError as error:
            return by_status(error.status_code, error.response.headers)
        except openai.APIConnectionError as error:
            return lost(was_sent=not isinstance(error.__cause__, httpx2.ConnectError))
        except (openai.OpenAIError, httpx2.HTTPError):
            return unreadable()

    def _parameters(self, request: LlmRequest) -> dict[str, Any]:
        found: dict[str, Any] = {
            "model": request.model,
            self._output_limit: request.max_output_tokens,
            "messages": [
                {"role": "system", "content": request.system},
                *(part for one in request.messages for part in _messages(one)),
            ],
        }
        if self._is_structured:
            schema = plainly(request.schema)
            found["response_format"] = {
                "type": "json_schema",
                "json_schema": {
                    "name": "answer",
                    "schema": schema,
                    "strict": can_be_strict(schema),
                },
            }
        if request.tools:
            found["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": one.name,
                        "description": one.description,
                        "parameters": one.schema,
                    },
                }
                for one in request.tools
            ]
        return found


async def _text(raw: Any) -> bytes:
    """What came over the wire: the SDK's own reading believes more than we do."""
    content: bytes = await raw.http_response.aread()
    return content


def _messages(message: Message) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": one.tool_use_id, "content": one.text}
        for one in message.answers
    ]
    if message.asks:
        found.append(
            {
                "role": "assistant",
                "content": message.text or None,
                "tool_calls": [_tool_call(one) for one in message.asks],
            }
        )
    elif message.text:
        found.append({"role": message.role, "content": message.text})
    return found


def _tool_call(request: ToolRequest) -> dict[str, Any]:
    return {
        "id": request.tool_use_id,
        "type": "function",
        "function": {"name": request.name, "arguments": dump(request.arguments or {})},
    }


def _reply_of(raw: bytes) -> LlmReply:
    body = body_of(raw)
    choices = body.get("choices") if body is not None else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if body is None or not isinstance(first, dict) or not isinstance(message, dict):
        return unreadable()
    given = body.get("usage")
    counts: dict[str, Json] = given if isinstance(given, dict) else {}
    usage = counted(counts.get("prompt_tokens"), counts.get("completion_tokens"))
    reported = text_of(body.get("model"))
    ending = text_of(first.get("finish_reason"))
    classification = _ENDINGS.get(ending)
    if classification is Classification.OK and message.get("refusal"):
        classification, ending = Classification.REFUSAL, "refusal"
    if classification is None:
        return LlmReply(
            classification=Classification.PROVIDER_ERROR,
            usage=usage,
            reported_model=reported,
            problem="the model stopped for a reason that is not known here",
            is_lasting=True,
            finish_reason="unknown",
        )
    is_refusal = classification is Classification.REFUSAL
    return LlmReply(
        classification=classification,
        text="" if is_refusal else text_of(message.get("content")),
        asks=_asks(message.get("tool_calls")) if classification is Classification.OK else (),
        reported_model=reported,
        usage=usage,
        finish_reason=ending,
    )


def _asks(given: Json) -> tuple[ToolRequest, ...]:
    found = []
    for one in given[:MAX_TOOL_REQUESTS] if isinstance(given, list) else ():
        function = one.get("function") if isinstance(one, dict) else None
        if isinstance(one, dict) and isinstance(function, dict):
            found.append(asked(one.get("id"), function.get("name"), function.get("arguments")))
    return tuple(one for one in found if one is not None)
