"""How an executor reaches models: by the operator's providers, or by what a package brings."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from importlib.util import find_spec

from executor.adapters.grpc_connection import Connector
from executor.handlers import Handler
from executor.plugins import Plugins
from executor.ports.ai_tools import AiTools
from executor.ports.llm import LlmPort
from shared.errors import InvalidRequest
from shared.settings import Settings


async def ai_handlers(
    settings: Settings, plugins: Plugins, connector: Connector, exits: AsyncExitStack
) -> Sequence[Handler]:
    """
    The handler of AI tasks, where models are to be had. Imported here, as it brings a lot along.

    Raises InvalidRequest where a package is missing.
    """
    llm = await _llm(settings, plugins, exits)
    if llm is None:
        return ()
    from executor.adapters.grpc_ai_desk import GrpcAiDesk
    from executor.adapters.memory_ai_tools import MemoryAiTools
    from executor.handlers.ai import AiHandler

    desk = GrpcAiDesk(connector, api_key=settings.api_key.get_secret_value())
    exits.push_async_callback(desk.close)
    tools: AiTools = MemoryAiTools({})
    if settings.ai_tools:
        if find_spec("mcp") is None:
            raise InvalidRequest(
                "FOLIOT_AI_TOOLS needs the package mcp; install foliot[ai]", field="ai_tools"
            )
        from executor.adapters.mcp_tools import McpTools

        tools = McpTools(settings.ai_tools)
    return (AiHandler(desk, llm, tools),)


async def _llm(settings: Settings, plugins: Plugins, exits: AsyncExitStack) -> LlmPort | None:
    opening = plugins.adapters.get("llm")
    if opening is not None:
        if settings.ai_providers:
            raise InvalidRequest(
                "models are reached by FOLIOT_AI_PROVIDERS and by a package in FOLIOT_PLUGINS;"
                " leave one of them out",
                field="ai_providers",
            )
        llm: LlmPort = await exits.enter_async_context(opening())
        return llm
    if not settings.ai_providers:
        return None
    from executor.adapters.routed_llm import RoutedLlm

    own = RoutedLlm(settings.ai_providers)
    exits.push_async_callback(own.close)
    return own
