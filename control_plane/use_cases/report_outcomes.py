"""Take in how attempts ended; the instances react in the same commit."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal, TypeAlias

from control_plane.access.principal import Principal
from control_plane.orchestrator.answer import Answer, Verdict
from control_plane.orchestrator.request import Report, Request
from control_plane.ports.ai_desk import AiDesk
from control_plane.ports.instance_store import TaskKey
from control_plane.use_cases import fields
from control_plane.use_cases.fail_task import FailureOf, check_failure
from control_plane.use_cases.judge_outcome import judge_outcome, may_be_choice
from control_plane.use_cases.submits import Submits
from shared.errors import (
    Conflict,
    FoliotError,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    Overloaded,
    Unavailable,
)
from shared.ids import InstanceId, SessionId, TenantId, parse_task_id
from shared.rpc import MAX_OUTCOMES
from shared.tasks import Failure, Outcome
from shared.telemetry import call_spans, tracing
from shared.telemetry.call_spans import OutcomeTold
from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import Counts, histogram

MAX_RETRY_AFTER = timedelta(hours=24)
MAX_EPOCH = 2**31 - 1

_batches = histogram(Metric.OUTCOME_BATCH)
_verdicts = Counts(Metric.OUTCOMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """`output` is JSON text, None for null."""

    output: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """`retry_after` may be why what was sent is none: that is this outcome's affair alone."""

    failure: FailureOf
    retry_after: timedelta | InvalidRequest | None


