"""People take tasks, pass them over and hurry them; the history and the rows agree."""

import asyncio
from datetime import timedelta

import pytest

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import Asked, Assign, Claim, Hasten, Settle, Skip, Unclaim
from control_plane.ports.people import Offer, Person
from control_plane.ports.reader import TaskFilter
from shared.errors import FoliotError, InvalidRequest, NotFound, PreconditionFailed
from shared.ids import InstanceId
from shared.tasks import Failure, Outcome
from tests.contract.worlds import ACME
from tests.orchestrator import specs
from tests.orchestrator.stage import Stage

COOK = frozenset({"cook"})
ADA = Person(name="key:a", user="ada", roles=COOK)
BO = Person(name="key:b", user="bo", roles=COOK)
EVE = Person(name="key:e", user="eve")
OLGA = Person(name="key:o", user="olga", manages=True, sees_all=True)
VIEWER = Person(name="key:v", user="vic", sees_all=True)


async def asking(stage: Stage) -> InstanceId:
    await stage.define(specs.ASKING)
    return (await stage.start()).instance_id


async def refusal(stage: Stage, instance_id: InstanceId, asked: Asked) -> FoliotError:
    with pytest.raises(FoliotError) as refused:
        await stage.ask(instance_id, asked)
    return refused.value


async def found(stage: Stage, *offers: Offer) -> int:
    wanted = TaskFilter(found_as=(frozenset(offers),))
    return len(await stage.world.reader.list_tasks(ACME, wanted, after=None, limit=9))


class TestAClaim:
    async def test_is_one_persons_when_two_come_at_once(self, stage: Stage) -> None:
        """In one turn, or in two: whoever is first has it."""
        instance_id = await asking(stage)
        answers = await asyncio.gather(
            stage.ask(instance_id, Claim(ordinal=1, person=ADA)),
            stage.ask(instance_id, Claim(ordinal=1, person=BO)),
            return_exceptions=True,
        )
        [task] = await stage.tasks(instance_id)

        assert [Answer, PreconditionFailed] == sorted(map(type, answers), key=str)
        assert task.assignee in {"ada", "bo"}
        assert 1 == (await stage.types(instance_id)).count("TASK_CLAIMED")
        await stage.assert_whole(instance_id)

    async def test_goes_through_hands_and_is_found_by_the_last(self, stage: Stage) -> None:
        """Taken, handed on, let go: who finds it as theirs changes, and the offer stays."""
        instance_id = await asking(stage)
        seen = []
        for asked in (
            Claim(ordinal=1, person=ADA),
            Assign(ordinal=1, to="eve", person=ADA),
            Unclaim(ordinal=1, person=EVE),
        ):
            await stage.ask(instance_id, asked)
            seen.append([await found(stage, Offer("assignee", one)) for one in ("ada", "eve")])

        assert [[1, 0], [0, 1], [0, 0]] == seen
        assert 1 == await found(stage, Offer("role", "cook"))
        assert ["TASK_CLAIMED", "TASK_ASSIGNED", "TASK_UNCLAIMED"] == (
            await stage.types(instance_id)
        )[-3:]

    @pytest.mark.parametrize(
        ("asked", "error", "reason"),
        [
            (Claim(ordinal=1, person=EVE), NotFound, "TASK_NOT_FOUND"),
            (Claim(ordinal=2, person=ADA), NotFound, "TASK_NOT_FOUND"),
            (Claim(ordinal=1, person=VIEWER), PreconditionFailed, "TASK_NOT_OFFERED"),
            (Assign(ordinal=1, to="bo", person=ADA), PreconditionFailed, "TASK_NOT_CLAIMED"),
        ],
    )
    async def test_needs_a_right_to_the_task(
        self, stage: Stage, asked: Asked, error: type[FoliotError], reason: str
    ) -> None:
        """Of what somebody may not see they are not told that it is there."""
        refused = await refusal(stage, await asking(stage), asked)

        assert (error, reason) == (type(refused), refused.reason)

    async def test_is_taken_away_only_with_a_reason(self, stage: Stage) -> None:
        """By an operator, and never by another worker."""
        instance_id = await asking(stage)
        await stage.ask(instance_id, Claim(ordinal=1, person=ADA))
        refused = [
            await refusal(stage, instance_id, one)
            for one in (
                Unclaim(ordinal=1, person=BO),
                Unclaim(ordinal=1, person=OLGA),
                Assign(ordinal=1, to="bo", person=OLGA),
            )
        ]
        await stage.ask(instance_id, Assign(ordinal=1, to="bo", person=OLGA, reason="ill"))

        assert [PreconditionFailed, InvalidRequest, InvalidRequest] == [type(e) for e in refused]
        assert ["bo"] == [task.assignee for task in await stage.tasks(instance_id)]

    async def test_stays_while_an_executor_hands_the_task_to_people(self, stage: Stage) -> None:
        """What is said by two at once of one task is kept of both."""
        instance_id = await asking(stage)
        [task] = await stage.claim()
        await asyncio.gather(
            stage.report(task, Outcome.awaiting()),
            stage.ask(instance_id, Claim(ordinal=1, person=ADA)),
        )
        [row] = await stage.tasks(instance_id)

        assert ("ada", "running", None) == (row.assignee, row.status, row.lease)

    async def test_stays_when_the_attempt_failed_and_another_follows(self, stage: Stage) -> None:
        """Whoever has begun goes on."""
        instance_id = await asking(stage)
        await stage.ask(instance_id, Claim(ordinal=1, person=ADA))
        await stage.settle_failed(instance_id, 1, retryable=True)

        assert ["ada"] == [task.assignee for task in await stage.tasks(instance_id)]
        assert 1 == await found(stage, Offer("assignee", "ada"))


