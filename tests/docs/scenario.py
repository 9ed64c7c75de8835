"""
Plays a scenario of examples/: tells the engine what happens, and how the instance stands then.

Nothing runs but `decide`: tasks are answered by the scenario, and the clock is moved by it.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from control_plane.engine import (
    Decision,
    Event,
    Received,
    Snapshot,
    Started,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
    compile_spec,
    decide,
    value_of,
)
from control_plane.engine.durations import parse_duration

START = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


class Played:
    """One instance of a scenario's definition, told one thing after the other."""

    def __init__(self, spec: str) -> None:
        self._machine = compile_spec(spec)
        self._now = START
        self._snapshot: Snapshot | None = None
        self._refusal: str | None = None

    def hear(self, moment: dict[str, Any]) -> None:
        """One moment: `start`, `send`, `succeeds`, `fails`, or `wait`."""
        match moment:
            case {"start": given}:
                self._tell(Started(input=given))
            case {"send": kind}:
                self._tell(Received(type=kind, payload=moment.get("payload")))
            case {"succeeds": name}:
                output = moment.get("output")
                self._tell(TaskSucceeded(ordinal=self._ordinal(name), output=output))
            case {"fails": name}:
                error = {"kind": moment["kind"], "message": "", "details": None}
                self._tell(TaskFailed(ordinal=self._ordinal(name), error=error))
            case {"wait": text}:
                length = parse_duration(text)
                assert length is not None, f"{text} is not a duration"
                self._let_pass(length.exact)
            case _:
                raise ValueError(f"nothing happens in {moment}")

    def standing(self, asked: dict[str, Any]) -> dict[str, Any]:
        """How the instance stands, in the words that are asked for."""
        at = self._at()
        facts = {
            "state": value_of(self._machine, at),
            "status": at.status,
            "tasks": [task.name for task in at.tasks.values()],
            "context": at.context,
            "output": at.output,
            "refused": self._refusal,
        }
        return {word: facts[word] for word in asked}

    def _tell(self, event: Event) -> None:
        decision: Decision = decide(self._machine, self._snapshot, event, self._now)
        self._refusal = decision.refusal.message if decision.refusal is not None else None
        self._snapshot = decision.snapshot

    def _let_pass(self, length: timedelta) -> None:
        until = self._now + length
        while due := sorted((one.due, name) for name, one in self._at().timers.items()):
            instant, name = due[0]
            if instant > until:
                break
            self._now = instant
            self._tell(TimerFired(timer_id=name, due=instant))
        self._now = until

    def _ordinal(self, name: str) -> int:
        return next(number for number, task in self._at().tasks.items() if task.name == name)

    def _at(self) -> Snapshot:
        assert self._snapshot is not None, "a scenario begins with start"
        return self._snapshot


def play(path: Path) -> list[tuple[Any, Any]]:
    """What each moment of a scenario should come to, and what it came to."""
    scenario = yaml.safe_load(path.read_text("utf-8"))
    played = Played((path.parent / scenario["definition"]).read_text("utf-8"))
    stands = []
    for moment in scenario["when"]:
        played.hear(moment)
        stands.append((moment["then"], played.standing(moment["then"])))
    return stands