Result: TypeAlias = Succeeded | Failed | Literal["awaiting", "cancelled"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """An outcome as it was sent, not looked at yet. `result` is None where none was given."""

    tenant_id: str
    task_id: str
    epoch: int
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """What became of an outcome, for good. `error` tells why it was refused."""

    task_id: str
    epoch: int
    verdict: Verdict
    error: FoliotError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """
    The acks, in the order of the outcomes.

    Where `resend` is set some outcomes have none: they met an error that will pass.
    """

    acks: Sequence[Ack]
    resend: FoliotError | None


async def report_outcomes(
    orchestrator: Submits,
    desk: AiDesk,
    outcomes: Sequence[Reported],
    session_id: SessionId | None = None,
    *,
    by: Principal | None = None,
) -> Acknowledged:
    """
    Each outcome stands for itself; the epoch alone decides whether it counts. What follows
    from them goes to the session first, if it is given and has room.

    A malformed result is refused, and ends its attempt as failed, so that no task hangs:
    for good if it was an output, as its sender said if it was a failure.
    """
    if not outcomes:
        raise InvalidRequest(f"outcomes is empty; send 1 to {MAX_OUTCOMES}", field="outcomes")
    if len(outcomes) > MAX_OUTCOMES:
        raise LimitExceeded(
            "outcomes", actual=len(outcomes), maximum=MAX_OUTCOMES, field="outcomes"
        )
    _batches.observe(len(outcomes))
    came_ns = time.time_ns() if tracing.is_on() else None
    looked_at = [_look_at(one, session_id, by) for one in outcomes]
    for number, one in enumerate(looked_at):
        if one.report is not None and may_be_choice(one.report.outcome):
            looked_at[number] = await _judged(desk, one, one.report)
    requests = [_request(one) for one in looked_at]
    answers = iter(await orchestrator.submit_all([one for one in requests if one is not None]))
    acks: list[Ack] = []
    resend: FoliotError | None = None
    for one, request in zip(looked_at, requests, strict=True):
        if request is None:
            acks.append(_ack(one, Verdict.REFUSED, one.refusal))
            continue
        answer = next(answers)
        if came_ns is not None and isinstance(answer, Answer):
            _trace(one, answer, came_ns)
        if isinstance(answer, Overloaded | Unavailable | Conflict):
            resend = answer
        elif isinstance(answer, NotFound):
            acks.append(_ack(one, Verdict.REFUSED, NotFound("task", one.sent.task_id)))
        elif isinstance(answer, FoliotError):
            acks.append(_ack(one, Verdict.REFUSED, answer))
        elif answer.verdict is Verdict.APPLIED and one.refusal is not None:
            acks.append(_ack(one, Verdict.REFUSED, one.refusal))
        elif answer.verdict is Verdict.REFUSED:
            acks.append(_ack(one, Verdict.REFUSED, NotFound("task", one.sent.task_id)))
        else:
            acks.append(_ack(one, answer.verdict or Verdict.APPLIED, None))
    for verdict, count in Counter(one.verdict for one in acks).items():
        _verdicts.add(verdict.value, count=count)
    return Acknowledged(acks=acks, resend=resend)


@dataclass(frozen=True, slots=True, kw_only=True)
class _LookedAt:
    sent: Reported
    instance_id: InstanceId | None = None
    report: Report | None = None
    refusal: FoliotError | None = None


def _look_at(sent: Reported, session_id: SessionId | None, by: Principal | None) -> _LookedAt:
    try:
        instance_id, ordinal = parse_task_id(sent.task_id)
        fields.required(sent.tenant_id, "tenant_id", longest=fields.MAX_TENANT_ID)
    except FoliotError as error:
        return _LookedAt(sent=sent, refusal=error)
    if not 0 < sent.epoch <= MAX_EPOCH:
        never = InvalidRequest(f"epoch {sent.epoch} was never handed out", field="epoch")
        return _LookedAt(sent=sent, refusal=never)
    refusal: FoliotError | None = None
    try:
        outcome = _outcome(sent.result)
    except FoliotError as error:
        refusal = error
        outcome = Outcome.failed(_refused(sent.result, error))
    return _LookedAt(
        sent=sent,
        instance_id=instance_id,
        report=Report(
            ordinal=ordinal, epoch=sent.epoch, outcome=outcome, session_id=session_id, told_by=by
        ),
        refusal=refusal,
    )


async def _judged(desk: AiDesk, one: _LookedAt, report: Report) -> _LookedAt:
    """An AI task's choice, with what we make of it; what is no AI task's is as it was."""
    assert one.instance_id is not None
    key = TaskKey(TenantId(one.sent.tenant_id), one.instance_id, report.ordinal)
    judged = await judge_outcome(desk, key, report.outcome)
    return one if judged is None else replace(one, report=replace(report, judged=judged))


def _outcome(result: Result) -> Outcome:
    match result:
        case Succeeded():
            return Outcome.succeeded(fields.json_value(result.output, "succeeded.output"))
        case Failed():
            failure = check_failure(result.failure, "failed.failure")
            return Outcome.failed(replace(failure, retry_after=_retry_after(result.retry_after)))
        case "awaiting":
            return Outcome.awaiting()
        case "cancelled":
            return Outcome.cancelled()
        case None:
            raise InvalidRequest("result is required", field="result")


def _refused(result: Result, error: FoliotError) -> Failure:
    """
    The failure in place of a malformed result.

    What the sender could not say well of a failure does not make it final; a malformed
    output does, for the same would come out again.
    """
    retryable = isinstance(result, Failed) and result.failure.retryable
    message = error.message[: fields.MAX_FAILURE_MESSAGE].replace("\0", "")
    return Failure(kind="outcome.refused", message=message, retryable=retryable)


def _retry_after(asked: timedelta | InvalidRequest | None) -> timedelta | None:
    if asked is None:
        return None
    if isinstance(asked, InvalidRequest):
        raise asked
    if not timedelta(0) <= asked <= MAX_RETRY_AFTER:
        raise InvalidRequest(
            f"retry_after {asked} is not from 0 to {MAX_RETRY_AFTER}", field="failed.retry_after"
        )
    return asked


def _request(one: _LookedAt) -> Request | None:
    if one.instance_id is None or one.report is None:
        return None
    return Request(
        tenant_id=TenantId(one.sent.tenant_id), instance_id=one.instance_id, asked=one.report
    )


def _trace(one: _LookedAt, answer: Answer, came_ns: int) -> None:
    assert one.report is not None
    verdict = answer.verdict or Verdict.APPLIED
    call_spans.outcome(
        answer.cause,
        OutcomeTold(
            tenant_id=one.sent.tenant_id,
            task_id=one.sent.task_id,
            epoch=one.sent.epoch,
            instance_id=str(answer.instance_id),
            state=one.report.outcome.state,
            verdict=verdict.value,
            status=answer.status,
            revision=answer.revision,
        ),
        came_ns,
    )


def _ack(one: _LookedAt, verdict: Verdict, error: FoliotError | None) -> Ack:
    return Ack(task_id=one.sent.task_id, epoch=one.sent.epoch, verdict=verdict, error=error)
