"""Who decided one task does not decide the other."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import (
    Assign,
    CastVote,
    Claim,
    Delegate,
    Settle,
    Skip,
    Start,
)
from control_plane.ports.people import Person
from shared.errors import PreconditionFailed
from shared.ids import InstanceId
from shared.json import Json
from shared.tasks import Failure, Outcome
from tests.orchestrator.persons import ADA, BO, CY, OLGA, asking, begun, in_turn, refusal
from tests.orchestrator.stage import Stage

FOUR_EYES = in_turn(notBy={"tasks": ["draft"]})
BROKEN = Outcome.failed(Failure(kind="a.b", message=""))
TOKEN = Person(name="token:x", user="ada", roles=ADA.roles)


def completes(person: Person, ordinal: int = 1, output: Json = None) -> Settle:
    return Settle(
        ordinal=ordinal,
        outcome=Outcome.succeeded(output),
        settled_by=person.name,
        person=person,
    )


async def drafted(stage: Stage, spec: dict[str, Any]) -> InstanceId:
    """An instance whose first task was ada's."""
    instance_id = await begun(stage, spec)
    await stage.ask(instance_id, completes(ADA))
    return instance_id


class TestWhoDecidedAnotherTask:
    @pytest.mark.parametrize(
        "asked",
        [
            completes(ADA, 2),
            completes(TOKEN, 2),
            replace(completes(ADA, 2), outcome=BROKEN),
            Claim(ordinal=2, person=ADA),
            Assign(ordinal=2, to="ada", person=OLGA),
            Skip(ordinal=2, output=None, reason="x", skipped_by="a", person=ADA),
        ],
    )
    async def test_is_kept_from_this_one(self, stage: Stage, asked: Any) -> None:
        """By whatever way and credential: two pairs of eyes belong to two people."""
        spec = in_turn(notBy={"tasks": ["draft"]}, skippable=True)
        refused = await refusal(stage, await drafted(stage, spec), asked)

        assert "TASK_SEPARATED" == refused.reason

    async def test_leaves_it_to_others(self, stage: Stage) -> None:
        """Who had no part in it decides, operators too."""
        instance_id = await drafted(stage, FOUR_EYES)
        await stage.ask(instance_id, Claim(ordinal=2, person=BO))
        handed = await refusal(stage, instance_id, Delegate(ordinal=2, to="ada", person=BO))
        answer = await stage.ask(instance_id, completes(BO, 2))

        assert ("TASK_SEPARATED", "completed") == (handed.reason, answer.status)
        await stage.assert_whole(instance_id)

    async def test_is_kept_from_it_within_one_turn(self, stage: Stage) -> None:
        """What the same commit has just written counts as well."""
        spec = in_turn(notBy={"tasks": ["draft"]})
        both = [one["invoke"] for one in spec["states"].values() if "invoke" in one]
        spec["states"]["drafting"] = {"invoke": [{**both[0], "onDone": {}}, both[1]]}
        instance_id = await begun(stage, spec)
        first, second = await stage.orchestrator.submit_all(
            [stage.request(instance_id, completes(ADA, ordinal)) for ordinal in (1, 2)]
        )

        assert (Answer, PreconditionFailed) == (type(first), type(second))
        assert 1 == (await stage.types(instance_id)).count("TASK_COMPLETED")

    async def test_cannot_be_one_of_those_who_vote(self, stage: Stage) -> None:
        """Every vote is a decision: those of the first task are kept from the second."""
        spec = in_turn(notBy={"tasks": ["draft"]}, quorum={"approvals": 2, "of": 3})
        instance_id = await drafted(stage, spec)
        refused = await refusal(stage, instance_id, CastVote(ordinal=2, approves=True, person=ADA))
        answers = await asyncio.gather(
            *(
                stage.ask(instance_id, CastVote(ordinal=2, approves=True, person=one))
                for one in (BO, CY)
            )
        )

        assert "TASK_SEPARATED" == refused.reason
        assert "completed" == max(answers, key=lambda one: one.revision).status


class TestWhoStartedTheInstance:
    async def test_is_kept_from_its_approval(self, stage: Stage) -> None:
        """By the name that the start was noted under, or as the user behind it."""
        spec = asking(notBy={"starter": True, "users": ["cy"]})
        await stage.define(spec)
        by_name = await stage.start()
        request = stage.start_request()
        assert isinstance(request.asked, Start)
        asked = replace(request.asked, started_by="token:1", starter="bo")
        by_user = await stage.orchestrator.submit(replace(request, asked=asked))
        refused = [
            await refusal(stage, by_name.instance_id, completes(ADA)),
            await refusal(stage, by_name.instance_id, completes(CY)),
            await refusal(stage, by_user.instance_id, completes(BO)),
        ]
        answers = [
            await stage.ask(by_name.instance_id, completes(BO)),
            await stage.ask(by_user.instance_id, completes(ADA)),
        ]

        assert ["TASK_SEPARATED"] * 3 == [one.reason for one in refused]
        assert ["completed"] * 2 == [one.status for one in answers]
