"""
A script as it is written: `input`, `start`, `mocks` and `steps`.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from control_plane.engine import Machine
from control_plane.engine.actions import OWN_EVENTS
from control_plane.simulation.forms import Form, meant
from control_plane.simulation.limits import (
    EARLIEST,
    LATEST,
    MAX_MOCKS,
    MAX_SPAN,
    MAX_STEPS,
    MAX_WAIT,
)
from control_plane.simulation.script import (
    DEFAULT_START,
    NO_TIME,
    Advance,
    Cancel,
    Conclude,
    Mock,
    MockedAttempt,
    Script,
    Send,
    Step,
)
from shared.documents.document import below
from shared.json import Json
from shared.tasks import Failure, Outcome

SCRIPT_KEYS = ("input", "start", "mocks", "steps")
VERBS = {
    "send": ("payload", "id"),
    "task": ("output", "fail"),
    "advance": (),
    "cancel": (),
}
"""What a step does, and the keys that go with it."""

_FAILURE_KIND = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_MAX_KIND = 64


class ScriptForm(Form):
    """Reads a script for a machine, so that what it does not have is found at once."""

    def script(self, body: dict[str, Json], machine: Machine, extra: Iterable[str]) -> Script:
        """`extra` are the keys that a step may have beside those of its verb."""
        names = {plan.name for plan in machine.task_plans}
        steps = self.items("/steps", body.get("steps", []))
        if len(steps) > MAX_STEPS:
            raise self.invalid("/steps", f"{len(steps)} steps; the limit is {MAX_STEPS}")
        read = [self.step(pointer, value, names, tuple(extra)) for pointer, value in steps]
        return Script(
            input=self.object("/input", body.get("input", {})),
            start=self._start(body),
            mocks=self._mocks(body.get("mocks", {}), names),
            steps=tuple(step for step in read if step is not None),
        )

    def _start(self, body: dict[str, Json]) -> datetime:
        if "start" not in body:
            return DEFAULT_START
        start = self.instant("/start", body["start"])
        if not EARLIEST <= start <= LATEST:
            raise self.invalid(
                "/start", f"a run starts from {EARLIEST:%Y} to {LATEST:%Y}, and not in {start:%Y}"
            )
        return start

    def step(
        self, pointer: str, value: Json, names: set[str], extra: tuple[str, ...]
    ) -> Step | None:
        """One step; None for one that does nothing, which only an expectation may."""
        body = self.object(pointer, value)
        verbs = [key for key in body if key in VERBS]
        if len(verbs) > 1:
            raise self.invalid(
                below(pointer, verbs[1]),
                f"a step does one thing, and this one is to {verbs[0]} already; make it a step"
                " of its own",
            )
        known = (*verbs, *(VERBS[verbs[0]] if verbs else ()), *extra)
        self.object(pointer, body, known if verbs else (*VERBS, *extra))
        if not verbs:
            if "expect" not in body:
                raise self.invalid(pointer, f"a step needs one of: {', '.join(VERBS)}")
            return None
        verb = verbs[0]
        given, at = body[verb], below(pointer, verb)
        if verb == "send":
            return self._send(pointer, at, given, body)
        if verb == "task":
            return Conclude(
                task=self._task(at, given, names), outcome=self._outcome(pointer, body, names=True)
            )
        if verb == "advance":
            return Advance(by=self.duration(at, given))
        reason = self.text(at, given)
        if not reason:
            raise self.invalid(at, "say why it is cancelled")
        return Cancel(reason=reason)

    def _send(self, pointer: str, at: str, given: Json, body: dict[str, Json]) -> Send:
        kind = self.text(at, given)
        if not kind or kind.startswith(OWN_EVENTS):
            raise self.invalid(
                at,
                f"{kind!r} is one of the engine's own events; advance the time or end a task"
                " instead, and it comes",
            )
        # Every event has an id; one that nobody named is named after its step.
        identifier = body.get("id", f"step-{pointer.rpartition('/')[2]}")
        return Send(
            type=kind,
            payload=self.object(below(pointer, "payload"), body.get("payload", {})),
            event_id=self.text(below(pointer, "id"), identifier),
        )

    def _task(self, at: str, given: Json, names: set[str]) -> str | int:
        if isinstance(given, str):
            self._check_name(at, given, names)
            return given
        if isinstance(given, int) and not isinstance(given, bool):
            return given
        raise self.invalid(at, "name the task, or give its number within the instance")

    def _check_name(self, at: str, name: str, names: set[str]) -> None:
        if name not in names:
            raise self.invalid(
                at, f"the definition has no task {name!r}; {meant(name, sorted(names))}"
            )

    def _mocks(self, value: Json, names: set[str]) -> dict[str, Mock]:
        mocks = self.object("/mocks", value)
        for name in mocks:
            self._check_name(below("/mocks", name), name, names)
        return {name: self._mock(below("/mocks", name), mock) for name, mock in mocks.items()}

    def _mock(self, pointer: str, value: Json) -> Mock:
        if isinstance(value, dict) and "each" in value:
            self.object(pointer, value, ("each",))
            items = self.items(below(pointer, "each"), value["each"])
            self._check_count(pointer, items)
            return Mock(each=tuple(self._attempts(at, item) for at, item in items))
        return Mock(attempts=self._attempts(pointer, value))

    def _attempts(self, pointer: str, value: Json) -> tuple[MockedAttempt, ...]:
        if not isinstance(value, list):
            return (self._attempt(pointer, value),)
        items = self.items(pointer, value)
        self._check_count(pointer, items)
        return tuple(self._attempt(at, item) for at, item in items)

    def _check_count(self, pointer: str, items: list[Any]) -> None:
        if not 0 < len(items) <= MAX_MOCKS:
            raise self.invalid(pointer, f"a mock has at least one outcome, and at most {MAX_MOCKS}")

    def _attempt(self, pointer: str, value: Json) -> MockedAttempt:
        body = self.object(pointer, value, ("output", "fail", "takes"))
        takes = NO_TIME
        if "takes" in body:
            takes = self._length(below(pointer, "takes"), body["takes"], MAX_SPAN)
        return MockedAttempt(outcome=self._outcome(pointer, body, names=False), takes=takes)

    def _outcome(self, pointer: str, body: dict[str, Json], *, names: bool) -> Outcome:
        if ("output" in body) == ("fail" in body):
            what = "the end of a task" if names else "an outcome"
            raise self.invalid(pointer, f"{what} has either an `output` or a `fail`")
        if "output" in body:
            return Outcome.succeeded(body["output"])
        return Outcome.failed(self._failure(below(pointer, "fail"), body["fail"]))

    def _failure(self, pointer: str, value: Json) -> Failure:
        """A failure, or its kind alone."""
        if isinstance(value, str):
            return Failure(kind=self._kind(pointer, value), message="")
        body = self.object(
            pointer, value, ("kind", "message", "retryable", "details", "retryAfter")
        )
        if "kind" not in body:
            raise self.invalid(pointer, "a failure has a `kind`, such as http.status")
        return Failure(
            kind=self._kind(below(pointer, "kind"), body["kind"]),
            message=self.text(below(pointer, "message"), body.get("message", "")),
            retryable=self.boolean(below(pointer, "retryable"), body.get("retryable", True)),
            details=body.get("details"),
            retry_after=self._length(below(pointer, "retryAfter"), body["retryAfter"], MAX_WAIT)
            if "retryAfter" in body
            else None,
        )

    def _length(self, pointer: str, value: Json, longest: timedelta) -> timedelta:
        length = self.length(pointer, value)
        if length > longest:
            raise self.invalid(pointer, f"this is longer than {longest.days} days")
        return length

    def _kind(self, pointer: str, value: Json) -> str:
        kind = self.text(pointer, value)
        if not _FAILURE_KIND.fullmatch(kind) or len(kind) > _MAX_KIND:
            raise self.invalid(
                pointer,
                f"{kind!r} is no kind of failure: a dotted word in lower case, such as"
                " payment.declined",
            )
        return kind
