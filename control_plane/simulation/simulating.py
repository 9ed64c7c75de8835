"""
Play a script on the engine: no server, no clock, no chance. The same script gives the same
result, whenever and wherever it is played.
"""

from datetime import UTC, datetime

from control_plane.engine import Machine, Received
from control_plane.simulation import asking
from control_plane.simulation.instance import MayGoOn, SimulatedInstance, Stopped
from control_plane.simulation.limits import MAX_SPAN, MAX_STEPS
from control_plane.simulation.mocking import Mocks
from control_plane.simulation.passing import pass_time
from control_plane.simulation.result import ERROR_KEYS, PlayedStep, Refused, Seen, Simulation
from control_plane.simulation.script import Advance, Cancel, Conclude, Script, Send, Step
from shared.json import Json


def _for_ever() -> bool:
    return True


def simulate(
    machine: Machine, script: Script, *, trace: bool = True, may_go_on: MayGoOn = _for_ever
) -> Simulation:
    """
    The run of one instance: its start, then every step of the script.

    After each step, everything that is due at that instant has happened. A step that is
    refused changes nothing, and the next one is played all the same. `may_go_on` is asked
    before each decision. Never raises for what a script says; a limit ends the run, and
    `Simulation.stopped` says which.
    """
    instance = SimulatedInstance(
        machine, Mocks(script.mocks), script.start, traced=trace, may_go_on=may_go_on
    )
    played: list[PlayedStep] = []
    steps: tuple[Step | None, ...] = (None, *script.steps)
    for number, step in enumerate(steps):
        disposition: str | None = None
        refused: Refused | None = None
        stopped: str | None = None
        try:
            disposition, refused = _take(instance, script, number, step)
            pass_time(instance, instance.now)
        except Stopped as stop:
            stopped = str(stop)
        played.append(_played(instance, step, disposition, refused))
        if stopped is not None:
            return Simulation(steps=tuple(played), stopped=stopped)
    return Simulation(steps=tuple(played))


def _take(
    instance: SimulatedInstance, script: Script, number: int, step: Step | None
) -> tuple[str | None, Refused | None]:
    if number > MAX_STEPS:
        raise Stopped(f"steps of one script: more than {MAX_STEPS}; make it shorter")
    match step:
        case None:
            return None, asking.start(instance, script.input)
        case Send(type=kind, payload=payload, event_id=event_id):
            return asking.send(instance, Received(type=kind, payload=payload, event_id=event_id))
        case Conclude(task=task, outcome=outcome):
            return None, asking.conclude(instance, task, outcome)
        case Advance():
            pass_time(instance, _end_of(step, instance.now, script.start))
        case Cancel(reason=reason):
            return None, asking.cancel(instance, reason)
    return None, None


def _end_of(step: Advance, now: datetime, start: datetime) -> datetime:
    try:
        until = step.by.after(now)
    except OverflowError:
        until = datetime.max.replace(tzinfo=UTC)
    if until - start > MAX_SPAN:
        raise Stopped(
            f"virtual time of one run: it may get {MAX_SPAN.days} days from its start, and not"
            f" {(until - start).days}"
        )
    return until


def _played(
    instance: SimulatedInstance,
    step: Step | None,
    disposition: str | None,
    refused: Refused | None,
) -> PlayedStep:
    happenings, instance.happened = tuple(instance.happened), []
    snapshot = instance.snapshot
    history = tuple(entry for one in happenings for entry in one.history)
    seen = Seen(refused=refused, history=history)
    if snapshot is not None:
        seen = Seen(
            status=instance.status,
            state=instance.state,
            context=snapshot.context,
            output=snapshot.output,
            error=_told(snapshot.error),
            tasks=tuple(one.view() for _, one in sorted(instance.attempts.items())),
            accepts=instance.machine.accepts(snapshot),
            disposition=disposition,
            refused=refused,
            history=history,
        )
    return PlayedStep(
        step=step,
        at=instance.now,
        happenings=happenings,
        seen=seen,
        timers=instance.timers(),
        deferred=tuple(event.type for event in instance.inbox),
    )


def _told(error: dict[str, Json] | None) -> Json:
    """Of the instance's error what clients get; its history has the rest."""
    return None if error is None else {key: error.get(key, "") for key in ERROR_KEYS}
