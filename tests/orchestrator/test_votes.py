"""Tasks on which several people must agree."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from control_plane.orchestrator import Machines, Orchestrator, Repeatable, Request
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import (
    Assign,
    CastVote,
    Claim,
    CommentOn,
    Delegate,
    Settle,
)
from control_plane.ports.people import Person
from control_plane.ports.standing import Standing
from shared import json
from shared.errors import AlreadyExists, NotFound, PreconditionFailed
from shared.failpoints import armed
from shared.ids import InstanceId
from shared.tasks import Failure, Outcome
from tests.contract.worlds import ACME, PostgresWorld
from tests.orchestrator.persons import ADA, BO, CY, EVE, OLGA, asking, begun, refusal
from tests.orchestrator.stage import Stage

TWO_OF_THREE = asking(quorum={"approvals": 2, "of": 3})
BROKEN = Failure(kind="office.closed", message="", retryable=False)


def votes(person: Person, *, approves: bool = True, **more: Any) -> CastVote:
    return CastVote(ordinal=1, approves=approves, person=person, **more)


def ends(person: Person, outcome: Outcome, **more: Any) -> Settle:
    return Settle(ordinal=1, outcome=outcome, settled_by=person.name, person=person, **more)


async def output(stage: Stage, instance_id: InstanceId) -> Any:
    text = (await stage.instance(instance_id)).output
    return None if text is None else json.load(text)


class TestATaskForSeveral:
    async def test_has_succeeded_once_so_many_have_approved(self, stage: Stage) -> None:
        """What the instance goes on with are the votes, by whom, and what they gave."""
        instance_id = await begun(stage, TWO_OF_THREE)
        first = await stage.ask(instance_id, votes(ADA, output={"limit": 5}))
        against = await stage.ask(instance_id, votes(BO, approves=False, comment="too much"))
        last = await stage.ask(instance_id, votes(CY))
        found = await output(stage, instance_id)

        assert ["waiting", "waiting", "completed"] == [
            "waiting" if one.status == "running" else one.status for one in (first, against, last)
        ]
        assert (True, 2, 1) == (found["approved"], found["approvals"], found["rejections"])
        assert [("ada", True, {"limit": 5}, None), ("bo", False, None, "too much")] == [
            (one["by"], one["approve"], one.get("output"), one.get("comment"))
            for one in found["votes"][:2]
        ]
        assert ["TASK_VOTED"] * 3 == [
            one for one in await stage.types(instance_id) if one == "TASK_VOTED"
        ]
        await stage.assert_whole(instance_id)

    async def test_has_failed_once_too_few_are_left(self, stage: Stage) -> None:
        """Nobody waits for a third vote that cannot change anything."""
        instance_id = await begun(stage, TWO_OF_THREE)
        await stage.ask(instance_id, votes(ADA, approves=False))
        await stage.ask(instance_id, votes(BO, approves=False))
        found = await output(stage, instance_id)

        assert "quorum.missed" == found["kind"]
        assert ["ada", "bo"] == [one["by"] for one in found["details"]["votes"]]
        assert ["failed"] == [task.status_now for task in await stage.tasks(instance_id)]
        await stage.assert_whole(instance_id)

    async def test_hears_two_voters_of_one_instant_and_ends_once(self, stage: Stage) -> None:
        """At two control planes: one's turn is overtaken, and counts the other's vote then."""
        instance_id = await begun(stage, TWO_OF_THREE)
        other = Orchestrator(
            stage.world.store, Machines(stage.world.definitions), lambda _turn: None
        )
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(other.run(stop))
            answers = await asyncio.gather(
                stage.ask(instance_id, votes(ADA)),
                other.submit(stage.request(instance_id, votes(BO))),
                stage.ask(instance_id, votes(CY)),
                return_exceptions=True,
            )
            stop.set()
        refused = [one for one in answers if isinstance(one, PreconditionFailed)]
        types = await stage.types(instance_id)

        assert ["TASK_CLOSED"] == [one.reason for one in refused]
        assert (2, 1) == (types.count("TASK_VOTED"), types.count("TASK_COMPLETED"))
        assert 2 == (await output(stage, instance_id))["approvals"]
        await stage.assert_whole(instance_id)

    async def test_hears_nobody_twice(self, stage: Stage) -> None:
        """A user has one vote, by whatever credential, and it stands."""
        instance_id = await begun(stage, TWO_OF_THREE)
        same_user = Person(name="token:other", user="ada", roles=ADA.roles)
        await stage.ask(instance_id, votes(ADA))
        again = await stage.ask(instance_id, votes(same_user))
        changed = await refusal(stage, instance_id, votes(ADA, approves=False))
        [task] = await stage.tasks(instance_id)

        assert (True, "TASK_VOTED_ALREADY") == (again.duplicate, changed.reason)
        assert (1, None) == ((await stage.types(instance_id)).count("TASK_VOTED"), task.output)

    async def test_counts_a_repeated_request_once(self, stage: Stage) -> None:
        """After a lost reply, also when the task has ended with that very vote."""
        instance_id = await begun(stage, asking(quorum={"approvals": 1, "of": 1}))

        def asked(approves: bool) -> Request:
            return Request(
                tenant_id=ACME,
                instance_id=instance_id,
                asked=votes(ADA, approves=approves),
                repeatable=Repeatable(request_id="r-1", fingerprint=bytes([approves])),
            )

        first = await stage.orchestrator.submit(asked(approves=True))
        again = await stage.orchestrator.submit(asked(approves=True))
        with pytest.raises(AlreadyExists) as mismatch:
            await stage.orchestrator.submit(asked(approves=False))

        assert ("completed", True) == (first.status, again.duplicate)
        assert "IDEMPOTENCY_MISMATCH" == mismatch.value.reason
        assert 1 == (await stage.types(instance_id)).count("TASK_VOTED")

    @pytest.mark.parametrize("lost", ["store.write.before", "store.write.after"])
    async def test_counts_a_vote_once_whose_commit_was_not_answered(
        self, postgres: PostgresWorld, lost: str
    ) -> None:
        """It happened, or it did not: the caller repeats it, and it is one vote."""
        stage = Stage(postgres)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(stage.orchestrator.run(stop))
            instance_id = await begun(stage, TWO_OF_THREE)
            asked = Request(
                tenant_id=ACME,
                instance_id=instance_id,
                asked=votes(ADA),
                repeatable=Repeatable(request_id="r-1", fingerprint=b"x"),
            )
            with armed(f"{lost}=error,once"):
                answered = await asyncio.gather(
                    stage.orchestrator.submit(asked), return_exceptions=True
                )
            await stage.orchestrator.submit(replace(asked))
            await stage.ask(instance_id, votes(BO))
            stop.set()
        [task] = await stage.tasks(instance_id)

        assert 1 == len(answered)
        assert (2, 0, "succeeded") == (
            Standing.of(task.standing).approvals,
            Standing.of(task.standing).rejections,
            task.status,
        )
        assert 2 == (await stage.types(instance_id)).count("TASK_VOTED")
        await stage.assert_whole(instance_id)

    async def test_is_voted_on_while_its_instance_is_paused(self, stage: Stage) -> None:
        """And its instance learns of it when it goes on."""
        instance_id = await begun(stage, asking(quorum={"approvals": 1, "of": 2}))
        await stage.pause(instance_id)
        await stage.ask(instance_id, votes(ADA))
        late = await refusal(stage, instance_id, votes(BO))
        resumed = await stage.resume(instance_id)

        assert ("TASK_CLOSED", "completed") == (late.reason, resumed.status)
        await stage.assert_whole(instance_id)

    @pytest.mark.parametrize(
        ("asked", "reason"),
        [
            (votes(EVE), "TASK_NOT_FOUND"),
            (votes(OLGA), "TASK_NOT_OFFERED"),
            (Claim(ordinal=1, person=ADA), "TASK_VOTED_ON"),
            (Assign(ordinal=1, to="bo", person=OLGA), "TASK_VOTED_ON"),
            (Delegate(ordinal=1, to="bo", person=ADA), "TASK_VOTED_ON"),
            (ends(ADA, Outcome.succeeded(1)), "TASK_VOTED_ON"),
            (ends(OLGA, Outcome.succeeded(1), reason="x"), "TASK_VOTED_ON"),
            (ends(ADA, Outcome.failed(BROKEN)), "TASK_VOTED_ON"),
            (ends(OLGA, Outcome.failed(BROKEN)), "FIELD_INVALID"),
        ],
    )
    async def test_is_nobodys_alone(self, stage: Stage, asked: Any, reason: str) -> None:
        """Who is not asked has no vote, and no single person takes it or ends it."""
        refused = await refusal(stage, await begun(stage, TWO_OF_THREE), asked)

        assert reason == refused.reason

    async def test_is_failed_by_an_operator_who_says_why(self, stage: Stage) -> None:
        """When those who could vote are gone."""
        instance_id = await begun(stage, TWO_OF_THREE)
        await stage.ask(instance_id, ends(OLGA, Outcome.failed(BROKEN), reason="closed"))

        assert "office.closed" == (await output(stage, instance_id))["kind"]


class TestATaskForOne:
    async def test_is_not_voted_on(self, stage: Stage) -> None:
        """It is completed."""
        refused = await refusal(stage, await begun(stage, asking()), votes(ADA))

        assert "TASK_NOT_VOTED_ON" == refused.reason


class TestAComment:
    async def test_is_kept_in_its_order_also_after_the_end(self, stage: Stage) -> None:
        """Who said what, and when; by those who may see the task."""
        instance_id = await begun(stage, asking())
        for person, text in ((ADA, "why?"), (OLGA, "because")):
            await stage.ask(instance_id, CommentOn(ordinal=1, text=text, person=person))
        await stage.settle(instance_id, 1, {"answer": 42})
        await stage.ask(instance_id, CommentOn(ordinal=1, text="fine", person=BO))
        hidden = await refusal(stage, instance_id, CommentOn(ordinal=1, text="?", person=EVE))
        reader = stage.world.reader
        said = await reader.list_comments(ACME, instance_id, 1, after_seq=0, limit=9)
        rest = await reader.list_comments(ACME, instance_id, 1, after_seq=said[0].seq, limit=1)
        entries = [one for one in await stage.history(instance_id) if one.type == "TASK_COMMENTED"]

        assert [("ada", "why?"), ("olga", "because"), ("bo", "fine")] == [
            (one.author, one.text) for one in said
        ]
        assert [one.seq for one in entries] == [one.seq for one in said]
        assert (said[1:2], NotFound) == (rest, type(hidden))
        await stage.assert_whole(instance_id)

    async def test_is_one_for_one_request(self, stage: Stage) -> None:
        """Two that come at once with one id are one comment."""
        instance_id = await begun(stage, asking())
        asked = [
            Request(
                tenant_id=ACME,
                instance_id=instance_id,
                asked=CommentOn(ordinal=1, text="hm", person=ADA),
                repeatable=Repeatable(request_id="r-1", fingerprint=b"x"),
            )
            for _ in range(2)
        ]
        answers = await stage.orchestrator.submit_all(asked)
        said = await stage.world.reader.list_comments(ACME, instance_id, 1, after_seq=0, limit=9)

        assert [Answer, Answer] == [type(one) for one in answers]
        assert ["hm"] == [one.text for one in said]
