"""What the orchestrator promises, on the adapters of each kind."""

import asyncio
import json
from datetime import timedelta

import pytest

from control_plane.orchestrator import OnClosed, OnRunning, Report, Request, Settle, Verdict
from shared.errors import AlreadyExists, Conflict, NotFound, PreconditionFailed
from shared.ids import SessionId, new_instance_id, new_uuid7
from shared.tasks import ClaimedTask, Outcome
from tests.contract.worlds import OTHER
from tests.orchestrator import specs
from tests.orchestrator.stage import Stage


class TestAStart:
    async def test_leaves_a_whole_instance_with_its_task_ready(self, stage: Stage) -> None:
        """Snapshot, history and task are one commit: whoever sees one sees all."""
        await stage.define(specs.ONE_TASK)

        answer = await stage.start()

        assert (True, "running", '"paying"') == (answer.created, answer.status, answer.state)
        assert ["INSTANCE_STARTED", "STATE_TRANSITION", "TASK_CREATED"] == await stage.types(
            answer.instance_id
        )
        assert ["pending"] == [task.status_now for task in await stage.tasks(answer.instance_id)]
        await stage.assert_whole(answer.instance_id)

    async def test_of_an_unknown_definition_is_refused(self, stage: Stage) -> None:
        """The error names what was asked for."""
        with pytest.raises(NotFound, match="nothing"):
            await stage.start("nothing")

    async def test_that_the_engine_refuses_leaves_nothing(self, stage: Stage) -> None:
        """An input that the definition cannot work with starts no instance."""
        await stage.define(specs.NEEDS_INPUT)

        with pytest.raises(PreconditionFailed) as raised:
            await stage.start(given={})

        assert "EXPRESSION_FAILED" == raised.value.reason
        assert {} == await stage.world.row_counts()

    async def test_of_another_tenants_definition_is_refused_alike(self, stage: Stage) -> None:
        """A tenant must not learn what others have."""
        await stage.define(specs.ONE_TASK)

        with pytest.raises(NotFound, match="order"):
            await stage.start("order", tenant_id=OTHER)

    async def test_repeated_under_its_request_id_gives_the_first_answer(self, stage: Stage) -> None:
        """A caller that lost the reply asks again, and nothing is created twice."""
        await stage.define(specs.ONE_TASK)
        first = await stage.start(request_id="r1")

        again = await stage.start(request_id="r1")

        assert (first.instance_id, True) == (again.instance_id, again.duplicate)
        assert 1 == (await stage.world.row_counts())["instance"]

    async def test_under_a_used_request_id_with_other_input_is_refused(self, stage: Stage) -> None:
        """Two different requests under one id are a mistake that must be seen."""
        await stage.define(specs.ONE_TASK)
        await stage.start(request_id="r1")

        with pytest.raises(AlreadyExists) as raised:
            await stage.start(request_id="r1", given={"other": True})

        assert "IDEMPOTENCY_MISMATCH" == raised.value.reason

    async def test_raced_under_one_request_id_creates_one_instance(self, stage: Stage) -> None:
        """All at once or one after the other makes no difference."""
        await stage.define(specs.ONE_TASK)

        answers = await asyncio.gather(*(stage.start(request_id="r1") for _ in range(20)))

        assert 1 == len({answer.instance_id for answer in answers})
        assert 1 == (await stage.world.row_counts())["instance"]

    async def test_raced_for_one_business_key_creates_one_instance(self, stage: Stage) -> None:
        """What a run is about has one run."""
        await stage.define(specs.ONE_TASK)

        answers = await asyncio.gather(*(stage.start(business_key="b1") for _ in range(20)))

        assert 1 == len({answer.instance_id for answer in answers})
        assert 1 == sum(answer.created for answer in answers)

    async def test_for_a_live_business_key_can_be_made_to_fail(self, stage: Stage) -> None:
        """The error says which instance has the key."""
        await stage.define(specs.ONE_TASK)
        first = await stage.start(business_key="b1")

        with pytest.raises(AlreadyExists) as raised:
            await stage.start(business_key="b1", on_running=OnRunning.FAIL)

        assert str(first.instance_id) == raised.value.metadata["instance_id"]

    async def test_for_a_closed_business_key_creates_nothing_by_default(self, stage: Stage) -> None:
        """A start replayed at any time creates nothing twice."""
        await stage.define(specs.COUNTER)
        first = await stage.start(business_key="b1")
        await stage.send(first.instance_id, "END")

        again = await stage.start(business_key="b1")

        assert (first.instance_id, False) == (again.instance_id, again.created)

    async def test_may_follow_a_closed_instance_where_that_is_allowed(self, stage: Stage) -> None:
        """The key then belongs to the newer one."""
        await stage.define(specs.COUNTER)
        first = await stage.start(business_key="b1")
        await stage.send(first.instance_id, "END")

        second = await stage.start(business_key="b1", on_closed=OnClosed.ALLOW)
        third = await stage.start(business_key="b1")

        assert first.instance_id != second.instance_id
        assert second.instance_id == third.instance_id


