"""A server of tools as a program, by the MCP SDK: over its pipes, or over streamable HTTP."""

import os
import sys
import time

from mcp.server import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("crm")
READS = ToolAnnotations(read_only_hint=True)


@server.tool(annotations=READS, description=os.environ.get("DESCRIPTION", "looks a customer up"))
def look(id: str) -> str:  # noqa: A002 - the argument's name is the tool's
    """Look a customer up."""
    return f"customer {id} of {os.environ.get('TOKEN', 'nobody')}"


@server.tool(description="deletes a customer")
def drop(id: str) -> str:  # noqa: A002 - as above
    """Delete a customer."""
    return f"dropped {id}"


@server.tool(annotations=READS)
def flood() -> str:
    """Answer with more than anybody wants."""
    return "x" * 70_000


@server.tool(annotations=READS)
def fail() -> str:
    """Fail with words of its own."""
    raise ValueError("CANARY-TOOL")


@server.tool(annotations=READS)
def die() -> str:
    """End the server."""
    os._exit(3)


@server.tool(annotations=READS)
def sleep() -> str:
    """Answer too late."""
    time.sleep(20)
    return "late"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
