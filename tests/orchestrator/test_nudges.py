"""What an open task's time brings: people are reminded of it, and it is escalated."""

from datetime import timedelta
from typing import Any

from control_plane.orchestrator import Fire
from control_plane.orchestrator.request import Claim, Delegate, GiveBack
from control_plane.ports.people import Offer
from control_plane.ports.reader import TaskFilter
from control_plane.ports.standing import Standing
from shared import json
from shared.ids import InstanceId
from tests.contract.worlds import ACME
from tests.orchestrator.persons import ADA, BO, CY, EVE, OLGA, asking, begun, refusal
from tests.orchestrator.stage import Stage

HOUR = timedelta(hours=1)
REMINDED = asking(dueIn="PT2H", reminders=[{"before": "PT1H"}, {"after": "PT1H"}])


def told(entry: Any) -> dict[str, Any]:
    payload = json.load(entry.payload)
    assert isinstance(payload, dict)
    return payload


async def nudges(stage: Stage, instance_id: InstanceId) -> list[tuple[str, dict[str, Any]]]:
    """The reminders and escalations that are in the history."""
    kinds = {"TASK_REMINDED", "TASK_ESCALATED"}
    return [(one.type, told(one)) for one in await stage.history(instance_id) if one.type in kinds]


async def pass_by(stage: Stage, *, hours: int) -> None:
    """So many hours, one by one, with a look at what is due after each."""
    for _ in range(hours):
        await stage.world.move_clock(HOUR)
        await stage.fire_due()


class TestAReminder:
    async def test_comes_at_its_times_and_once_each(self, stage: Stage) -> None:
        """The history says for whom, so that whoever follows it can write to them."""
        instance_id = await begun(stage, REMINDED)
        await stage.ask(instance_id, Claim(ordinal=1, person=ADA))
        seen = []
        for _ in range(4):
            await pass_by(stage, hours=1)
            seen.append(len(await nudges(stage, instance_id)))
        (first, of), _ = await nudges(stage, instance_id)

        assert [1, 1, 2, 2] == seen
        assert ("TASK_REMINDED", "ada") == (first, of["assignee"])
        assert "timer" not in await stage.world.row_counts()
        await stage.assert_whole(instance_id)

    async def test_comes_once_whoever_fires_it(self, stage: Stage) -> None:
        """Every replica fires every timer: of two that do so one finds it done."""
        instance_id = await begun(stage, REMINDED)
        await stage.world.move_clock(HOUR)
        [due] = (await stage.world.due.timers(9)).timers
        fire = Fire(timer_id=due.timer_id, due=due.due)
        before = (await stage.ask(instance_id, fire)).revision
        again = await stage.ask(instance_id, fire)

        assert 1 == len(await nudges(stage, instance_id))
        assert ("IGNORED", before) == (again.disposition, again.revision)

    async def test_that_is_late_comes_with_all_that_is_due(self, stage: Stage) -> None:
        """After an outage of hours: nothing is lost, and nothing comes twice."""
        instance_id = await begun(stage, REMINDED)
        await stage.world.move_clock(9 * HOUR)
        await stage.fire_due()

        assert 2 == len(await nudges(stage, instance_id))
        assert "timer" not in await stage.world.row_counts()

    async def test_does_not_come_once_the_task_has_ended(self, stage: Stage) -> None:
        """Its timer goes with it, in the same commit."""
        instance_id = await begun(stage, REMINDED)
        await stage.settle(instance_id, 1)

        assert "timer" not in await stage.world.row_counts()
        assert [] == await nudges(stage, instance_id)

    async def test_does_not_come_once_its_state_is_left(self, stage: Stage) -> None:
        """As when it has ended."""
        spec = asking(on={"GO": "done"}, dueIn="PT2H", reminders=[{"before": "PT1H"}])
        instance_id = await begun(stage, spec)
        await stage.send(instance_id, "GO")

        assert "timer" not in await stage.world.row_counts()

    async def test_can_tell_the_instance(self, stage: Stage) -> None:
        """Whose definition decides what comes of it; what it has no answer for is rejected."""
        spec = asking(
            on={"LATE": "done"},
            dueIn="PT1H",
            reminders=[{"before": "PT1H", "event": "EARLY"}, {"after": "PT0S", "event": "LATE"}],
        )
        instance_id = await begun(stage, spec)
        await stage.fire_due()
        await pass_by(stage, hours=1)
        types = await stage.types(instance_id)

        assert "completed" == (await stage.instance(instance_id)).status
        assert (1, 1) == (types.count("EVENT_REJECTED"), types.count("TASK_CANCELLED"))
        await stage.assert_whole(instance_id)

    async def test_comes_while_the_instance_is_paused(self, stage: Stage) -> None:
        """People may deal with its tasks then; what the instance is told waits for it."""
        spec = asking(
            on={"LATE": "done"}, dueIn="PT1H", reminders=[{"after": "PT0S", "event": "LATE"}]
        )
        instance_id = await begun(stage, spec)
        await stage.pause(instance_id)
        await pass_by(stage, hours=1)
        before = (await stage.instance(instance_id)).status
        resumed = await stage.resume(instance_id)

        assert 1 == len(await nudges(stage, instance_id))
        assert (True, "completed") == (before != "completed", resumed.status)
        await stage.assert_whole(instance_id)