class TestAnEvent:
    async def test_changes_the_instance_it_is_sent_to(self, stage: Stage) -> None:
        """An answer comes after the commit, so a read sees it."""
        await stage.define(specs.COUNTER)
        started = await stage.start()

        await stage.send(started.instance_id, "ADD", {"by": 3})

        assert {"n": 3} == json.loads((await stage.instance(started.instance_id)).context)
        await stage.assert_whole(started.instance_id)

    async def test_repeated_under_its_id_is_applied_once(self, stage: Stage) -> None:
        """The repeat gets the first answer, marked."""
        await stage.define(specs.COUNTER)
        started = await stage.start()
        first = await stage.send(started.instance_id, "ADD", {"by": 3}, event_id="e1")

        again = await stage.send(started.instance_id, "ADD", {"by": 3}, event_id="e1")

        assert (first.revision, True) == (again.revision, again.duplicate)
        assert {"n": 3} == json.loads((await stage.instance(started.instance_id)).context)

    async def test_under_a_used_id_with_another_payload_is_refused(self, stage: Stage) -> None:
        """An id stands for one event."""
        await stage.define(specs.COUNTER)
        started = await stage.start()
        await stage.send(started.instance_id, "ADD", {"by": 3}, event_id="e1")

        with pytest.raises(AlreadyExists) as raised:
            await stage.send(started.instance_id, "ADD", {"by": 4}, event_id="e1")

        assert "IDEMPOTENCY_MISMATCH" == raised.value.reason

    async def test_crowds_are_applied_one_by_one_and_none_is_lost(self, stage: Stage) -> None:
        """Transitions of one instance are serial: the revision grows by one an event."""
        await stage.define(specs.COUNTER)
        started = await stage.start()

        await asyncio.gather(
            *(stage.send(started.instance_id, "ADD", {"by": 1}) for _ in range(300))
        )

        instance = await stage.instance(started.instance_id)
        assert ({"n": 300}, 301) == (json.loads(instance.context), instance.revision)
        await stage.assert_whole(started.instance_id)

    async def test_nobody_waits_for_is_refused_with_what_would_be_accepted(
        self, stage: Stage
    ) -> None:
        """The refusal is recorded, and the instance stands as it stood."""
        await stage.define(specs.COUNTER)
        started = await stage.start()

        with pytest.raises(PreconditionFailed) as raised:
            await stage.send(started.instance_id, "MULTIPLY")

        assert "EVENT_NOT_ACCEPTED" == raised.value.reason
        assert {"ADD", "END"} == set(raised.value.metadata["accepts"].split(", "))
        assert "EVENT_REJECTED" == (await stage.types(started.instance_id))[-1]
        await stage.assert_whole(started.instance_id)

    async def test_badly_typed_kills_no_instance(self, stage: Stage) -> None:
        """The sender hears where the expression stands; the next event is applied as ever."""
        await stage.define(specs.COUNTER)
        started = await stage.start()

        with pytest.raises(PreconditionFailed) as raised:
            await stage.send(started.instance_id, "ADD", {"by": "three"})
        await stage.send(started.instance_id, "ADD", {"by": 3})

        assert "EXPRESSION_FAILED" == raised.value.reason
        assert {"n": 3} == json.loads((await stage.instance(started.instance_id)).context)
        await stage.assert_whole(started.instance_id)

    async def test_meant_for_an_older_revision_is_refused(self, stage: Stage) -> None:
        """Whoever decided on what is past must read again."""
        await stage.define(specs.COUNTER)
        started = await stage.start()
        await stage.send(started.instance_id, "ADD", {"by": 1})

        with pytest.raises(Conflict, match="revision 2"):
            await stage.send(
                started.instance_id, "ADD", {"by": 1}, expected_revision=started.revision
            )

    async def test_to_a_closed_instance_is_refused(self, stage: Stage) -> None:
        """What has ended takes nothing in."""
        await stage.define(specs.COUNTER)
        started = await stage.start()
        await stage.send(started.instance_id, "END")

        with pytest.raises(PreconditionFailed) as raised:
            await stage.send(started.instance_id, "ADD", {"by": 1})

        assert "INSTANCE_CLOSED" == raised.value.reason

    async def test_to_an_unknown_instance_is_refused(self, stage: Stage) -> None:
        """And nothing is written."""
        with pytest.raises(NotFound):
            await stage.send(new_instance_id(), "ADD")

        assert {} == await stage.world.row_counts()

    async def test_deferred_is_applied_in_order_once_it_can_be(self, stage: Stage) -> None:
        """Accepted order is kept: what waited comes before what is newer."""
        await stage.define(specs.DEFERRING)
        started = await stage.start()
        waited = [
            await stage.send(started.instance_id, "SAY", {"word": word}) for word in ("a", "b")
        ]

        await stage.send(started.instance_id, "OPEN")
        await stage.send(started.instance_id, "SAY", {"word": "c"})

        assert ["DEFERRED", "DEFERRED"] == [answer.disposition for answer in waited]
        instance = await stage.instance(started.instance_id)
        assert {"seen": "abc"} == json.loads(instance.context)
        assert "inbox" not in await stage.world.row_counts()
        await stage.assert_whole(started.instance_id)


