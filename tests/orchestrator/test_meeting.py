"""What meets in one turn or crosses between two: each was once a way to lose or to repeat work."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from control_plane.orchestrator import (
    Answer,
    Cancel,
    Expire,
    Report,
    Request,
    Send,
    Settle,
    Verdict,
)
from control_plane.orchestrator.request import Asked
from shared.errors import FoliotError
from shared.ids import SessionId, new_uuid7
from shared.tasks import ClaimedTask, Outcome
from tests.contract.worlds import PostgresWorld
from tests.orchestrator import specs
from tests.orchestrator.stage import Stage

ANSWERS_WITHIN_S = 10.0

WORDS: dict[str, Any] = {
    "id": "order",
    "context": {"seen": ""},
    "initial": "open",
    "states": {
        "open": {
            "on": {
                "SAY": {
                    "actions": {
                        "type": "@assign",
                        "context": {"seen": {"@expr": "context.seen + event.word"}},
                    }
                }
            }
        }
    },
}


def expire(stage: Stage, task: ClaimedTask) -> Request:
    return stage.request(task.instance_id, Expire(ordinal=task.ordinal, epoch=task.epoch))


def say(word: str) -> Send:
    return Send(event_id=f"say-{word}", type="SAY", payload={"word": word})


class TestARequestThatIsAskedTwice:
    async def test_is_answered_twice(self, stage: Stage) -> None:
        """A caller's loop over what it has may name one object again; it must not wait for ever."""
        await stage.define(WORDS)
        started = await stage.start()
        request = stage.request(started.instance_id, say("again"))

        async with asyncio.timeout(ANSWERS_WITHIN_S):
            first, second = await stage.orchestrator.submit_all([request, request])

        assert isinstance(first, Answer)
        assert isinstance(second, Answer)
        assert (False, True) == (first.duplicate, second.duplicate)


class TestALeaseThatExpiresInTheTurnOfSomethingElse:
    async def test_undoes_no_outcome(self, stage: Stage) -> None:
        """After an outage the executor resends while the rescuer sweeps: both come at once."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()
        reported = stage.request(
            task.instance_id,
            Report(ordinal=task.ordinal, epoch=task.epoch, outcome=Outcome.succeeded(1)),
        )

        [answer, _] = await stage.orchestrator.submit_all([reported, expire(stage, task)])

        assert getattr(answer, "verdict", None) is Verdict.APPLIED
        assert ["succeeded"] == [t.status_now for t in await stage.tasks(started.instance_id)]
        assert [] == await stage.claim(session=SessionId(new_uuid7()))
        await stage.assert_whole(started.instance_id)

    async def test_revives_no_cancelled_task(self, stage: Stage) -> None:
        """What is cancelled stays so."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()
        cancelled = stage.request(task.instance_id, Cancel(reason="", cancelled_by="ada"))

        await stage.orchestrator.submit_all([cancelled, expire(stage, task)])

        assert ["cancelled"] == [t.status_now for t in await stage.tasks(started.instance_id)]
        assert [] == await stage.claim(session=SessionId(new_uuid7()))
        await stage.assert_whole(started.instance_id)

    async def test_leaves_the_outcome_after_it_unapplied(self, stage: Stage) -> None:
        """And says so: the lease is lost, the outcome is no duplicate."""
        await stage.define(specs.ONE_TASK)
        await stage.start()
        [task] = await stage.claim()
        reported = stage.request(
            task.instance_id,
            Report(ordinal=task.ordinal, epoch=task.epoch, outcome=Outcome.succeeded(1)),
        )

        [_, answer] = await stage.orchestrator.submit_all([expire(stage, task), reported])

        assert getattr(answer, "verdict", None) is Verdict.LEASE_LOST
        assert 1 == len(await stage.claim(session=SessionId(new_uuid7())))


class TestADeferredEvent:
    async def test_is_seen_by_the_turn_that_deferred_it(self, stage: Stage) -> None:
        """In accepted order, and none is left behind."""
        await stage.define(specs.DEFERRING)
        started = await stage.start()
        opened = Send(event_id="open", type="OPEN", payload={})

        await stage.orchestrator.submit_all(
            [stage.request(started.instance_id, one) for one in (say("1"), opened, say("2"))]
        )

        instance = await stage.instance(started.instance_id)
        assert {"seen": "12"} == json.loads(instance.context)
        assert "inbox" not in await stage.world.row_counts()
        await stage.assert_whole(started.instance_id)

    async def test_is_recorded_once_however_long_it_waits(self, stage: Stage) -> None:
        """A hundred that wait cost a hundred entries, and not one for every pair of them."""
        await stage.define(specs.DEFERRING)
        started = await stage.start()
        for number in range(100):
            await stage.send(started.instance_id, "SAY", {"word": f"{number},"})

        waiting = await stage.instance(started.instance_id)
        await stage.send(started.instance_id, "OPEN")

        assert 103 >= waiting.seq
        instance = await stage.instance(started.instance_id)
        assert "".join(f"{n}," for n in range(100)) == json.loads(instance.context)["seen"]
        await stage.assert_whole(started.instance_id)


