"""What `foliot mcp` does: tools for agents over this process's own pipes."""

import asyncio
from importlib.metadata import version

from control_plane.cli.calling import calling, find
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from shared.errors import InvalidRequest


def run_mcp(
    target: Target, *, definitions: list[str], events: list[str], is_read_only: bool
) -> None:
    """Serve until standard input ends. Standard output is the protocol's."""
    with explained():
        try:
            from control_plane.cli.agent_tools import AgentTools, Bounds
        except ModuleNotFoundError as error:
            raise InvalidRequest(
                f"{error.name} is not installed; install foliot with its extra: foliot[ai]"
            ) from error
        bounds = Bounds(
            definitions=frozenset(definitions),
            events=frozenset(events),
            is_read_only=is_read_only,
        )
        place = find(target)

        async def serve() -> None:
            async with calling(place) as caller:
                await AgentTools(caller, bounds).server(version("foliot")).run_stdio_async()

        asyncio.run(serve())
