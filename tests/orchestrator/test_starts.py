"""Starts: once each, whole or not at all."""

import asyncio

import pytest

from control_plane.orchestrator import OnClosed, OnRunning
from shared.errors import AlreadyExists, NotFound, PreconditionFailed
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
