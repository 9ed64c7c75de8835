"""What becomes of outcomes that cannot be settled now."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from control_plane.adapters.memory.ai_desk import MemoryAiDesk
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.orchestrator.answer import Answer, Verdict
from control_plane.orchestrator.request import Report, Request
from control_plane.use_cases.fail_task import FailureOf
from control_plane.use_cases.report_outcomes import (
    Failed,
    Reported,
    Result,
    Succeeded,
    report_outcomes,
)
from shared.errors import FoliotError, InvalidRequest, Overloaded
from shared.ids import TenantId, new_instance_id, task_id

TENANT = TenantId("acme")
NO_AI_TASKS = MemoryAiDesk(MemoryDatabase())


class Scripted:
    """An orchestrator that answers as it was told, and keeps what it was asked."""

    def __init__(self, *answers: Verdict | FoliotError) -> None:
        self._answers = answers
        self.requests: list[Request] = []

    async def submit(self, request: Request) -> Answer:
        raise NotImplementedError

    async def submit_all(self, requests: Sequence[Request]) -> list[Answer | FoliotError]:
        self.requests += requests
        return [
            answer
            if isinstance(answer, FoliotError)
            else Answer(
                instance_id=request.instance_id,
                revision=1,
                status="running",
                state='"a"',
                verdict=answer,
            )
            for answer, request in zip(self._answers, requests, strict=True)
        ]


def reported(
    output: str | None = "1", *, tenant_id: str = TENANT, result: Result = None
) -> Reported:
    return Reported(
        tenant_id=tenant_id,
        task_id=task_id(new_instance_id(), 1),
        epoch=1,
        result=result or Succeeded(output=output),
    )


class TestAnOutcomeThatMetAnErrorThatWillPass:
    async def test_has_no_ack_while_the_others_have_theirs(self) -> None:
        """What is not acknowledged is sent again; what is must not be."""
        busy = Overloaded("busy", retry_in=timedelta(seconds=1))
        first, second = reported(), reported()

        told = await report_outcomes(Scripted(busy, Verdict.APPLIED), NO_AI_TASKS, [first, second])

        assert [(second.task_id, Verdict.APPLIED)] == [(a.task_id, a.verdict) for a in told.acks]
        assert busy is told.resend


class TestAMalformedOutcome:
    async def test_ends_its_attempt_as_failed_for_good(self) -> None:
        """The same result would come out malformed again, so there is no other attempt."""
        orchestrator = Scripted(Verdict.APPLIED)

        told = await report_outcomes(orchestrator, NO_AI_TASKS, [reported("{")])

        (asked,) = [request.asked for request in orchestrator.requests]
        assert isinstance(asked, Report)
        assert asked.outcome.failure is not None
        assert ("outcome.refused", False) == (
            asked.outcome.failure.kind,
            asked.outcome.failure.retryable,
        )
        assert [Verdict.REFUSED] == [ack.verdict for ack in told.acks]

    async def test_of_a_lost_lease_is_lost_first_of_all(self) -> None:
        """Whoever has no lease any more need not hear what was wrong with the result."""
        told = await report_outcomes(Scripted(Verdict.LEASE_LOST), NO_AI_TASKS, [reported("{")])

        assert [Verdict.LEASE_LOST] == [ack.verdict for ack in told.acks]

    @pytest.mark.parametrize("retryable", [True, False])
    @pytest.mark.parametrize(
        ("kind", "message", "details"),
        [
            ("PaymentDeclined", "", None),
            ("k", "a\0b", None),
            ("k", "", "{"),
            ("k", "", '"\\u0000"'),
        ],
        ids=["its kind", "its message", "no JSON", "NUL in its details"],
    )
    async def test_that_was_a_failure_is_as_final_as_its_sender_said(
        self, kind: str, message: str, details: str | None, retryable: bool
    ) -> None:
        """How badly a failure is put says nothing of whether another attempt may do better."""
        orchestrator = Scripted(Verdict.APPLIED)
        sent = FailureOf(kind=kind, message=message, retryable=retryable, details=details)

        told = await report_outcomes(
            orchestrator, NO_AI_TASKS, [reported(result=Failed(failure=sent, retry_after=None))]
        )

        (asked,) = [request.asked for request in orchestrator.requests]
        assert isinstance(asked, Report)
        assert asked.outcome.failure is not None
        assert ("outcome.refused", retryable) == (
            asked.outcome.failure.kind,
            asked.outcome.failure.retryable,
        )
        assert [Verdict.REFUSED] == [ack.verdict for ack in told.acks]


class TestAnOutcomeThatCannotBeAskedFor:
    @pytest.mark.parametrize("tenant_id", ["", "a\0b", "t" * 64], ids=["none", "NUL", "long"])
    async def test_is_refused_and_the_others_are_not(self, tenant_id: str) -> None:
        """What names no tenant reaches no orchestrator, nor a database that stores no NUL."""
        orchestrator = Scripted(Verdict.APPLIED)

        told = await report_outcomes(
            orchestrator, NO_AI_TASKS, [reported(tenant_id=tenant_id), reported(tenant_id="t" * 63)]
        )

        assert [Verdict.REFUSED, Verdict.APPLIED] == [ack.verdict for ack in told.acks]
        assert isinstance(told.acks[0].error, InvalidRequest)
        assert ("tenant_id", ["t" * 63]) == (
            told.acks[0].error.field,
            [request.tenant_id for request in orchestrator.requests],
        )


class TestAnOutcomeThatMetABug:
    async def test_is_refused_with_its_error_and_the_others_are_not(self) -> None:
        """One bad apple must not be sent again for ever, with all the others of its batch."""
        bug = FoliotError("a bug")

        told = await report_outcomes(
            Scripted(bug, Verdict.APPLIED), NO_AI_TASKS, [reported(), reported()]
        )

        assert [(Verdict.REFUSED, bug), (Verdict.APPLIED, None)] == [
            (ack.verdict, ack.error) for ack in told.acks
        ]
        assert told.resend is None
