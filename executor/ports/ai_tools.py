"""
How an AI task comes to the tools that its policy names: on servers that the operator has listed.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from executor.ports.secrets import Secrets
from shared.errors import FoliotError
from shared.json import Json, digest, dump

MAX_TOOLS: Final = 200
"""How many tools a server may declare."""

MAX_MANIFEST_BYTES: Final = 32 * 1024


class ToolsUnavailable(FoliotError):
    """The server cannot be reached, or did not answer in time; later it may."""

    reason = "AI_TOOLS_UNAVAILABLE"


class ToolsMissing(FoliotError):
    """There is no such server here, or it is of no use; trying again does not help."""

    reason = "AI_TOOLS_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """
    All that a server declares of a tool. A policy pins its hash: who changes a tool's words, or
    what it takes, changes what a model is told, and that is for people to look at again.
    """

    name: str
    description: str
    schema: dict[str, Json]
    is_read_only: bool
    declared: Json

    @property
    def sha256(self) -> str:
        return digest(dump(self.declared)).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool answered, as text; `is_error` if it says that it failed."""

    text: str
    is_error: bool


class ToolServer(Protocol):
    """A server that is connected to."""

    async def manifest(self, name: str) -> Manifest | None:
        """What it declares of a tool now; None if it has none of the name. Raises as `open`."""

    async def call(self, name: str, arguments: Json, within: timedelta) -> ToolResult:
        """
        Call a tool. What it answers is cut to nothing: a result over MAX_TOOL_RESULT_BYTES is an
        error that says so. Raises ToolsUnavailable.
        """


class AiTools(Protocol):
    def open(
        self, server: str, secrets: Secrets, within: timedelta
    ) -> AbstractAsyncContextManager[ToolServer]:
        """
        Connect to a server, in that time. Entering raises ToolsUnavailable, ToolsMissing,
        SecretMissing or SecretsUnavailable.
        """
