"""docs/human-tasks.md: its definition is good, its commands work, its limits are ours."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from foliot.v1 import history_entry_pb2, instance_service_pb2

from control_plane.access.roles import PERMISSIONS
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.engine import check_spec
from control_plane.engine.limits import (
    MAX_CANDIDATE,
    MAX_CANDIDATES,
    MAX_ESCALATIONS,
    MAX_REMINDERS,
    MAX_VOTERS,
)
from control_plane.engine.spec.vocabulary import ESCALATION
from control_plane.orchestrator.fold_delegation import MAX_LENDERS
from control_plane.use_cases.comment_on_task import MAX_COMMENT
from shared.forms import MAX_FORM_BYTES
from tests.api.serving import client_of, serving_from
from tests.api.stories import activate, as_json, start
from tests.docs.pages import blocks, page, rows, section
from tests.docs.shell import run

PAGE = page("docs/human-tasks.md")
BLOCKS = blocks(PAGE)
CLIENTS = {
    block.word: block.text for block in blocks(page("docs/clients.md")) if block.language == "sh"
}
ID_IN = r"""id_in() { sed -nE "s/.*\"$1_?[iI]d\": \"([^\"]*)\".*/\1/p" | head -n 1; }"""
CALL = f"{CLIENTS['buf']}\n{ID_IN}\n"


def said(word: str) -> list[str]:
    return [block.text for block in BLOCKS if (block.language, block.word) == ("sh", word)]


def block_of(word: str) -> Any:
    (text,) = [block.text for block in BLOCKS if (block.language, block.word) == ("json", word)]
    return json.loads(text)


def loan() -> Any:
    return block_of("loan")


def _start() -> instance_service_pb2.StartInstanceRequest:
    return instance_service_pb2.StartInstanceRequest(
        definition_key="loan", input=as_json({"amount": 9, "manager": "bo"})
    )


class TestTheInbox:
    @pytest.mark.parametrize(
        ("script", "status"),
        [
            ("\n".join(said("worker")), "TASK_STATUS_SUCCEEDED"),
            (f"{said('worker')[0]}\nKEY=$OPERATOR\n{said('operator')[0]}", "TASK_STATUS_SKIPPED"),
        ],
    )
    async def test_is_worked_through_as_the_page_does(
        self, tmp_path: Path, script: str, status: str
    ) -> None:
        """From the list to the end of the task, by the keys that the page tells of."""
        async with serving_from(MemoryDatabase()) as serving:
            async with client_of(serving, await serving.key()) as client:
                await activate(client, loan(), "loan")
                await client.instances.StartInstance(_start())
            printed = await asyncio.to_thread(
                run,
                CALL + script,
                tmp_path,
                ADDRESS=serving.address,
                KEY=await serving.key("human_worker", user="ada", groups=("underwriter",)),
                OPERATOR=await serving.key("operator"),
            )

        assert status in printed

    async def test_refuses_what_the_form_does_not_ask_for(self, tmp_path: Path) -> None:
        """With the place that the page tells."""
        async with serving_from(MemoryDatabase()) as serving:
            async with client_of(serving, await serving.key()) as client:
                await activate(client, loan(), "loan")
                await client.instances.StartInstance(_start())
            printed = await asyncio.to_thread(
                run,
                f"{CALL}{said('worker')[0]}\n{{ {said('refused')[0]} }} 2>&1 || true",
                tmp_path,
                ADDRESS=serving.address,
                KEY=await serving.key("human_worker", user="bo"),
            )

        assert "output.approved must be of type boolean" in printed


class TestAPurchase:
    async def test_is_delegated_voted_and_commented_on_as_the_page_does(
        self, tmp_path: Path
    ) -> None:
        """Drafted by one, approved by another: the page's commands, by their keys."""
        async with serving_from(MemoryDatabase()) as serving:
            keys = {
                user: await serving.key("human_worker", user=user, groups=("buyer",))
                for user in ("ada", "bo", "zoe")
            }
            async with client_of(serving, await serving.key()) as client:
                await activate(client, block_of("purchase"), "purchase")
                await start(client, "purchase", amount=500)
            draft, vote, comment = (said(one)[0] for one in ("delegate", "vote", "comment"))
            complete = 'call foliot.v1.TaskService/CompleteTask "{\\"task_id\\": \\"$task\\"}"'
            printed = await asyncio.to_thread(
                run,
                f"{CALL}{draft}\n{comment}\nKEY=$ADA\n{complete}\nKEY=$BO\n{vote}",
                tmp_path,
                ADDRESS=serving.address,
                KEY=keys["ada"],
                ADA=keys["ada"],
                BO=keys["bo"],
                ZOE=keys["zoe"],
            )

        assert 2 == printed.count("TASK_STATUS_SUCCEEDED")
        for part in ("the offer is attached", "as agreed", "quorum"):
            assert part in printed


class TestThePage:
    def test_tells_the_limits(self) -> None:
        """A number in prose goes stale without a word."""
        assert f"at most {MAX_CANDIDATES} together" in PAGE
        assert f"{MAX_CANDIDATE} characters each" in PAGE
        assert f"at most {MAX_FORM_BYTES // 1024} KiB" in PAGE
        assert f"a number from 1 to {MAX_VOTERS}" in PAGE
        assert f"up to {MAX_COMMENT:,} characters" in PAGE
        assert ("up to ten times", 10) == (
            "up to ten times" if "up to ten times" in PAGE else "",
            MAX_LENDERS,
        )
        assert (
            f"at most {MAX_REMINDERS} of them" in PAGE,
            f"`escalations`, at most {MAX_ESCALATIONS}," in PAGE,
        ) == (True, True)

    def test_shows_definitions_that_are_good(self) -> None:
        """Without a warning either."""
        assert [(), ()] == [check_spec(block_of(one))[1] for one in ("loan", "purchase")]

    def test_tells_what_escalations_say(self) -> None:
        """Every word of one, and no other."""
        told = section(PAGE, "## Reminders and escalations")
        words = {cells[0].strip("`") for cells in rows(told)} - {"when", "what"}

        assert set(ESCALATION) == words

    def test_tells_who_may_manage_and_who_sees_all(self) -> None:
        """The roles are the table's of permissions."""
        table = {cells[0]: cells[1:] for cells in rows(section(PAGE, "## Who somebody is"))}
        managing = {role for role, has in PERMISSIONS.items() if "task.manage" in has}

        assert {"operator", "tenant_admin"} == managing - {"platform_admin"}
        assert "task.see_all" not in PERMISSIONS["human_worker"]
        assert "`operator`, `tenant_admin`" in table

    def test_names_entries_that_there_are(self) -> None:
        """A watcher filters by them."""
        known = history_entry_pb2.HistoryEntryType.keys()

        for one in set(
            re.findall(r"TASK_(?:CLAIM|UNCL|ASSI|DELE|RETU|VOTED\b|COMM|REMI|ESCA)\w*", PAGE)
        ):
            assert f"HISTORY_ENTRY_TYPE_{one}" in known
            assert one in PAGE
