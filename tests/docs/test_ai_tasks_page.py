"""docs/ai-tasks.md: its policy is good, its commands work, its tables are ours."""

import json
import re
import shlex

from control_plane.use_cases.ai_policies import MAX_VERSIONS
from control_plane.use_cases.record_call import MAX_OUTPUT_BYTES
from shared.guardrails.policy import MAX_POLICY_BYTES, MAX_QUORUM, Policy
from shared.guardrails.reading import parse_policy
from tests.api.ai_stories import suggested, suggestion_hash
from tests.api.serving import client_of
from tests.cli.conftest import Foliot, foliot
from tests.docs.pages import ROOT, blocks, page, rows, section

__all__ = ["foliot"]

PAGE = page("docs/ai-tasks.md")
SAMPLE = ROOT / "examples" / "policies" / "claims.json"
COMMANDS = [
    shlex.split(line)[1:]
    for block in blocks(PAGE)
    if block.language == "sh"
    for line in block.text.splitlines()
]


class TestThePage:
    def test_tells_every_member_of_a_policy(self) -> None:
        """A policy refuses what it does not know."""
        cells = " ".join(row[0] for row in rows(section(PAGE, "## Policies")))

        assert set(Policy.__dataclass_fields__) == set(re.findall(r"`(\w+)`", cells))

    def test_has_a_policy_that_is_good(self) -> None:
        """People copy it."""
        policy = parse_policy(SAMPLE.read_bytes())

        definition = json.loads((ROOT / "examples" / "triage.json").read_text("utf-8"))
        invoke = definition["states"]["triage"]["invoke"]
        assert policy.decisions is not None
        assert set(invoke["events"]) == set(policy.decisions)
        assert "claims" == invoke["policy"]

    def test_tells_the_limits_that_are_kept(self) -> None:
        """Reaching one is an error; nobody should first hear of it then."""
        limits = " ".join(section(PAGE, "## Limits").split())

        assert f"{MAX_VERSIONS:,} versions" in limits
        assert f"{MAX_QUORUM} people" in limits
        assert f"{MAX_POLICY_BYTES // 1024} KiB; an answer" in limits
        assert f"{MAX_OUTPUT_BYTES // 1024} KiB." in limits


class TestItsCommands:
    async def test_work_as_they_are_told(self, foliot: Foliot) -> None:
        """In their order, with the options that the page gives them."""
        told = [one for one in COMMANDS if one[:2] != ["task", "resolve"]]
        asking = [["ai", name] for name in re.findall(r"`foliot ai (calls|spend)`", PAGE)]
        asking.append(re.findall(r"`foliot (ai agreement claims)`", PAGE)[0].split())
        for command in [*told, *asking]:
            answer = await foliot.run(*command)

            assert 0 == answer.exit_code, (command, answer.output)

        shown = json.loads((await foliot.run("ai", "policy", "show", "claims")).stdout)
        assert "act" == shown["document"]["mode"]
        listed = json.loads((await foliot.run("ai", "switch", "list", "-o", "json")).stdout)
        assert ["claims"] == [one["policyName"] for one in listed]

    async def test_decide_on_what_a_model_suggested(self, foliot: Foliot) -> None:
        """Each of the three, on a suggestion of its own; the calls can be looked into."""
        serving = foliot.serving
        told = [one for one in COMMANDS if one[:2] == ["task", "resolve"]]
        assert ["approve", "edit", "reject"] == [one[3] for one in told]
        for command in told:
            async with (
                client_of(serving, await serving.key()) as client,
                client_of(serving, await serving.key("executor", None)) as executor,
            ):
                review = await suggested(client, executor)
            command[2] = review.task_id
            command[command.index("--hash") + 1] = suggestion_hash(review)
            answer = await foliot.run(*command, "-o", "json")

            assert 0 == answer.exit_code, (command, answer.output)
            assert "SUCCEEDED" in answer.stdout

        found = json.loads((await foliot.run("ai", "calls", "-o", "json")).stdout)
        assert 3 == len(found)
        one = json.loads((await foliot.run("ai", "call", found[0]["taskId"])).stdout)
        assert "APPROVE" in json.dumps(one["output"])
        told_of = (await foliot.run("ai", "agreement", "triage", "-o", "json")).stdout
        assert 1 == sum(part.get("agreedCount", 0) for part in json.loads(told_of))
        assert "300" in (await foliot.run("ai", "spend")).stdout
