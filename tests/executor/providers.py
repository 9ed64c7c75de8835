"""
Providers on loopback: real HTTP servers that speak the wire formats of Anthropic's Messages API
and of OpenAI's chat completions, and do what a test tells them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from executor.ports.llm import LlmReply, ToolRequest
from shared.guardrails.gates import Classification

HANG = "hang"
HANG_UP = "hang up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """An answer that is no success; the body is as hostile as a provider's may be."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    text: str = "CANARY-PROVIDER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A success whose body is this, whatever it is."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Behaviour = LlmReply | Status | Raw | str


@dataclass
class Provider:
    """A server, and all that it was asked, the oldest first."""

    kind: str
    behave: Callable[[dict[str, Any]], Behaviour]
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The credential that came last."""
        headers = self.headers[-1]
        return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer as the wire format wants it."""
        body = await request.json()
        self.bodies.append(body)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        found = self.behave(body)
        match found:
            case Status():
                return web.Response(status=found.status, headers=found.headers, text=found.text)
            case Raw():
                return web.Response(
                    body=found.body, headers={"content-type": "application/json", **found.headers}
                )
            case LlmReply():
                written = _anthropic(found) if self.kind == "anthropic" else _openai(found)
                return web.json_response(written)
        if found == HANG:
            await asyncio.Event().wait()
        assert request.transport is not None
        request.transport.close()
        return web.Response()


@asynccontextmanager
async def serving(provider: Provider) -> AsyncIterator[Provider]:
    """The server on a free port of this machine."""
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.router.add_post("/v1/messages", provider.answer)
    app.router.add_post("/v1/chat/completions", provider.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        provider.url = f"http://{host}:{port}"
        yield provider
    finally:
        await runner.cleanup()


def _anthropic(reply: LlmReply) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": reply.text}] if reply.text else []
    content += [
        {"type": "tool_use", "id": one.tool_use_id, "name": one.name, "input": one.arguments}
        for one in reply.asks
    ]
    ending = {
        Classification.OK: "tool_use" if reply.asks else "end_turn",
        Classification.REFUSAL: "refusal",
        Classification.TRUNCATED: "max_tokens",
    }[reply.classification]
    used = reply.usage
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": reply.reported_model,
        "content": content,
        "stop_reason": ending,
        "stop_sequence": None,
        "usage": used
        and {
            "input_tokens": used.input_tokens - 2,
            "cache_creation_input_tokens": 1,
            "cache_read_input_tokens": 1,
            "output_tokens": used.output_tokens,
        },
    }


def _openai(reply: LlmReply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.asks:
        message["tool_calls"] = [_tool_call(one) for one in reply.asks]
    if reply.classification is Classification.REFUSAL:
        message["refusal"] = "I cannot help with that. CANARY-PROVIDER"
    ending = {
        Classification.OK: "tool_calls" if reply.asks else "stop",
        Classification.REFUSAL: "stop",
        Classification.TRUNCATED: "length",
    }[reply.classification]
    used = reply.usage
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": reply.reported_model,
        "choices": [{"index": 0, "message": message, "finish_reason": ending, "logprobs": None}],
        "usage": used
        and {
            "prompt_tokens": used.input_tokens,
            "completion_tokens": used.output_tokens,
            "total_tokens": used.input_tokens + used.output_tokens,
        },
    }


def _tool_call(request: ToolRequest) -> dict[str, Any]:
    return {
        "id": request.tool_use_id,
        "type": "function",
        "function": {"name": request.name, "arguments": json.dumps(request.arguments)},
    }
