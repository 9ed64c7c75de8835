"""Servers of tools held in memory; also what an executor without any has."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from executor.ports.ai_tools import Manifest, ToolResult, ToolServer, ToolsMissing
from executor.ports.secrets import Secrets
from shared.json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryTool:
    """A tool, and the function behind it."""

    manifest: Manifest
    call: Callable[[Json], ToolResult]


class MemoryAiTools:
    """By server, then by name."""

    def __init__(self, servers: Mapping[str, Mapping[str, MemoryTool]]) -> None:
        self._servers = servers

    @asynccontextmanager
    async def open(
        self,
        server: str,
        secrets: Secrets,  # noqa: ARG002 - nobody is asked for them here
        within: timedelta,  # noqa: ARG002 - and nothing takes time
    ) -> AsyncIterator[ToolServer]:
        if server not in self._servers:
            raise ToolsMissing(
                f"this executor knows no server of tools {server!r}; it is one of FOLIOT_AI_TOOLS:"
                f" {', '.join(sorted(self._servers)) or 'none'}"
            )
        yield _Server(self._servers[server])


class _Server:
    def __init__(self, tools: Mapping[str, MemoryTool]) -> None:
        self._tools = tools

    async def manifest(self, name: str) -> Manifest | None:
        tool = self._tools.get(name)
        return None if tool is None else tool.manifest

    async def call(
        self,
        name: str,
        arguments: Json,
        within: timedelta,  # noqa: ARG002 - nothing takes time here
    ) -> ToolResult:
        return self._tools[name].call(arguments)