class TestAnOutcome:
    async def test_moves_the_instance_and_ends_the_task(self, stage: Stage) -> None:
        """One commit: the task's end, the history, and what follows."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        answer = await stage.report(task, Outcome.succeeded({"receipt": 7}))

        assert (Verdict.APPLIED, "completed") == (answer.verdict, answer.status)
        [ended] = await stage.tasks(started.instance_id)
        assert ("succeeded", 1, '{"receipt":7}') == (ended.status_now, ended.attempt, ended.output)
        assert [
            "TASK_STARTED",
            "TASK_COMPLETED",
            "STATE_TRANSITION",
            "INSTANCE_COMPLETED",
        ] == (await stage.types(started.instance_id))[3:]
        await stage.assert_whole(started.instance_id)

    async def test_sent_again_is_a_duplicate(self, stage: Stage) -> None:
        """An executor resends until it is acknowledged."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.report(task, Outcome.succeeded())

        again = await stage.report(task, Outcome.succeeded())

        assert Verdict.DUPLICATE == again.verdict
        assert 1 == (await stage.types(started.instance_id)).count("TASK_COMPLETED")

    async def test_sent_many_times_at_once_is_applied_once(self, stage: Stage) -> None:
        """In one turn or in several."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        answers = await asyncio.gather(
            *(stage.report(task, Outcome.succeeded()) for _ in range(20))
        )

        verdicts = [answer.verdict for answer in answers]
        assert (1, 19) == (verdicts.count(Verdict.APPLIED), verdicts.count(Verdict.DUPLICATE))
        assert 1 == (await stage.types(started.instance_id)).count("TASK_COMPLETED")

    async def test_of_a_zombie_changes_nothing(self, stage: Stage) -> None:
        """Its epoch is past: somebody else has the task now."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [late] = await stage.claim()
        await stage.world.move_clock(timedelta(minutes=5))
        await stage.rescue()
        [current] = await stage.claim(session=SessionId(new_uuid7()))

        zombie = await stage.report(late, Outcome.succeeded("late"))
        rightful = await stage.report(current, Outcome.succeeded("in time"))

        assert (Verdict.LEASE_LOST, Verdict.APPLIED) == (zombie.verdict, rightful.verdict)
        assert late.epoch < current.epoch
        [ended] = await stage.tasks(started.instance_id)
        assert '"in time"' == ended.output
        await stage.assert_whole(started.instance_id)

    async def test_of_failure_is_tried_again_after_the_policys_delay(self, stage: Stage) -> None:
        """Not before: the clock moves, nobody sleeps."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        answer = await stage.fail(task)
        await stage.world.move_clock(timedelta(seconds=9))
        early = await stage.claim()
        await stage.world.move_clock(timedelta(seconds=2))
        [second] = await stage.claim()

        assert ("waiting", []) == (answer.status, early)
        assert (2, task.idempotency_key) == (second.attempt, second.idempotency_key)
        assert task.epoch < second.epoch
        assert "TASK_RETRY_SCHEDULED" == (await stage.types(started.instance_id))[-1]

    async def test_of_the_last_failure_takes_the_error_transition(self, stage: Stage) -> None:
        """Attempts never exceed the most there may be, and the end is visible."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        attempts = []
        for _ in range(3):
            [task] = await stage.claim()
            attempts.append(task.attempt)
            await stage.fail(task)
            await stage.world.move_clock(timedelta(minutes=1))

        assert [1, 2, 3] == attempts
        instance = await stage.instance(started.instance_id)
        assert ("completed", '"unpaid"') == (instance.status, instance.current_state)
        [ended] = await stage.tasks(started.instance_id)
        assert ("failed", 3) == (ended.status_now, ended.attempt)
        assert [] == await stage.claim()
        await stage.assert_whole(started.instance_id)

    async def test_of_permanent_failure_is_not_tried_again(self, stage: Stage) -> None:
        """The handler knows that it is of no use."""
        await stage.define(specs.ONE_TASK)
        await stage.start()
        [task] = await stage.claim()

        answer = await stage.fail(task, retryable=False)

        assert '"unpaid"' == answer.state

    async def test_for_a_task_that_never_was_is_refused(self, stage: Stage) -> None:
        """The verdict says so; the stream goes on."""
        await stage.define(specs.ONE_TASK)
        await stage.start()
        [task] = await stage.claim()

        answer = await stage.orchestrator.submit(_of_ordinal(task, 99))

        assert Verdict.REFUSED == answer.verdict


