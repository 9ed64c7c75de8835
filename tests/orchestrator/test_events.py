"""Events: in order, once, and refused with a reason."""

import asyncio
import json

import pytest

from shared.errors import AlreadyExists, Conflict, NotFound, PreconditionFailed
from shared.ids import new_instance_id
from tests.orchestrator import specs
from tests.orchestrator.stage import Stage


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
