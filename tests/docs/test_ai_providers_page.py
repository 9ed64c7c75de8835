"""docs/ai-providers.md: its JSON is what the settings and policies take."""

import json
import re

from pydantic import TypeAdapter

from executor.adapters.mcp_tools import McpTools
from executor.adapters.routed_llm import RoutedLlm
from shared.guardrails.reading import parse_policy
from shared.json import dump
from shared.settings import AiProvider, AiToolServer
from tests.docs.pages import ROOT, blocks, code, page, rows

PAGE = page("docs/ai-providers.md")


class TestThePageOfProviders:
    def test_has_samples_that_are_taken(self) -> None:
        """What is copied from it works."""
        providers, tools, entry = (
            json.loads(block.text) for block in blocks(PAGE) if block.language == "json"
        )
        RoutedLlm(TypeAdapter(dict[str, AiProvider]).validate_python(providers))
        McpTools(TypeAdapter(dict[str, AiToolServer]).validate_python(tools))
        pinned = parse_policy(dump({"tools": [{**entry, "manifest_sha256": "0" * 64}]})).tools

        assert pinned is not None
        assert (entry["server"], entry["max_calls"]) == (pinned[0].server, pinned[0].max_calls)
        assert pinned[0].server in tools

    def test_tells_of_every_setting(self) -> None:
        """Of a provider in the table, of a server of tools in the text."""
        told = [cells[0].strip("`") for cells in rows(PAGE.partition("## When")[0])]

        assert [*AiProvider.model_fields] == told
        assert set(AiToolServer.model_fields) <= {*code(PAGE), *PAGE.replace('"', " ").split()}

    def test_lists_what_an_executor_fails_with(self) -> None:
        """Each kind in its code is told of here, or on the page of AI tasks."""
        files = (ROOT / "executor" / "handlers").glob("ai*.py")
        text = "".join(file.read_text("utf-8") for file in files)
        # Names of failpoints look the same, and are told to nobody.
        kinds = set(re.findall(r'(?<!failpoint\()"(ai\.[a-z_]+)"', text))

        assert kinds <= {*code(PAGE), *code(page("docs/ai-tasks.md"))}