class TestAnEscalation:
    async def test_offers_a_task_to_others_if_nobody_has_it(self, stage: Stage) -> None:
        """And raises its priority; those who could claim it before still can."""
        added = {"users": ["eve"], "roles": ["boss", "chef"]}
        spec = asking(
            escalations=[{"unclaimedFor": "PT2H", "addCandidates": added, "priority": 50}]
        )
        instance_id = await begun(stage, spec)
        hidden = await refusal(stage, instance_id, Claim(ordinal=1, person=EVE))
        await pass_by(stage, hours=2)
        [task] = await stage.tasks(instance_id)
        found = [
            len(
                await stage.world.reader.list_tasks(
                    ACME, TaskFilter(found_as=(frozenset({offer}),)), after=None, limit=9
                )
            )
            for offer in (Offer("user", "eve"), Offer("role", "chef"), Offer("role", "boss"))
        ]
        await stage.ask(instance_id, Claim(ordinal=1, person=EVE))

        assert "TASK_NOT_FOUND" == hidden.reason
        assert [1, 1, 1] == found
        assert 50 == Standing.of(task.standing).priority
        assert [("TASK_ESCALATED", {"users": ["eve"], "roles": ["chef"], "priority": 50})] == (
            await nudges(stage, instance_id)
        )
        await stage.assert_whole(instance_id)

    async def test_for_what_nobody_has_leaves_alone_what_somebody_has(self, stage: Stage) -> None:
        """Whoever works on it is not disturbed."""
        spec = asking(escalations=[{"unclaimedFor": "PT1H", "assignTo": "bo"}])
        instance_id = await begun(stage, spec)
        await stage.ask(instance_id, Claim(ordinal=1, person=ADA))
        await pass_by(stage, hours=1)

        assert [] == await nudges(stage, instance_id)
        assert ["ada"] == [task.assignee for task in await stage.tasks(instance_id)]
        assert "timer" not in await stage.world.row_counts()

    async def test_gives_an_overdue_task_to_somebody(self, stage: Stage) -> None:
        """Whoever has it then; but to nobody whom it is not for."""
        spec = asking(
            dueIn="PT1H",
            notBy={"users": ["cy"]},
            escalations=[
                {"overdue": "PT1H", "assignTo": "bo"},
                {"overdue": "PT2H", "assignTo": "cy"},
            ],
        )
        instance_id = await begun(stage, spec)
        await stage.ask(instance_id, Claim(ordinal=1, person=ADA))
        await pass_by(stage, hours=3)

        assert ["bo"] == [task.assignee for task in await stage.tasks(instance_id)]
        assert [("TASK_ESCALATED", {"assignee": "bo", "from": "ada"}), ("TASK_ESCALATED", {})] == (
            await nudges(stage, instance_id)
        )

    async def test_ends_a_task_that_stays_open(self, stage: Stage) -> None:
        """What is expired takes its error transition."""
        instance_id = await begun(stage, asking(escalations=[{"openFor": "P1D", "fail": True}]))
        await stage.world.move_clock(24 * HOUR)
        await stage.fire_due()
        instance = await stage.instance(instance_id)
        output = json.load(instance.output or "null")

        assert "completed" == instance.status
        assert isinstance(output, dict)
        assert "task.expired" == output["kind"]
        await stage.assert_whole(instance_id)


class TestADelegatedTask:
    async def test_is_given_back_to_who_delegated_it(self, stage: Stage) -> None:
        """Through several hands, in the order in which it went."""
        instance_id = await begun(stage, asking())
        await stage.ask(instance_id, Claim(ordinal=1, person=ADA))
        held = []
        for asked in (
            Delegate(ordinal=1, to="eve", person=ADA),
            Delegate(ordinal=1, to="bo", person=EVE),
            GiveBack(ordinal=1, person=BO),
            GiveBack(ordinal=1, person=EVE),
        ):
            await stage.ask(instance_id, asked)
            held += [task.assignee for task in await stage.tasks(instance_id)]
        owned = await refusal(stage, instance_id, GiveBack(ordinal=1, person=ADA))

        assert ["eve", "bo", "eve", "ada"] == held
        assert "TASK_NOT_DELEGATED" == owned.reason
        assert ["TASK_DELEGATED"] * 2 + ["TASK_RETURNED"] * 2 == (await stage.types(instance_id))[
            -4:
        ]

    async def test_is_its_holders_alone_to_delegate(self, stage: Stage) -> None:
        """Or an operator's, who says why; a colleague cannot."""
        instance_id = await begun(stage, asking())
        unclaimed = await refusal(stage, instance_id, Delegate(ordinal=1, to="bo", person=ADA))
        await stage.ask(instance_id, Claim(ordinal=1, person=ADA))
        taken = await refusal(stage, instance_id, Delegate(ordinal=1, to="cy", person=BO))
        silent = await refusal(stage, instance_id, Delegate(ordinal=1, to="cy", person=OLGA))
        same = await stage.ask(instance_id, Delegate(ordinal=1, to="ada", person=ADA))
        await stage.ask(instance_id, Delegate(ordinal=1, to="cy", person=OLGA, reason="ill"))
        back = await stage.ask(instance_id, GiveBack(ordinal=1, person=CY))

        assert ["TASK_NOT_CLAIMED", "TASK_TAKEN", "FIELD_INVALID"] == [
            one.reason for one in (unclaimed, taken, silent)
        ]
        assert (True, False) == (same.duplicate, back.duplicate)

    async def test_is_delegated_ten_times_at_most(self, stage: Stage) -> None:
        """A task that goes round and round is nobody's."""
        instance_id = await begun(stage, asking())
        await stage.ask(instance_id, Claim(ordinal=1, person=ADA))
        people = [EVE, BO] * 5
        holder = ADA
        for one in people:
            await stage.ask(instance_id, Delegate(ordinal=1, to=one.user, person=holder))
            holder = one
        refused = await refusal(stage, instance_id, Delegate(ordinal=1, to="cy", person=holder))

        assert "LIMIT_EXCEEDED" == refused.reason
