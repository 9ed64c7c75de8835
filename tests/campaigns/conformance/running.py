"""
One case: its document is imported by the product, and the engine goes through its script; then
once more with the document that the product writes of what it imported.

Time stands still but for what a script says to wait; a timer that is due fires, the earliest
first, and of those that are due together the one that was armed first.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from control_plane.engine import (
    Decision,
    Event,
    Machine,
    Received,
    Snapshot,
    Started,
    TimerFired,
    check_spec,
    decide,
)
from control_plane.interchange import DocumentUnreadable, read_scxml, write_scxml
from tests.campaigns.conformance.cases import Case

START = datetime(2030, 1, 1, tzinfo=UTC)
PATIENCE = timedelta(minutes=5)
"""How long a case that ends by itself is waited for: longer than any delay in one."""

MAX_TIMERS = 1_000
"""Timers that one wait of a script may fire; a machine that rearms for ever is a finding."""


@dataclass(frozen=True, slots=True)
class Result:
    """`kind` is passed, failed or not converted; `why` says what happened instead."""

    kind: str
    why: str = ""


def run(case: Case) -> Result:
    """Import the document, and go through the script."""
    try:
        imported = read_scxml(case.document)
    except DocumentUnreadable as error:
        return Result("not converted", str(error))
    if imported.refused:
        first = imported.refused[0]
        return Result("not converted", f"{first.what}: {first.why}")
    machine, diagnostics = check_spec(imported.spec)
    if machine is None:
        return Result("failed", f"the spec is refused: {diagnostics[0]}")
    result = _Session(machine).go_through(case)
    return _both_ways(case, imported.spec) if result.kind == "passed" else result


def _both_ways(case: Case, spec: dict[str, Any]) -> Result:
    """Written as SCXML and imported again, the case must pass as it did before."""
    again = read_scxml(write_scxml(spec).text)
    if again.refused:
        return Result("failed", f"what was written is refused: {again.refused[0]}")
    machine, diagnostics = check_spec(again.spec)
    if machine is None:
        return Result("failed", f"what was written gives a spec that is refused: {diagnostics[0]}")
    result = _Session(machine).go_through(case)
    return result if result.kind == "passed" else Result("failed", f"both ways: {result.why}")


class _Session:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._now = START
        self._snapshot: Snapshot | None = None

    def go_through(self, case: Case) -> Result:
        self._tell(Started())
        if case.has_outcome:
            self._wait(PATIENCE)
            problem = self._compare("in the end", ["pass"])
            return Result("passed") if problem is None else Result("failed", problem)
        self._wait(timedelta())
        problem = self._compare("at first", case.script["initialConfiguration"])
        for step in case.script["events"]:
            if problem is not None:
                return Result("failed", problem)
            self._wait(timedelta(milliseconds=step.get("after", 0)))
            event = step["event"]
            self._tell(Received(type=event["name"], payload=event.get("data")))
            self._wait(timedelta())
            problem = self._compare(f"after {event['name']!r}", step["nextConfiguration"])
        return Result("passed") if problem is None else Result("failed", problem)

    def _tell(self, event: Event) -> Decision:
        decision = decide(self._machine, self._snapshot, event, self._now)
        self._snapshot = decision.snapshot
        return decision

    def _wait(self, length: timedelta) -> None:
        until = self._now + length
        for _ in range(MAX_TIMERS):
            assert self._snapshot is not None
            armed = [(timer.due, key) for key, timer in self._snapshot.timers.items()]
            if not armed or min(armed)[0] > until:
                break
            due, timer_id = min(armed)
            self._now = max(self._now, due)
            self._tell(TimerFired(timer_id=timer_id, due=due))
        else:
            raise AssertionError(f"more than {MAX_TIMERS} timers fired without an end")
        self._now = until

    def _compare(self, when: str, wanted: list[str]) -> str | None:
        assert self._snapshot is not None
        snapshot = self._snapshot
        active = sorted(path.rpartition(".")[2] for path in snapshot.configuration)
        renamed: list[Any] = sorted(one.replace(".", "_") for one in wanted)
        if active == renamed:
            return None
        broken = f"; {snapshot.error['message']}" if snapshot.error else ""
        return f"{when}, {active} is active instead of {renamed}{broken}"
