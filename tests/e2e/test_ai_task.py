"""
An AI task as an operator has it: `foliot dev` with a provider, a policy, and a claim to decide.
"""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from executor.ports.llm import LlmReply, Usage
from shared.guardrails.gates import Classification
from tests.docs.shell import folder, run, serving
from tests.executor.providers import Provider
from tests.executor.providers import serving as providing
from tests.telemetry.otlp import receiver

ANSWER = LlmReply(
    classification=Classification.OK,
    text=json.dumps({"choice": "ACCEPT_CLAIM", "confidence": 0.95, "reason": "small"}),
    reported_model="claude",
    usage=Usage(input_tokens=900, output_tokens=30),
)
KEY = "sk-canary-of-the-operator"
STORY = """
foliot definition create claim examples/triage.json --activate
foliot ai policy create claims examples/policies/claims.json
foliot ai policy activate claims 1
id=$(foliot instance start claim --input '{"amount": 40, "text": "a cup broke"}')
foliot instance watch "$id"
"""


class TestAModel:
    async def test_decides_a_small_claim_and_nothing_shows_its_key(self, tmp_path: Path) -> None:
        """Both planes, PostgreSQL, the SDK and a real server: the settings fit together."""
        with receiver() as collector:
            async with providing(Provider(kind="anthropic", behave=lambda _: ANSWER)) as provider:
                given: Any = {
                    "anthropic": {"kind": "anthropic", "base_url": provider.url, "api_key": KEY}
                }
                command = (
                    f"OTEL_EXPORTER_OTLP_ENDPOINT={collector.endpoint}"
                    f" FOLIOT_AI_PROVIDERS='{json.dumps(given)}' exec foliot dev"
                )
                where = folder(tmp_path, [])
                with ExitStack() as exits:
                    await asyncio.to_thread(exits.enter_context, serving(command, where))
                    told = await asyncio.to_thread(run, STORY, where)
                    await asyncio.to_thread(exits.close)
                said = (where / "dev.out").read_text("utf-8")
            traced = str(collector.spans)

        assert "accepted" in told
        assert (1, KEY) == (len(provider.bodies), provider.key)
        assert "a cup broke" in str(provider.bodies)
        assert KEY not in told + said + str(provider.bodies) + traced
        assert "a cup broke" not in traced
        by_name = {span.name: span for span in collector.spans}
        asked, attempt = by_name["chat claude-sonnet-4-5"], by_name["attempt AI"]
        assert (attempt.span_id, attempt.trace_id) == (asked.parent, asked.trace_id)
        assert by_name["foliot.v1.InstanceService/StartInstance"].span_id == attempt.parent
        used = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
        assert [900, 30] == [asked.attributes[name] for name in used]