class TestAnExpiredLease:
    async def test_hands_the_task_on_without_counting_the_attempt(self, stage: Stage) -> None:
        """A crashed executor is not the task's fault."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [first] = await stage.claim()
        await stage.world.move_clock(timedelta(minutes=5))

        rescued = await stage.rescue()
        [second] = await stage.claim(session=SessionId(new_uuid7()))

        assert (1, 1, 1) == (rescued, first.attempt, second.attempt)
        assert first.epoch < second.epoch
        assert "TASK_RETRY_SCHEDULED" in await stage.types(started.instance_id)
        await stage.assert_whole(started.instance_id)


class TestAHumanTask:
    async def test_is_completed_from_outside_with_what_the_person_said(self, stage: Stage) -> None:
        """Whether an executor has offered it by then or not."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        [task] = await stage.claim()
        offered = await stage.report(task, Outcome.awaiting())

        answer = await stage.settle(started.instance_id, task.ordinal, {"answer": "yes"})

        assert ("waiting", "completed") == (offered.status, answer.status)
        instance = await stage.instance(started.instance_id)
        assert {"answer": "yes"} == json.loads(instance.context)
        await stage.assert_whole(started.instance_id)

    async def test_completed_while_being_offered_is_completed(self, stage: Stage) -> None:
        """The person was quicker than the executor, whose outcome then changes nothing."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        [task] = await stage.claim()

        await stage.settle(started.instance_id, task.ordinal, {"answer": "yes"})
        late = await stage.report(task, Outcome.awaiting())

        assert late.verdict in (Verdict.DUPLICATE, Verdict.LEASE_LOST)
        assert {"lease", "ready"}.isdisjoint(await stage.world.row_counts())
        await stage.assert_whole(started.instance_id)

    async def test_is_cancelled_when_its_time_is_up(self, stage: Stage) -> None:
        """The timer fires, the state is left, and the task with it."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.report(task, Outcome.awaiting())

        early = await stage.fire_due()
        await stage.world.move_clock(timedelta(hours=1))
        fired = await stage.fire_due()
        again = await stage.fire_due()

        assert (0, 1, 0) == (early, fired, again)
        assert '"expired"' == (await stage.instance(started.instance_id)).current_state
        assert ["cancelled"] == [t.status_now for t in await stage.tasks(started.instance_id)]
        assert "timer" not in await stage.world.row_counts()
        await stage.assert_whole(started.instance_id)

    async def test_cannot_be_completed_twice(self, stage: Stage) -> None:
        """The first answer stands."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        await stage.settle(started.instance_id, 1, {"answer": "yes"})

        with pytest.raises(PreconditionFailed) as raised:
            await stage.settle(started.instance_id, 1, {"answer": "no"})

        assert "TASK_CLOSED" == raised.value.reason

    async def test_alone_can_be_completed_from_outside(self, stage: Stage) -> None:
        """A task in an executor's hands is not for people to end."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()

        with pytest.raises(PreconditionFailed) as raised:
            await stage.settle(started.instance_id, 1)

        assert "TASK_NOT_COMPLETABLE" == raised.value.reason


