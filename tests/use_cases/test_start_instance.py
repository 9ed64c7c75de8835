"""Starting instead of a live instance: what happens when others are at it too."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import Cancel, OnClosed, OnRunning, Request, Start
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.reader import Reader
from control_plane.ports.records import InstanceStatus
from control_plane.use_cases.start_instance import (
    MAX_REPLACEMENTS,
    StartedInstance,
    StartOf,
    start_instance,
)
from shared.errors import AlreadyExists, FoliotError, PreconditionFailed
from shared.ids import InstanceId, TenantId, new_instance_id

ACME = TenantId("acme")
HOLDER = new_instance_id()
WANTED = StartOf(
    definition_key="order",
    definition_id=None,
    business_key="7",
    input=None,
    labels={},
    on_running=OnRunning.CANCEL_EXISTING,
    on_closed=OnClosed.REJECT,
    request_id="",
)


def answer(instance_id: InstanceId, status: InstanceStatus, *, created: bool = False) -> Answer:
    return Answer(instance_id=instance_id, revision=1, status=status, state='"a"', created=created)


def in_use(status: InstanceStatus = "running") -> AlreadyExists:
    return AlreadyExists(
        "in use",
        reason="BUSINESS_KEY_IN_USE",
        metadata={"instance_id": str(HOLDER), "status": status},
    )


class Script:
    """An orchestrator that gives prepared answers, and a reader that finds whatever is asked."""

    def __init__(self, *answers: Answer | FoliotError | None) -> None:
        """None starts the instance that was asked for."""
        self._answers = list(answers)
        self.asked: list[Start | Cancel] = []

    async def submit(self, request: Request) -> Answer:
        assert isinstance(request.asked, Start | Cancel)
        self.asked.append(request.asked)
        prepared = self._answers.pop(0)
        if isinstance(prepared, FoliotError):
            raise prepared
        return prepared or answer(request.instance_id, "running", created=True)

    async def submit_all(self, _requests: Sequence[Request]) -> list[Answer | FoliotError]:
        raise AssertionError("a start is submitted alone")

    async def get_instance(self, _tenant_id: TenantId, instance_id: InstanceId) -> Any:
        return instance_id

    async def start(self) -> StartedInstance:
        return await start_instance(
            self,
            cast("Reader", self),
            cast("DefinitionStore", None),
            ACME,
            WANTED,
            started_by="ada",
        )

    @property
    def policies(self) -> list[OnClosed | str]:
        """Of each start its on_closed, of each cancel its reason."""
        return [one.on_closed if isinstance(one, Start) else one.reason for one in self.asked]


class TestAStartInsteadOfALiveInstance:
    async def test_cancels_it_and_may_follow_it(self) -> None:
        """The caller's on_closed is about instances that ended otherwise."""
        script = Script(in_use(), answer(HOLDER, "cancelled"), None)

        started = await script.start()

        assert started.created
        assert [
            OnClosed.REJECT,
            "replaced by a newer start",
            OnClosed.ALLOW,
        ] == script.policies

    async def test_that_ended_by_itself_meanwhile_keeps_to_on_closed(self) -> None:
        """Nothing was replaced: a completed order is not to be done again."""
        closed = PreconditionFailed("ended", reason="INSTANCE_CLOSED")
        script = Script(in_use(), closed, in_use("completed"))

        with pytest.raises(AlreadyExists) as refused:
            await script.start()

        assert "completed" == refused.value.metadata["status"]
        assert OnClosed.REJECT == script.policies[-1]

    async def test_that_compensates_first_is_refused_until_it_has(self) -> None:
        """It keeps its key till its end, and nobody waits for that inside a call."""
        script = Script(in_use(), answer(HOLDER, "running"))

        with pytest.raises(AlreadyExists, match="compensations") as refused:
            await script.start()

        assert ("BUSINESS_KEY_IN_USE", str(HOLDER)) == (
            refused.value.reason,
            refused.value.metadata["instance_id"],
        )

    async def test_gives_up_when_others_are_always_faster(self) -> None:
        """Two callers that replace each other's instances must not do so for ever."""
        others: list[Answer | FoliotError] = [
            in_use(),
            answer(HOLDER, "cancelled"),
        ] * MAX_REPLACEMENTS
        script = Script(*others, in_use())

        with pytest.raises(AlreadyExists):
            await script.start()

        assert MAX_REPLACEMENTS == sum(isinstance(one, Cancel) for one in script.asked)

    async def test_tells_what_else_went_wrong_with_the_cancel(self) -> None:
        """Only an end that came first is no reason to stop."""
        failed = PreconditionFailed("an exit action failed", reason="EXPRESSION_FAILED")
        script = Script(in_use(), failed)

        with pytest.raises(PreconditionFailed, match="exit action"):
            await script.start()

    async def test_refused_for_another_reason_cancels_nothing(self) -> None:
        """A request id that was used otherwise is no business key."""
        script = Script(AlreadyExists("used", reason="IDEMPOTENCY_MISMATCH"))

        with pytest.raises(AlreadyExists, match="used"):
            await script.start()

        assert 1 == len(script.asked)
