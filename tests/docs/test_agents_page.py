"""docs/agents.md: what it tells agents' programs to start, and which tools there are."""

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from control_plane.cli.agent_tools import AgentTools, Bounds
from control_plane.cli.app import app

PAGE = (Path(__file__).parents[2] / "docs/agents.md").read_text()


class TestThePageAboutAgents:
    def test_starts_a_command_that_there_is(self) -> None:
        """With options that it takes."""
        (sample,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
        server = json.loads(sample)["mcpServers"]["foliot"]

        asked = CliRunner().invoke(app, [*server["args"], "--help"])

        assert ("foliot", 0) == (server["command"], asked.exit_code)

    async def test_tells_of_the_tools_that_there_are(self) -> None:
        """And of no other."""
        tools = await AgentTools(None, Bounds()).server("1").list_tools()  # type: ignore[arg-type]  # nothing is called

        assert sorted(re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE)) == sorted(
            tool.name for tool in tools
        )
