"""`foliot task`, against a control plane that serves."""

import json
from typing import Any

import pytest

from tests.api.serving import client_of
from tests.api.stories import activate, start, waiting_task
from tests.cli.conftest import Foliot

FRAGILE: dict[str, Any] = {
    "id": "fragile",
    "initial": "asking",
    "states": {
        "asking": {
            "invoke": {
                "id": "ask",
                "src": "human",
                "queue": "desk",
                "retry": {"maxAttempts": 1},
                "onDone": "done",
            }
        },
        "done": {"type": "final"},
    },
}


@pytest.fixture(autouse=True)
async def definitions(foliot: Foliot) -> None:
    """An active definition whose instance asks a person, and fails if that does."""
    async with client_of(foliot.serving, await foliot.serving.key()) as client:
        await activate(client, FRAGILE, "fragile")


async def asking(foliot: Foliot) -> str:
    """The task of a new instance."""
    async with client_of(foliot.serving, await foliot.serving.key()) as client:
        instance = await start(client, "fragile")
        return (await waiting_task(client, instance.instance_id)).task_id


async def dead(foliot: Foliot) -> str:
    """A task that has failed for good."""
    task_id = await asking(foliot)
    failed = await foliot.run("task", "fail", task_id)
    assert 0 == failed.exit_code, failed.output
    return task_id


class TestLooking:
    async def test_lists_what_the_options_find(self, foliot: Foliot) -> None:
        """Each option is a term of the filter."""
        first, second = await asking(foliot), await asking(foliot)

        async def listed(*options: str) -> list[str]:
            found = await foliot.run("task", "list", *options, "-o", "json")
            assert 0 == found.exit_code, found.output
            return [one["taskId"] for one in json.loads(found.stdout)]

        table = await foliot.run("task", "list")

        assert {first, second} == set(await listed())
        assert [first] == await listed("--instance", first.partition(":")[0])
        assert {first, second} == set(await listed("-t", "human", "-s", "pending", "-q", "desk"))
        assert [] == await listed("-t", "http")
        assert 1 == len(await listed("-n", "1"))
        for part in ("ask", "human", "desk", "pending"):
            assert part in table.stdout

    async def test_shows_one(self, foliot: Foliot) -> None:
        """And says which there is not."""
        task_id = await asking(foliot)

        shown = await foliot.run("task", "get", task_id)
        absent = await foliot.run("task", "get", task_id.replace(":1", ":9"))

        assert (0, True) == (shown.exit_code, task_id in shown.stdout)
        assert (3, True) == (absent.exit_code, "TASK_NOT_FOUND" in absent.stderr)


class TestEnding:
    async def test_completes_with_a_result(self, foliot: Foliot) -> None:
        """Any JSON, also from standard input; a closed task is refused."""
        task_id = await asking(foliot)

        done = await foliot.run(
            *("task", "complete", task_id, "--result", "-", "-o", "json"), given='{"a": [1, null]}'
        )
        again = await foliot.run("task", "complete", task_id)

        told = json.loads(done.stdout)
        assert ("TASK_STATUS_SUCCEEDED", {"a": [1, None]}) == (told["status"], told["output"])
        assert (1, True) == (again.exit_code, "TASK_CLOSED" in again.stderr)

    async def test_fails_with_what_went_wrong(self, foliot: Foliot) -> None:
        """Every option reaches its field."""
        failed = await foliot.run(
            *("task", "fail", await asking(foliot), "-k", "form.lost", "-m", "the dog ate it"),
            *("--details", "{dog: Rex}", "-o", "json"),
        )

        told = json.loads(failed.stdout)
        assert (
            "TASK_STATUS_FAILED",
            {"kind": "form.lost", "message": "the dog ate it", "details": {"dog": "Rex"}},
        ) == (told["status"], told["error"])


class TestTheDead:
    async def test_are_listed(self, foliot: Foliot) -> None:
        """Those that are not are not."""
        task_id = await dead(foliot)
        await asking(foliot)

        listed = await foliot.run("task", "dead", "-o", "json")
        others = await foliot.run("task", "dead", "-q", "elsewhere", "-o", "json")

        assert [task_id] == [one["taskId"] for one in json.loads(listed.stdout)]
        assert [] == json.loads(others.stdout)

    async def test_are_redriven_by_name_each_with_its_result(self, foliot: Foliot) -> None:
        """What cannot be says why, and the command tells it by its exit code."""
        task_id, living = await dead(foliot), await asking(foliot)

        redriven = await foliot.run("task", "redrive", task_id, living)

        assert 1 == redriven.exit_code
        _, first, second = redriven.stdout.splitlines()
        assert first.split() == [task_id, "redriven"]
        assert second.startswith(living)
        assert "TASK_NOT_DEAD" in second

    async def test_are_redriven_all_at_once(self, foliot: Foliot) -> None:
        """What the options find, and nothing else; the instance goes on."""
        task_id = await dead(foliot)

        none = await foliot.run("task", "redrive", "--all", "-q", "elsewhere", "-o", "json")
        every = await foliot.run("task", "redrive", "--all", "-q", "desk", "-o", "json")
        again = await foliot.run("task", "list", "-s", "pending", "-o", "json")

        assert [] == json.loads(none.stdout)
        assert [{"taskId": task_id, "redriven": True}] == json.loads(every.stdout)
        assert ["ask"] == [one["name"] for one in json.loads(again.stdout)]

    @pytest.mark.parametrize("arguments", [(), ("x:1", "--all"), ("x:1", "-q", "desk")])
    async def test_are_not_redriven_by_mistake(
        self, foliot: Foliot, arguments: tuple[str, ...]
    ) -> None:
        """All of them is a thing to be said."""
        refused = await foliot.run("task", "redrive", *arguments)

        assert (1, True) == (refused.exit_code, "--all" in refused.stderr)