class TestAnInstanceThatEndsWithEventsInItsInbox:
    async def test_turns_them_away_in_its_history(self, stage: Stage) -> None:
        """What was accepted is applied, or recorded as rejected with a reason."""
        await stage.define(specs.DEFERRING)
        started = await stage.start()
        await stage.send(started.instance_id, "SAY", {"word": "1"})

        await stage.cancel(started.instance_id)

        assert "inbox" not in await stage.world.row_counts()
        assert "EVENT_REJECTED" == (await stage.types(started.instance_id))[-1]
        await stage.assert_whole(started.instance_id)


class TestATaskFailedByAPerson:
    async def test_again_while_it_waits_for_its_next_attempt_waits_on(self, stage: Stage) -> None:
        """Each failure counts, and one row says when it is due."""
        await stage.define(specs.REVIEW)
        started = await stage.start()

        await stage.settle_failed(started.instance_id, 1, retryable=True)
        await stage.settle_failed(started.instance_id, 1, retryable=True)

        assert 1 == (await stage.world.row_counts())["delayed"]
        await stage.assert_whole(started.instance_id)

    async def test_after_its_holder_vanished_is_handed_out_with_a_new_epoch(
        self, stage: Stage
    ) -> None:
        """The zombie's epoch is never used twice."""
        await stage.define(specs.REVIEW)
        started = await stage.start()
        [lost] = await stage.claim()
        await stage.world.move_clock(timedelta(minutes=5))
        await stage.rescue()
        await stage.settle_failed(started.instance_id, 1, retryable=True)
        await stage.world.move_clock(timedelta(minutes=5))

        [current] = await stage.claim(session=SessionId(new_uuid7()))
        zombie = await stage.report(lost, Outcome.awaiting())

        assert lost.epoch < current.epoch
        assert Verdict.LEASE_LOST == zombie.verdict


class TestABadRequestAmongOthers:
    async def test_fails_alone(self, stage: Stage) -> None:
        """And with an error of ours, whatever kind of bug it met."""
        await stage.define(specs.COUNTER)
        started = await stage.start()
        too_large: Asked = Settle(
            ordinal=10**12, outcome=Outcome.succeeded(), settled_by="somebody"
        )

        answers = await stage.orchestrator.submit_all(
            [
                stage.request(
                    started.instance_id, Send(event_id="", type="ADD", payload={"by": 1})
                ),
                stage.request(started.instance_id, too_large),
                stage.request(
                    started.instance_id, Send(event_id="", type="ADD", payload={"by": 2})
                ),
            ]
        )

        assert [False, True, False] == [isinstance(a, FoliotError) for a in answers]
        assert {"n": 3} == json.loads((await stage.instance(started.instance_id)).context)


@pytest.fixture
async def rival(postgres: PostgresWorld) -> Any:
    """Another writer, who may hold rows as long as it likes."""
    connection = await asyncpg.connect(postgres.url)
    yield connection
    await connection.close()


class TestAnInstanceThatSomebodyElseIsWriting:
    @pytest.fixture
    def world(self, postgres: PostgresWorld) -> PostgresWorld:
        """Only there are rows locked."""
        return postgres

    async def test_is_waited_for_and_the_order_is_kept(
        self, stage: Stage, rival: asyncpg.Connection
    ) -> None:
        """Longer than a quick series of tries would last, with a bug beside it."""
        await stage.define(WORDS)
        started = await stage.start()
        other = await stage.start()
        holding = rival.transaction()
        await holding.start()
        await rival.execute(
            "SELECT FROM foliot.instance WHERE instance_id = $1 FOR UPDATE", started.instance_id
        )
        bug: Asked = Settle(ordinal=10**12, outcome=Outcome.succeeded(), settled_by="somebody")
        requests = [stage.request(started.instance_id, say(str(n))) for n in range(6)]

        answers = asyncio.create_task(
            stage.orchestrator.submit_all([*requests, stage.request(other.instance_id, bug)])
        )
        # For about as long as a slow disk holds a commit: the rival must be seen to hold on.
        await rival.execute("SELECT pg_sleep(0.3)")
        await holding.rollback()
        await answers

        instance = await stage.instance(started.instance_id)
        assert {"seen": "012345"} == json.loads(instance.context)


class TestARowOnItsWayIntoReady:
    @pytest.fixture
    def world(self, postgres: PostgresWorld) -> PostgresWorld:
        """Only there do transactions cross."""
        return postgres

    async def test_that_a_cancel_has_crossed_is_handed_to_nobody(
        self, stage: Stage, rival: asyncpg.Connection
    ) -> None:
        """The cancel's snapshot cannot see the row that the release is about to write."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        [task] = await stage.claim()
        releasing = rival.transaction()
        await releasing.start()
        await rival.execute(
            "SELECT foliot.release($1, $2, $3, $4, $5)",
            stage.session,
            [task.tenant_id],
            [task.instance_id],
            [task.ordinal],
            [task.epoch],
        )

        cancelling = asyncio.create_task(stage.cancel(started.instance_id))
        await rival.execute("SELECT pg_sleep(0.1)")
        await releasing.commit()
        await cancelling

        assert [] == await stage.claim()
        assert {"ready", "lease"}.isdisjoint(await stage.world.row_counts())
