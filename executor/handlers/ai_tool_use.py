"""
Tools of an AI task: only those that its policy names, only for reading, only as they were when
they were pinned; each result is kept, so that a crash does not call for it twice.
"""

import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from executor.handlers.ai_dialogue import Stopped
from executor.ports.ai_desk import AiDesk, AskedTool, RecordedToolCall, Terms
from executor.ports.ai_tools import (
    MAX_MANIFEST_BYTES,
    AiTools,
    Manifest,
    ToolResult,
    ToolServer,
    ToolsMissing,
    ToolsUnavailable,
)
from executor.ports.control_plane import Held
from executor.ports.llm import ToolAnswer, ToolOffer
from executor.ports.secrets import SecretMissing, Secrets, SecretsUnavailable
from shared.errors import InvalidJson
from shared.forms import TooMuchToCheck, problem_of, violations
from shared.guardrails.context import escaped
from shared.guardrails.policy import Policy, Tool
from shared.json import Json, digest, dump
from shared.tasks import ClaimedTask, Failure
from shared.telemetry import gen_ai

CONNECT_WITHIN: Final = timedelta(seconds=10)
CALL_WITHIN: Final = timedelta(seconds=30)
MAX_OFFER_NAME: Final = 64

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pinned:
    """A tool of the policy that is what it was pinned as, and the way to it."""

    tool: Tool
    manifest: Manifest
    server: ToolServer


class ToolUse:
    """
    Of one attempt. Enter `connect` first; connections are closed with the stack they were
    opened on.
    """

    def __init__(
        self, desk: AiDesk, tools: AiTools, task: ClaimedTask, terms: Terms, secrets: Secrets
    ) -> None:
        self._desk = desk
        self._tools = tools
        self._task = task
        self._secrets = secrets
        self._journal = list(terms.tool_calls)
        self._calls = len(terms.tool_calls)
        self._used: dict[tuple[str, str], int] = {}
        self._pinned: dict[str, _Pinned] = {}

    @property
    def offers(self) -> tuple[ToolOffer, ...]:
        """What a model is told of the tools, under names of ours."""
        return tuple(
            ToolOffer(
                name=name,
                description=one.manifest.description,
                schema=one.manifest.schema,
            )
            for name, one in self._pinned.items()
        )

    @property
    def names(self) -> Mapping[str, tuple[str, str]]:
        """Server and name behind each offer."""
        return {name: (one.tool.server, one.tool.name) for name, one in self._pinned.items()}

    async def connect(self, policy: Policy, exits: AsyncExitStack) -> None:
        """Raises Stopped for a tool that is not there, or not what was pinned."""
        servers: dict[str, ToolServer] = {}
        for at, tool in enumerate(policy.tools or ()):
            try:
                if tool.server not in servers:
                    servers[tool.server] = await exits.enter_async_context(
                        self._tools.open(tool.server, self._secrets, CONNECT_WITHIN)
                    )
                manifest = await servers[tool.server].manifest(tool.name)
            except (ToolsUnavailable, SecretsUnavailable) as error:
                raise Stopped(Failure(kind="ai.tools", message=error.message)) from None
            except (ToolsMissing, SecretMissing) as error:
                raise Stopped(_unfit(error.message)) from None
            _check(tool, manifest)
            assert manifest is not None
            name = f"t{at}_{_NO_NAME.sub('_', tool.name)}"[:MAX_OFFER_NAME]
            self._pinned[name] = _Pinned(tool=tool, manifest=manifest, server=servers[tool.server])

    async def answer(self, call_number: int, asked: AskedTool) -> tuple[ToolAnswer, bool]:
        """
        What the model is told of a tool that it asked for, and whether that came from a tool:
        then it is as untrusted as whoever wrote what the tool reads.
        """
        pinned = self._of(asked)
        if pinned is None:
            return _told(asked, "there is no such tool"), False
        wrong = _wrong_with(pinned.manifest, asked.arguments)
        if wrong is not None:
            return _told(asked, wrong), False
        key = (pinned.tool.server, pinned.tool.name)
        self._used[key] = self._used.get(key, 0) + 1
        if self._used[key] > pinned.tool.max_calls:
            return _told(asked, "this tool may not be called any more"), False
        kept = await self._kept(call_number, pinned, asked.arguments)
        answer = ToolAnswer(
            tool_use_id=asked.tool_use_id, text=escaped(kept.result), is_error=kept.is_error
        )
        return answer, True

    def _of(self, asked: AskedTool) -> _Pinned | None:
        for one in self._pinned.values():
            if (one.tool.server, one.tool.name) == (asked.server, asked.name):
                return one
        return None

    async def _kept(self, call_number: int, pinned: _Pinned, arguments: Json) -> RecordedToolCall:
        tool, hashed = pinned.tool, digest(dump(arguments)).hex()
        for one in self._journal:
            same = (one.call_number, one.server, one.name, one.arguments_sha256)
            if same == (call_number, tool.server, tool.name, hashed):
                self._journal.remove(one)
                return one
        with gen_ai.execute_tool(self._task.task_id, tool.name):
            result = await _called(pinned, arguments)
        self._calls += 1
        return await self._desk.journal(
            self._task.tenant_id,
            Held.of(self._task),
            RecordedToolCall(
                number=self._calls,
                call_number=call_number,
                server=tool.server,
                name=tool.name,
                arguments_sha256=hashed,
                result=self._secrets.redacted(result.text).replace("\0", " "),
                is_error=result.is_error,
            ),
        )


async def _called(pinned: _Pinned, arguments: Json) -> ToolResult:
    try:
        return await pinned.server.call(pinned.tool.name, arguments, CALL_WITHIN)
    except ToolsUnavailable as error:
        raise Stopped(Failure(kind="ai.tools", message=error.message)) from None


def _check(tool: Tool, manifest: Manifest | None) -> None:
    """Raises Stopped for what nobody has looked at, or what is not for reading."""
    where = f"the tool {tool.name!r} of the server {tool.server!r}"
    if manifest is None:
        raise Stopped(_unfit(f"{where} is not there"))
    if manifest.sha256 != tool.manifest_sha256:
        raise Stopped(
            _unfit(
                f"{where} is not the one that the policy pins: its manifest has the SHA-256"
                f" {manifest.sha256} now; look at it, and pin that in a new version"
            )
        )
    if not manifest.is_read_only:
        raise Stopped(_unfit(f"{where} does not declare that it only reads (readOnlyHint)"))
    if len(dump(manifest.declared)) > MAX_MANIFEST_BYTES:
        raise Stopped(_unfit(f"{where} declares more than {MAX_MANIFEST_BYTES} bytes"))


def _wrong_with(manifest: Manifest, arguments: Json) -> str | None:
    """What is wrong with arguments, as far as the tool's schema is one that can be held to."""
    if not isinstance(arguments, dict):
        return "the arguments are no JSON object, or too large"
    try:
        if problem_of(manifest.schema) is None:
            found = violations(manifest.schema, arguments)
            if found:
                path, message = found[0]
                return f"{'/'.join(str(step)[:100] for step in path) or 'the arguments'} {message}"
    except (TooMuchToCheck, InvalidJson):
        return "the arguments are too large"
    return None


def _told(asked: AskedTool, message: str) -> ToolAnswer:
    return ToolAnswer(tool_use_id=asked.tool_use_id, text=escaped(message), is_error=True)


def _unfit(message: str) -> Failure:
    return Failure(kind="ai.tools", message=message, retryable=False)
