"""
Servers of tools by the Model Context Protocol, through its SDK: a command that is run for the
task and spoken to over its pipes, or an address that is spoken to over streamable HTTP.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import mcp.shared._otel
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation, TextContent, Tool
from opentelemetry.trace import NoOpTracer

from executor.adapters.bounded_http import bounded_client
from executor.ports.ai_desk import MAX_TOOL_RESULT_BYTES
from executor.ports.ai_tools import (
    MAX_TOOLS,
    Manifest,
    ToolResult,
    ToolServer,
    ToolsMissing,
    ToolsUnavailable,
)
from executor.ports.secrets import Secrets
from shared.errors import InvalidJson
from shared.json import Json, dump
from shared.settings import AiToolServer
from shared.telemetry.logging import quiet

CLOSE_WITHIN_S: Final = 5.0
MAX_WIRE_BYTES: Final = 4 * 1024 * 1024
"""Of one answer over HTTP, with all that a server declares."""

# Its spans tell what a server says of its failures, in the server's words.
mcp.shared._otel._tracer = NoOpTracer()  # noqa: SLF001 - there is no other switch
quiet("mcp", "client", "httpx2", "httpcore2")


class McpTools:
    def __init__(self, servers: Mapping[str, AiToolServer]) -> None:
        self._servers = servers

    @asynccontextmanager
    async def open(
        self, server: str, secrets: Secrets, within: timedelta
    ) -> AsyncIterator[ToolServer]:
        settings = self._servers.get(server)
        if settings is None:
            raise ToolsMissing(
                f"this executor knows no server of tools {server!r}; it is one of FOLIOT_AI_TOOLS:"
                f" {', '.join(sorted(self._servers)) or 'none'}"
            )
        token = await secrets.resolve(settings.secret) if settings.secret else ""
        connection = _Connection(server, settings, token)
        try:
            yield await connection.opened(within)
        finally:
            await connection.close()


class _Connection:
    """
    One connection, in a task of its own: the SDK wraps whatever is raised inside of it, and is
    left by the task that entered it.
    """

    def __init__(self, name: str, settings: AiToolServer, token: str) -> None:
        self._name = name
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.Event()
        self._work = asyncio.create_task(self._run(settings, token))

    async def opened(self, within: timedelta) -> "_Server":
        """Raises ToolsUnavailable."""
        either: set[asyncio.Future[Any]] = {self._work, self._ready}
        await asyncio.wait(
            either,
            timeout=within.total_seconds(),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not self._ready.done() or self._work.done():
            raise ToolsUnavailable(f"the server of tools {self._name!r} cannot be reached")
        return _Server(self._name, self._ready.result(), within)

    async def close(self) -> None:
        """Whatever becomes of the server, nothing of it is left here."""
        self._closing.set()
        if not self._ready.done():
            self._work.cancel()
        _, late = await asyncio.wait({self._work}, timeout=CLOSE_WITHIN_S)
        for task in late:
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSE_WITHIN_S)
        self._ready.cancel()
        if self._work.done() and not self._work.cancelled():
            # What it ended by was told by whoever called; looked at, so that nobody logs it.
            self._work.exception()

    async def _run(self, settings: AiToolServer, token: str) -> None:
        async with AsyncExitStack() as exits:
            transport = await _transport(settings, token, exits)
            client = Client(
                transport, cache=None, client_info=Implementation(name="foliot", version="1")
            )
            await exits.enter_async_context(client)
            self._ready.set_result(client)
            await self._closing.wait()


class _Server:
    def __init__(self, name: str, client: Client, within: timedelta) -> None:
        self._name = name
        self._client = client
        self._within = within
        self._manifests: dict[str, Manifest] | None = None

    async def manifest(self, name: str) -> Manifest | None:
        if self._manifests is None:
            self._manifests = {one.name: _manifest_of(one) for one in await self._listed()}
        return self._manifests.get(name)

    async def call(self, name: str, arguments: Json, within: timedelta) -> ToolResult:
        given = arguments if isinstance(arguments, dict) else {}
        answer = await self._in_time(self._client.call_tool(name, dict(given)), within)
        texts = [one.text for one in answer.content if isinstance(one, TextContent)]
        if len(texts) < len(answer.content):
            return ToolResult(
                text="the tool answered with something that is no text", is_error=True
            )
        text = "\n".join(texts).encode(errors="replace")
        if len(text) > MAX_TOOL_RESULT_BYTES:
            return ToolResult(
                text=f"the tool answered with more than {MAX_TOOL_RESULT_BYTES} bytes;"
                " ask it for less",
                is_error=True,
            )
        return ToolResult(text=text.decode(), is_error=bool(answer.is_error))

    async def _listed(self) -> list[Tool]:
        found: list[Tool] = []
        cursor: str | None = None
        while True:
            page = await self._in_time(self._client.list_tools(cursor=cursor), self._within)
            found += page.tools
            if len(found) > MAX_TOOLS:
                raise ToolsMissing(
                    f"the server of tools {self._name!r} declares more than {MAX_TOOLS} tools"
                )
            if not page.next_cursor:
                return found
            cursor = page.next_cursor

    async def _in_time(self, asking: Any, within: timedelta) -> Any:
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await asking
        except TimeoutError:
            problem = f"did not answer within {within.total_seconds():g} s"
        except Exception:  # noqa: BLE001 - the SDK raises what servers, streams and models raise
            problem = "failed"
        raise ToolsUnavailable(f"the server of tools {self._name!r} {problem}")


async def _transport(settings: AiToolServer, token: str, exits: AsyncExitStack) -> Any:
    if settings.url:
        http = await exits.enter_async_context(bounded_client(MAX_WIRE_BYTES))
        if token:
            http.headers["authorization"] = f"Bearer {token}"
        return streamable_http_client(settings.url, http_client=http)
    program, *arguments = settings.command
    parameters = StdioServerParameters(
        command=program,
        args=arguments,
        env={name: value.get_secret_value() for name, value in settings.env.items()},
    )
    # What it says of itself may hold what it was asked.
    silence = exits.enter_context(Path(os.devnull).open("w", encoding="utf-8"))  # noqa: ASYNC230, SIM115 - no disk to wait for, and closed with the rest
    return stdio_client(parameters, errlog=silence)


def _manifest_of(tool: Tool) -> Manifest:
    """What of a tool reaches models and people, in one form for all versions of the protocol."""
    hints = tool.annotations
    declared: dict[str, Any] = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": None
        if hints is None
        else hints.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    with contextlib.suppress(InvalidJson):
        dump(declared)
        return Manifest(
            name=tool.name,
            description=tool.description or "",
            schema=tool.input_schema,
            is_read_only=hints is not None and hints.read_only_hint is True,
            declared=declared,
        )
    raise ToolsMissing("a server of tools declares what cannot be written as JSON")
