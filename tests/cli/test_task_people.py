"""`foliot task`: whom tasks are offered to, and who has them; against a control plane."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import Result

from tests.api.serving import client_of
from tests.api.stories import LOAN, activate, start
from tests.cli.conftest import Foliot
from tests.orchestrator.persons import asking


@pytest.fixture
async def task_id(foliot: Foliot) -> str:
    """A task that is offered to underwriters and to Grace."""
    async with client_of(foliot.serving, await foliot.serving.key()) as client:
        await activate(client, LOAN, "loan")
        return f"{(await start(client, 'loan')).instance_id}:1"


async def as_ada(foliot: Foliot, *arguments: str) -> Result:
    """A command of Ada's, who is an underwriter."""
    key = await foliot.serving.key("human_worker", user="ada", groups=("underwriter",))
    return await foliot.run(*arguments, "--key", key)


class TestAnInbox:
    async def test_shows_what_is_offered_to_whom(self, foliot: Foliot, task_id: str) -> None:
        """A worker sees what is theirs; who watches over it looks for what is others'."""

        async def listed(*options: str) -> list[str]:
            found = await foliot.run("task", "inbox", *options, "-o", "json")
            assert 0 == found.exit_code, found.output
            return [one["taskId"] for one in json.loads(found.stdout)]

        table = await foliot.run("task", "inbox")
        ours = await as_ada(foliot, "task", "inbox", "-o", "json")

        for part in (task_id, "user:grace, role:underwriter", str(datetime.now(UTC).year)):
            assert part in table.stdout
        assert [task_id] == [one["taskId"] for one in json.loads(ours.stdout)]
        assert [task_id] == await listed("-c", "user:grace")
        assert [] == await listed("--assignee", "ada")


class TestATaskOfSeveral:
    async def test_is_voted_and_commented_on(self, foliot: Foliot) -> None:
        """What was said is listed, and the votes are shown with the task."""
        spec = asking(
            candidates={"roles": ["underwriter"]},
            quorum={"approvals": 1, "of": 2},
            notBy={"starter": True, "users": ["eve"]},
        )
        async with client_of(foliot.serving, await foliot.serving.key()) as client:
            await activate(client, spec, "board")
            task_id = f"{(await start(client, 'board')).instance_id}:1"
        said = await as_ada(foliot, "task", "comment", task_id, "looks fine")
        listed = await as_ada(foliot, "task", "comments", task_id)
        shown = await as_ada(foliot, "task", "get", task_id)
        voted = await as_ada(
            foliot,
            *("task", "vote", task_id, "approve", "--result", "{n: 1}", "-m", "ok", "-o", "json"),
        )

        assert 0 == said.exit_code, said.output
        assert ("ada" in listed.stdout, "looks fine" in listed.stdout) == (True, True)
        for part in ("1 of 2", "who started it, eve"):
            assert part in shown.stdout, shown.output
        assert ["ada"] == [one["user"] for one in json.loads(voted.stdout)["votes"]]


class TestATask:
    async def test_is_delegated_and_given_back(self, foliot: Foliot, task_id: str) -> None:
        """Who may give it back is not who it is offered to."""
        await as_ada(foliot, "task", "claim", task_id)
        lent = await as_ada(foliot, "task", "delegate", task_id, "bo")
        back = await foliot.run("task", "return", task_id, "-r", "bo is away", "-o", "json")

        assert ("delegated by" in lent.stdout, 0) == (True, back.exit_code), back.output
        assert "ada" == json.loads(back.stdout)["assignee"]

    async def test_is_claimed_handed_on_and_given_back(self, foliot: Foliot, task_id: str) -> None:
        """Each shows who has it then; in another's place it takes a reason."""
        claimed = await as_ada(foliot, "task", "claim", task_id)
        without = await foliot.run("task", "assign", task_id, "bo")
        handed = await foliot.run("task", "assign", task_id, "bo", "-r", "ada is away")
        back = await foliot.run("task", "unclaim", task_id, "-r", "so is bo", "-o", "json")

        assert "ada" in claimed.stdout
        assert (1, True) == (without.exit_code, "field reason" in without.stderr)
        assert "bo" in handed.stdout
        assert "assignee" not in json.loads(back.stdout)

    async def test_ends_by_a_business_error(self, foliot: Foliot, task_id: str) -> None:
        """With its code and what more there is to say."""
        thrown = await foliot.run(
            *("task", "throw", task_id, "customer.unknown", "-m", "no such one"),
            *("--data", "{asked: 2}", "-o", "json"),
        )

        assert 0 == thrown.exit_code, thrown.output
        assert {
            "kind": "customer.unknown",
            "message": "no such one",
            "details": {"asked": 2},
        } == json.loads(thrown.stdout)["error"]

    async def test_is_passed_over(self, foliot: Foliot, task_id: str) -> None:
        """With what stands in for its result."""
        skipped = await foliot.run(
            *("task", "skip", task_id, "-r", "small", "--result", "{approved: true}", "-o", "json")
        )

        assert 0 == skipped.exit_code, skipped.output
        assert "TASK_STATUS_SKIPPED" == json.loads(skipped.stdout)["status"]

    async def test_that_has_not_failed_is_not_retried(self, foliot: Foliot, task_id: str) -> None:
        """What can be carried out already stays as it is."""
        retried = await foliot.run("task", "retry", task_id, "-r", "now", "-o", "json")

        assert 0 == retried.exit_code, retried.output
        assert "TASK_STATUS_PENDING" == json.loads(retried.stdout)["status"]