class TestTheEndOfATask:
    async def test_is_for_whoever_has_it(self, stage: Stage) -> None:
        """Decided on the task that is written, so that a claim in the same turn counts."""
        instance_id = await asking(stage)
        done = Outcome.succeeded("yes")
        results = await asyncio.gather(
            stage.ask(instance_id, Claim(ordinal=1, person=ADA)),
            stage.ask(instance_id, Settle(ordinal=1, outcome=done, settled_by="key:b", person=BO)),
            return_exceptions=True,
        )
        [task] = await stage.tasks(instance_id)

        assert [True, False] == sorted(
            (isinstance(one, PreconditionFailed) for one in results), reverse=True
        )
        assert (task.assignee == "ada") != task.is_closed
        await stage.assert_whole(instance_id)

    async def test_takes_it_from_all_inboxes(self, stage: Stage) -> None:
        """However it ends: here its instance is cancelled."""
        instance_id = await asking(stage)
        await stage.ask(instance_id, Claim(ordinal=1, person=ADA))
        before = await found(stage, Offer("role", "cook"))
        await stage.cancel(instance_id)

        assert (1, 0, 0) == (
            before,
            await found(stage, Offer("role", "cook")),
            await found(stage, Offer("assignee", "ada")),
        )


class TestASkippedTask:
    async def test_is_passed_over_and_its_holder_told_to_stop(self, stage: Stage) -> None:
        """Its instance goes on in the same commit; what the holder says later changes nothing."""
        instance_id = await asking(stage)
        [task] = await stage.claim()
        answer = await stage.ask(
            instance_id, Skip(ordinal=1, output={"n": 1}, reason="no need", skipped_by="olga")
        )
        late = await stage.report(task, Outcome.awaiting())
        [row] = await stage.tasks(instance_id)

        assert ("completed", "skipped") == (answer.status, row.status)
        assert '{"said":{"n":1}}' == (await stage.instance(instance_id)).context
        assert late.verdict is not None
        assert "lease_lost" == late.verdict.value
        await stage.assert_whole(instance_id)

    async def test_of_a_paused_instance_is_told_when_it_is_resumed(self, stage: Stage) -> None:
        """As any other end."""
        instance_id = await asking(stage)
        await stage.pause(instance_id)
        await stage.ask(instance_id, Skip(ordinal=1, output=2, reason="r", skipped_by="olga"))
        again = Skip(ordinal=1, output=3, reason="r", skipped_by="olga")
        refused = await refusal(stage, instance_id, again)
        resumed = await stage.resume(instance_id)

        assert ("TASK_CLOSED", "completed") == (refused.reason, resumed.status)
        assert ["skipped"] == [task.status for task in await stage.tasks(instance_id)]
        await stage.assert_whole(instance_id)


class TestAHurriedTask:
    async def test_can_be_claimed_at_once_and_once(self, stage: Stage) -> None:
        """Its back-off of an hour is over, and the attempts it had count."""
        instance_id = await asking(stage)
        await stage.settle_failed(instance_id, 1, retryable=True)
        before = await stage.claim()
        await stage.ask(instance_id, Hasten(ordinal=1, reason="repaired", hastened_by="olga"))
        again = await stage.ask(
            instance_id, Hasten(ordinal=1, reason="repaired", hastened_by="olga")
        )
        [task] = await stage.claim()
        await stage.world.move_clock(timedelta(hours=2))

        assert ([], True, 2) == (before, again.duplicate, task.attempt)
        assert [] == await stage.claim()
        await stage.assert_whole(instance_id)


class TestADeadTask:
    async def test_is_none_any_more_once_it_is_done_again(self, stage: Stage) -> None:
        """What is listed is what is left to do."""
        await stage.define(specs.FRAGILE)
        instance_id = (await stage.start()).instance_id
        [task] = await stage.claim()
        await stage.report(task, Outcome.failed(Failure(kind="a.b", message="", retryable=False)))
        dead = TaskFilter(status="failed", is_dead=True)
        before = await stage.world.reader.list_tasks(ACME, dead, after=None, limit=9)
        await stage.retry(instance_id)
        after = await stage.world.reader.list_tasks(ACME, dead, after=None, limit=9)
        failed = TaskFilter(status="failed")
        all_failed = await stage.world.reader.list_tasks(ACME, failed, after=None, limit=9)

        assert ([1], [], [1]) == (
            [one.ordinal for one in before],
            [one.ordinal for one in after],
            [one.ordinal for one in all_failed],
        )