class TestACancel:
    async def test_ends_the_instance_and_takes_its_tasks_back(self, stage: Stage) -> None:
        """Nobody can claim what is not wanted any more."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()

        answer = await stage.cancel(started.instance_id)

        assert "cancelled" == answer.status
        assert ["cancelled"] == [t.status_now for t in await stage.tasks(started.instance_id)]
        assert [] == await stage.claim()
        await stage.assert_whole(started.instance_id)

    async def test_repeated_is_harmless(self, stage: Stage) -> None:
        """It is cancelled already."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        await stage.cancel(started.instance_id)

        assert (await stage.cancel(started.instance_id)).duplicate

    async def test_fences_the_attempt_that_is_under_way(self, stage: Stage) -> None:
        """Its outcome comes too late."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        await stage.cancel(started.instance_id)
        answer = await stage.report(task, Outcome.succeeded())

        assert Verdict.LEASE_LOST == answer.verdict
        assert "lease" not in await stage.world.row_counts()
        await stage.assert_whole(started.instance_id)

    async def test_by_leaving_the_state_cancels_the_tasks_bound_to_it(self, stage: Stage) -> None:
        """An invoked task lives as long as its state."""
        await stage.define(specs.CANCELS_ITS_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        await stage.send(started.instance_id, "LEAVE")

        assert Verdict.LEASE_LOST == (await stage.report(task, Outcome.succeeded())).verdict
        assert ["cancelled"] == [t.status_now for t in await stage.tasks(started.instance_id)]
        await stage.assert_whole(started.instance_id)


def _of_ordinal(task: ClaimedTask, ordinal: int) -> Request:
    return Request(
        tenant_id=task.tenant_id,
        instance_id=task.instance_id,
        asked=Report(ordinal=ordinal, epoch=task.epoch, outcome=Outcome.succeeded()),
    )


class TestALongAttempt:
    async def test_is_recorded_as_started_once(self, stage: Stage) -> None:
        """By its first heartbeat, and neither by the next one nor by its outcome again."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()

        await stage.begin(task)
        await stage.begin(task)
        [running] = await stage.tasks(started.instance_id)
        answer = await stage.report(task, Outcome.succeeded())

        assert ("running", stage.session) == (running.status, running.session_id)
        assert Verdict.APPLIED == answer.verdict
        assert 1 == (await stage.types(started.instance_id)).count("TASK_STARTED")
        await stage.assert_whole(started.instance_id)

    async def test_that_vanishes_is_handed_on_and_started_anew(self, stage: Stage) -> None:
        """The next attempt is another: its start is recorded too, and the zombie's outcome not."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [late] = await stage.claim()
        await stage.begin(late)
        await stage.world.move_clock(timedelta(minutes=5))
        await stage.rescue()
        [current] = await stage.claim(session=SessionId(new_uuid7()))

        zombie = await stage.report(late, Outcome.succeeded())
        await stage.report(current, Outcome.succeeded())

        assert Verdict.LEASE_LOST == zombie.verdict
        assert 2 == (await stage.types(started.instance_id)).count("TASK_STARTED")
        await stage.assert_whole(started.instance_id)

    async def test_of_a_system_task_is_not_for_people_to_end(self, stage: Stage) -> None:
        """It runs, but it is not parked: somebody holds it."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()
        await stage.begin(task)

        with pytest.raises(PreconditionFailed) as raised:
            await stage.settle(started.instance_id, task.ordinal)

        assert "TASK_NOT_COMPLETABLE" == raised.value.reason


