"""Scripts from the wire: what happens to the instance of a simulation."""

from dataclasses import replace
from datetime import UTC, timedelta

from foliot.v1 import definition_service_pb2, simulation_pb2
from google.protobuf.duration_pb2 import Duration as DurationMessage

from control_plane.api.mapping.failures import failure_from
from control_plane.api.mapping.texts import text_of
from control_plane.api.mapping.times import length_of
from control_plane.engine.durations import Duration
from control_plane.simulation import (
    DEFAULT_START,
    Advance,
    Cancel,
    Conclude,
    Mock,
    MockedAttempt,
    Script,
    Send,
    Step,
)
from control_plane.simulation.limits import EARLIEST, LATEST, MAX_SPAN, MAX_WAIT
from control_plane.use_cases import fields
from control_plane.use_cases.fail_task import check_failure
from shared.errors import InvalidRequest, LimitExceeded
from shared.tasks import Outcome

MAX_STEPS = 200
MAX_MOCKS = 200
MAX_ATTEMPTS = 1_000
MAX_TASK_NAME = 200


def script_from(request: definition_service_pb2.SimulateDefinitionRequest) -> Script:
    """Raises InvalidRequest or LimitExceeded, each with the field."""
    _check_count("steps", len(request.steps), MAX_STEPS)
    _check_count("mocks", len(request.mocks), MAX_MOCKS)
    start = DEFAULT_START
    if request.HasField("start_time"):
        try:
            start = request.start_time.ToDatetime(UTC)
        except (ValueError, OverflowError) as error:
            raise InvalidRequest("start_time is no time there is", field="start_time") from error
        if not EARLIEST <= start <= LATEST:
            raise InvalidRequest(
                f"start_time {start.isoformat()} is not between {EARLIEST:%Y} and {LATEST:%Y}",
                field="start_time",
            )
    return Script(
        input=fields.json_object(text_of(request, "input"), "input"),
        steps=tuple(_step(one, f"steps[{index}]") for index, one in enumerate(request.steps)),
        mocks={name: _mock(one, f"mocks[{name!r}]") for name, one in request.mocks.items()},
        start=start,
    )


def _step(message: simulation_pb2.SimulationStep, field: str) -> Step:
    match message.WhichOneof("step"):
        case "event":
            event = message.event
            kind = fields.event_type(event.type, f"{field}.event.type")
            given = fields.text(
                event.event_id, f"{field}.event.event_id", longest=fields.MAX_EVENT_ID
            )
            payload = fields.json_object(text_of(event, "payload"), f"{field}.event.payload")
            # Every event has an id; one that nobody named is named after its step.
            return Send(type=kind, payload=payload, event_id=given or field)
        case "task":
            return _conclusion(message.task, f"{field}.task")
        case "advance_duration":
            length = _length(message.advance_duration, f"{field}.advance_duration")
            return Advance(by=Duration(0, length))
        case "cancel":
            return Cancel(
                reason=fields.required(message.cancel, f"{field}.cancel", longest=fields.MAX_REASON)
            )
        case _:
            raise InvalidRequest(
                f"{field} does nothing; set event, task, advance_duration or cancel", field=field
            )


def _conclusion(message: simulation_pb2.SimulationStep.Conclusion, field: str) -> Conclude:
    which = message.WhichOneof("task")
    if which is None:
        raise InvalidRequest(f"{field} names no task; set name or ordinal", field=field)
    task = (
        message.ordinal
        if which == "ordinal"
        else fields.required(message.name, f"{field}.name", longest=MAX_TASK_NAME)
    )
    return Conclude(task=task, outcome=_outcome(message.outcome, f"{field}.outcome"))


def _mock(message: simulation_pb2.TaskMock, field: str) -> Mock:
    if bool(message.attempts) == bool(message.each):
        raise InvalidRequest(f"{field} has either attempts or each", field=field)
    _check_count(f"{field}.each", len(message.each), MAX_ATTEMPTS)
    return Mock(
        attempts=_attempts(message, field),
        each=tuple(
            _attempts(item, f"{field}.each[{index}]", required=True)
            for index, item in enumerate(message.each)
        ),
    )


def _attempts(
    message: simulation_pb2.TaskMock | simulation_pb2.TaskMock.Item,
    field: str,
    *,
    required: bool = False,
) -> tuple[MockedAttempt, ...]:
    _check_count(f"{field}.attempts", len(message.attempts), MAX_ATTEMPTS)
    if required and not message.attempts:
        raise InvalidRequest(f"{field} has no attempts", field=field)
    return tuple(
        MockedAttempt(
            outcome=_outcome(one, f"{field}.attempts[{index}]"),
            takes=_length(one.duration, f"{field}.attempts[{index}].duration", MAX_SPAN),
        )
        for index, one in enumerate(message.attempts)
    )


def _outcome(message: simulation_pb2.MockedAttempt, field: str) -> Outcome:
    match message.WhichOneof("outcome"):
        case "output":
            return Outcome.succeeded(
                fields.json_value(text_of(message, "output"), f"{field}.output")
            )
        case "failure":
            failure = check_failure(failure_from(message.failure), f"{field}.failure")
            if message.HasField("retry_after"):
                wait = _length(message.retry_after, f"{field}.retry_after", MAX_WAIT)
                failure = replace(failure, retry_after=wait)
            return Outcome.failed(failure)
        case _:
            raise InvalidRequest(f"{field} has no outcome; set output or failure", field=field)


def _length(message: DurationMessage, field: str, longest: timedelta = timedelta.max) -> timedelta:
    """A duration that is not negative; none is no time at all."""
    length = length_of(message, field)
    if length < timedelta():
        raise InvalidRequest(f"{field} is negative; time does not go back", field=field)
    if length > longest:
        raise InvalidRequest(f"{field} is longer than {longest.days} days", field=field)
    return length


def _check_count(what: str, actual: int, maximum: int) -> None:
    if actual > maximum:
        raise LimitExceeded(what, actual=actual, maximum=maximum, field=what.partition("[")[0])
