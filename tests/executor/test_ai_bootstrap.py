"""AI tasks are taken where models are to be had, and cost nothing where they are not."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from pydantic import ValidationError

from executor.adapters.grpc_connection import Connector
from executor.adapters.memory_llm import MemoryLlm
from executor.bootstrap import ai
from executor.bootstrap.ai import ai_handlers
from executor.plugins import Plugins
from executor.ports.llm import LlmReply, LlmRequest
from shared.errors import InvalidRequest
from shared.guardrails.gates import Classification
from shared.settings import AiProvider, AiToolServer, Settings
from shared.tasks import TaskType
from shared.tls import ClientTls

PROVIDERS = {"house": AiProvider(kind="openai", base_url="http://127.0.0.1:1/v1")}
CONNECTOR = Connector("127.0.0.1:1", ClientTls(allow_plaintext=True))


async def _silent(_request: LlmRequest) -> LlmReply:
    return LlmReply(classification=Classification.REFUSAL)


class TestAnExecutor:
    async def test_takes_ai_tasks_where_it_knows_models(self) -> None:
        """With the packages of its providers, and of tools if it has any."""
        tools = {"crm": AiToolServer(command=["crm"])}
        async with AsyncExitStack() as exits:
            settings = Settings(ai_providers=PROVIDERS, ai_tools=tools)
            found = await ai_handlers(settings, Plugins(), CONNECTOR, exits)

            assert [True] == [one.can_handle(TaskType.AI) for one in found]

    async def test_takes_none_without(self) -> None:
        """Others may have models."""
        assert () == await ai_handlers(Settings(), Plugins(), CONNECTOR, AsyncExitStack())

    async def test_takes_them_where_a_package_brings_a_way_to_models(self) -> None:
        """It is open for as long as the executor, and has no second way beside it."""
        closed = []

        @asynccontextmanager
        async def opening() -> AsyncIterator[MemoryLlm]:
            yield MemoryLlm(_silent, {"house": ""})
            closed.append("llm")

        plugins = Plugins(adapters={"llm": opening})
        async with AsyncExitStack() as exits:
            found = await ai_handlers(Settings(), plugins, CONNECTOR, exits)

            assert [True] == [one.can_handle(TaskType.AI) for one in found]
        assert ["llm"] == closed
        with pytest.raises(InvalidRequest, match="leave one of them out"):
            await ai_handlers(
                Settings(ai_providers=PROVIDERS), plugins, CONNECTOR, AsyncExitStack()
            )

    def test_imports_nothing_for_them_without(self) -> None:
        """The SDKs take seconds to import, and tens of megabytes."""
        told = subprocess.run(
            [sys.executable, "-c", "import executor.bootstrap, sys; print(*sys.modules)"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()

        assert set() == {"anthropic", "openai", "mcp", "httpx2", "executor.handlers.ai"} & set(told)
        assert "shared.guardrails.judging" not in told

    async def test_says_what_to_install_where_a_package_is_missing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At the start, and not when the first task comes."""
        monkeypatch.setattr(ai, "find_spec", lambda _: None)
        tools = {"crm": AiToolServer(url="http://127.0.0.1:1")}
        settings = Settings(ai_providers=PROVIDERS, ai_tools=tools)
        async with AsyncExitStack() as exits:
            with pytest.raises(InvalidRequest, match=r"install foliot\[ai\]"):
                await ai_handlers(settings, Plugins(), CONNECTOR, exits)


class TestAServerOfToolsInTheSettings:
    @pytest.mark.parametrize("given", [{}, {"command": ["a"], "url": "http://h"}, {"cmd": ["a"]}])
    def test_is_in_one_place(self, given: dict[str, object]) -> None:
        """A key that is spelled wrong is refused, as is one that would be ignored."""
        with pytest.raises(ValidationError):
            AiToolServer.model_validate(given)