class TestAFailureFromOutside:
    async def test_that_may_pass_offers_the_task_again(self, stage: Stage) -> None:
        """After the policy's delay, and with a new hand-out."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        [first] = await stage.claim()
        await stage.report(first, Outcome.awaiting())

        await stage.settle_failed(started.instance_id, first.ordinal, retryable=True)
        await stage.world.move_clock(timedelta(minutes=1))
        [second] = await stage.claim()

        assert (2, True) == (second.attempt, first.epoch < second.epoch)
        assert "TASK_RETRY_SCHEDULED" in await stage.types(started.instance_id)
        await stage.assert_whole(started.instance_id)

    async def test_that_may_pass_counts_a_task_nobody_has_claimed_yet(self, stage: Stage) -> None:
        """The person was quicker than any executor; the ready row must not stand twice."""
        await stage.define(specs.REVIEW)
        started = await stage.start()

        await stage.settle_failed(started.instance_id, 1, retryable=True)

        assert {"delayed": 1} == {
            table: count
            for table, count in (await stage.world.row_counts()).items()
            if table in ("ready", "delayed", "lease")
        }
        await stage.assert_whole(started.instance_id)

    async def test_that_will_not_pass_ends_the_task(self, stage: Stage) -> None:
        """And takes its error transition."""
        await stage.define(specs.REVIEW)
        started = await stage.start()

        answer = await stage.settle_failed(started.instance_id, 1, retryable=False)

        assert "completed" == answer.status
        assert ["failed"] == [task.status_now for task in await stage.tasks(started.instance_id)]
        await stage.assert_whole(started.instance_id)


class TestAPersonAndAnExecutorAtOnce:
    @pytest.mark.parametrize("person_first", [True, False])
    async def test_end_the_task_once_whoever_comes_first(
        self, stage: Stage, *, person_first: bool
    ) -> None:
        """In one turn: the executor parks the task, the person completes it."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        [task] = await stage.claim()
        parked = stage.request(
            task.instance_id,
            Report(ordinal=task.ordinal, epoch=task.epoch, outcome=Outcome.awaiting()),
        )
        completed = stage.request(
            task.instance_id,
            Settle(
                ordinal=task.ordinal,
                outcome=Outcome.succeeded({"answer": "yes"}),
                settled_by="ada",
            ),
        )
        both = [completed, parked] if person_first else [parked, completed]

        answers = await stage.orchestrator.submit_all(both)

        assert [] == [answer for answer in answers if isinstance(answer, Exception)]
        instance = await stage.instance(started.instance_id)
        assert ("completed", {"answer": "yes"}) == (instance.status, json.loads(instance.context))
        assert 1 == (await stage.types(started.instance_id)).count("TASK_COMPLETED")
        assert {"lease", "ready", "delayed"}.isdisjoint(await stage.world.row_counts())
        await stage.assert_whole(started.instance_id)
