"""Documents around a few lines of SCXML, and what a machine does with a row of events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from control_plane.engine import Event, Received, Started, TimerFired, check_spec, decide
from control_plane.interchange import Imported, read_scxml
from shared.json import Json

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
MAX_TIMERS = 100


def document(inside: str, root: str = "") -> str:
    """An SCXML document that holds these lines; the first of them is line 2."""
    return (
        f'<scxml xmlns="http://www.w3.org/2005/07/scxml" version="1.0" {root}>\n{inside}\n</scxml>'
    )


def read(inside: str, root: str = "") -> dict[str, Any]:
    """The definition of a document that can be said as a whole."""
    imported = read_scxml(document(inside, root))
    assert () == imported.refused
    return imported.spec


def refused(inside: str, root: str = "") -> list[tuple[str, str]]:
    """What is refused of a document, and where."""
    return [(one.what, one.place) for one in imported(inside, root).refused]


def imported(inside: str, root: str = "") -> Imported:
    return read_scxml(document(inside, root))


def play(spec: dict[str, Any], *events: str | tuple[str, Json] | timedelta) -> list[set[str]]:
    """
    The keys of the active leaves, at first and after each event; a timedelta lets time pass.

    Timers that are due fire before anything else happens, in the order of their instants.
    """
    machine, diagnostics = check_spec(spec)
    assert machine is not None, diagnostics
    now = NOW
    snapshot = None
    found: list[set[str]] = []

    def tell(event: Event) -> None:
        nonlocal snapshot
        snapshot = decide(machine, snapshot, event, now).snapshot

    def ring(until: datetime) -> None:
        nonlocal now
        for _ in range(MAX_TIMERS):
            assert snapshot is not None
            due = sorted((timer.due, key) for key, timer in snapshot.timers.items())
            if not due or due[0][0] > until:
                now = until
                return
            now = due[0][0]
            tell(TimerFired(timer_id=due[0][1], due=now))
        raise AssertionError(f"{MAX_TIMERS} timers fired, and more are due")

    steps: list[Event | timedelta] = [Started()]
    for one in events:
        if isinstance(one, timedelta):
            steps.append(one)
        else:
            kind, payload = (one, None) if isinstance(one, str) else one
            steps.append(Received(type=kind, payload=payload))
    for step in steps:
        if isinstance(step, timedelta):
            ring(now + step)
        else:
            tell(step)
            ring(now)
        assert snapshot is not None
        assert snapshot.error is None, snapshot.error
        found.append({path.rpartition(".")[2] for path in snapshot.configuration})
    return found
