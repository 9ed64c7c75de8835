"""
How attempts begin and end. The runtime's own rules: a failed attempt is followed by another
as its task's retry policy says, here without chance, at the longest back-off.
"""

from datetime import timedelta

from control_plane.engine import TaskFailed, TaskSucceeded
from control_plane.simulation.attempts import Attempts
from control_plane.simulation.instance import SimulatedInstance
from shared.json import Json
from shared.retry import TryAgain, after_failure
from shared.tasks import Failure, Outcome


def begin_attempt(instance: SimulatedInstance, attempts: Attempts) -> None:
    instance.count()
    now, due = instance.now, attempts.run_at
    if attempts.is_timer:
        done = Outcome.succeeded({"due": None if due is None else due.isoformat()})
        attempts.begin(now, done, now)
    else:
        mocked = instance.mocks.next(attempts.name, attempts.open_task.place, attempts.attempt + 1)
        if mocked is None:
            attempts.begin(now, None, now)
        else:
            attempts.begin(now, mocked.outcome, now + mocked.takes)
    if not attempts.is_child:
        instance.record("TASK_STARTED", attempts.ordinal, {"attempt": attempts.attempt})
    if attempts.ends is None or attempts.ends[0] - now > timedelta():
        instance.note(
            "waiting",
            subject=attempts.name,
            ordinal=attempts.ordinal,
            attempt=attempts.attempt,
        )


def end_attempt(instance: SimulatedInstance, attempts: Attempts, outcome: Outcome) -> None:
    if outcome.failure is None:
        _end_task(
            instance, attempts, TaskSucceeded(ordinal=attempts.ordinal, output=outcome.output)
        )
    else:
        _fail_or_retry(instance, attempts, outcome.failure)
    instance.retry_deferred()


def _fail_or_retry(instance: SimulatedInstance, attempts: Attempts, failure: Failure) -> None:
    follows = after_failure(attempts.policy, attempts.attempt, failure, chance=0)
    error = failure.as_json()
    if not isinstance(follows, TryAgain):
        _end_task(instance, attempts, TaskFailed(ordinal=attempts.ordinal, error=error), error)
        return
    instance.count()
    run_at = instance.now + follows.delay
    attempts.again(run_at, instance.now)
    payload: dict[str, Json] = {
        "attempt": attempts.attempt,
        "max_attempts": attempts.policy.max_attempts,
        "error": error,
        "run_at": run_at.isoformat(),
    }
    instance.record("TASK_RETRY_SCHEDULED", attempts.ordinal, payload)
    instance.note(
        "attempt",
        subject=attempts.name,
        ordinal=attempts.ordinal,
        attempt=attempts.attempt,
        error=error,
        run_at=run_at,
    )


def _end_task(
    instance: SimulatedInstance,
    attempts: Attempts,
    event: TaskSucceeded | TaskFailed,
    error: Json = None,
) -> None:
    del instance.attempts[attempts.ordinal]
    instance.keep(
        instance.decide(event),
        "task",
        subject=attempts.name,
        ordinal=attempts.ordinal,
        attempt=attempts.attempt,
        payload=event.output if isinstance(event, TaskSucceeded) else None,
        error=error,
    )
