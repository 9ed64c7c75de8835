"""
Named places at which a test lets something go wrong: the process dies or stands still, the
way is slow, an error comes instead of an answer.

    FOLIOT_FAILPOINTS='store.write.after=kill,p=0.01;outbox.*=delay:0.05,nth=3;seed=7'

Rules are parted by semicolons. A rule is a point, or a pattern of points, and an action:

    kill                 SIGKILL to this process, at this instruction
    stop                 SIGSTOP to this process; whoever runs the test sends SIGCONT
    delay:SECONDS        wait; where nothing can be awaited, the whole process waits
    error                raise what the point says goes wrong there
    execute-then-error   of `store.write`: an error at `store.write.after`, so that the
                         operation is carried out and its caller is told that it failed

and on which visits it happens: `p=` with that probability, `nth=` on that visit of the point
(the first is 1), `once` at most once. Without any, always. `seed=` makes the dice repeatable.

Nothing is armed unless a plane in dev mode finds the variable set. A point that is not costs
20 ns, and 80 ns where it is awaited (Python 3.11), a dozen times a turn.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType

from shared.errors import InvalidRequest, Unavailable

VARIABLE = "FOLIOT_FAILPOINTS"
ACTIONS = ("kill", "stop", "delay", "error", "execute-then-error")

_NETWORK = (
    # What a turn reads and writes, statement by statement; a statement is its own commit.
    "store.read.before",
    "store.read.instances",
    "store.read.tasks",
    "store.read.names",
    "store.read.inbox",
    "store.read.deciders",
    "store.write.before",
    "store.write.after",
    # The doorbell.
    "doorbell.publish.before",
    "doorbell.publish.after",
    "doorbell.consume.before",
    "doorbell.consume.after",
)
_PEER = (
    # Claiming on behalf of workers without a database.
    "claims.extend.before",
    "claims.extend.after",
    "claims.claim.before",
    "claims.claim.after",
    "claims.holders.before",
    "claims.beat.before",
    "claims.close.before",
    "claims.close.after",
    # What is due.
    "due.timers.before",
    "due.timers.after",
    "due.ahead.before",
    "due.delayed.before",
    "due.delayed.after",
    "due.expired.before",
    "due.expired.after",
    "due.silent.before",
    "due.silent.after",
    "due.inbox.before",
    "due.inbox.after",
    "inbox.starts.before",
    "inbox.starts.after",
    "inbox.redirect.before",
    "inbox.reject.before",
    "retention.remove.before",
    "retention.remove.after",
    "due.sweep.before",
    "due.sweep.after",
    "due.forget.before",
    "due.forget.after",
    # The executor's own statements.
    "executor.extend.before",
    "executor.extend.after",
    "executor.claim.before",
    "executor.claim.after",
    "executor.release.before",
    "executor.release.after",
    "executor.clear.before",
    "executor.clear.after",
    "executor.close.before",
    "executor.close.after",
    # The stream, from the control plane's side.
    "stream.hello.after",
    "stream.receive.after",
    "stream.report.after",
    "stream.send.before",
    # And from the executor's.
    "executor.hello.before",
    "executor.hello.after",
    "executor.send.before",
    "executor.send.after",
    "executor.receive.after",
    # Whatever repeats.
    "loop.before",
    "loop.after",
    "loop.timers.fired",
    "loop.recalls.noted",
    # Schedules: what is due, what was decided about it, and what that came to.
    "schedules.due.before",
    "schedules.put.before",
    "schedules.put.after",
    "loop.schedules.decided",
    "loop.schedules.started",
)
_PROCESS = (
    # Where an error could only be a bug: these kill, stop and delay.
    "turn.decided",
    "turn.committed",
    "turn.answered",
    "stream.assign.before",
    "bells.ring.before",
    "executor.assign.before",
    "attempt.begin",
    "attempt.end",
    # A call of a model: granted, answered, recorded; and in the control plane, kept and not told.
    "ai.reserved",
    "ai.answered",
    "ai.recorded",
    "ai.desk.reserved",
    "ai.desk.recorded",
    "outbox.keep.before",
    "outbox.keep.after",
    "outbox.forget.before",
    "outbox.forget.after",
)

POINTS: Mapping[str, type[Exception] | None] = MappingProxyType(
    {
        **dict.fromkeys(_NETWORK, ConnectionResetError),
        **dict.fromkeys(_PEER, Unavailable),
        **dict.fromkeys(_PROCESS),
    }
)
"""Every point, and the error that can come there; None where none can."""

Hook = Callable[[], Awaitable[None]]


async def failpoint(name: str) -> None:
    """The place is passed. Raises what is armed for it."""
    if _armed is not None:
        await _armed.visit(name)


def failpoint_now(name: str) -> None:
    """The same, where nothing can be awaited."""
    if _armed is not None:
        _armed.visit_now(name)


@dataclass(slots=True, kw_only=True)
class Rule:
    """What happens at the points of a pattern, and on which visits. `shots` are those left."""

    pattern: str
    action: str
    delay_s: float = 0.0
    probability: float = 1.0
    nth: int = 0
    shots: int | None = None

    def strikes(self, visit: int, dice: random.Random) -> bool:
        if self.shots == 0 or (self.nth and visit != self.nth):
            return False
        if self.probability < 1.0 and dice.random() >= self.probability:
            return False
        if self.shots is not None:
            self.shots -= 1
        return True


@dataclass(slots=True)
class Faults:
    """What is armed, and how often each point was passed."""

    rules: Sequence[Rule]
    dice: random.Random
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)

    async def visit(self, name: str) -> None:
        if name in self.hooks:
            await self.hooks[name]()
        for rule in self._striking(name):
            if rule.action == "delay":
                await asyncio.sleep(rule.delay_s)
            else:
                _strike(rule, name)

    def visit_now(self, name: str) -> None:
        for rule in self._striking(name):
            if rule.action == "delay":
                time.sleep(rule.delay_s)
            else:
                _strike(rule, name)

    def _striking(self, name: str) -> list[Rule]:
        visit = self.visits[name] = self.visits.get(name, 0) + 1
        return [
            rule
            for rule in self.rules
            if fnmatchcase(name, rule.pattern) and rule.strikes(visit, self.dice)
        ]


def _strike(rule: Rule, name: str) -> None:
    if rule.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif rule.action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif (error := POINTS[name]) is not None:
        raise error(f"failpoint {name}")


_armed: Faults | None = None


def arm_from_environment(mode: str) -> None:
    """
    Arm what FOLIOT_FAILPOINTS asks for, at the start of a plane.

    Raises InvalidRequest outside dev mode, and for what is no failpoint.
    """
    global _armed  # noqa: PLW0603 - one table for the process, as the points are everywhere
    text = os.environ.get(VARIABLE, "")
    if not text:
        return
    if mode != "dev":
        raise InvalidRequest(
            f"{VARIABLE} is set: it makes this process fail on purpose. Unset it, or set"
            " FOLIOT_MODE=dev if that is meant",
            field="failpoints",
        )
    _armed = parse(text)


@contextmanager
def armed(text: str = "", hooks: Mapping[str, Hook] | None = None) -> Iterator[Faults]:
    """Arm failpoints of this process for a block. A hook is awaited on each visit of its point."""
    global _armed  # noqa: PLW0603 - as above
    _check(tuple(hooks or ()))
    before = _armed
    faults = parse(text)
    faults.hooks = hooks or {}
    _armed = faults
    try:
        yield faults
    finally:
        _armed = before


def parse(text: str) -> Faults:
    """The faults that a text asks for. Raises InvalidRequest."""
    rules: list[Rule] = []
    dice = random.Random()  # noqa: S311 - chance for tests, guards nothing
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, _, asked = part.partition("=")
        if name == "seed":
            dice.seed(int(_number(asked, part)))
        else:
            rules.append(_rule(name, asked, part))
    return Faults(rules, dice)


def _rule(pattern: str, asked: str, part: str) -> Rule:
    action, *conditions = asked.split(",")
    action, _, seconds = action.partition(":")
    if action not in ACTIONS:
        raise InvalidRequest(
            f"{VARIABLE}: {action!r} in {part!r} is no action; there are {', '.join(ACTIONS)}",
            field="failpoints",
        )
    if action == "execute-then-error":
        pattern, action = f"{pattern}.after", "error"
    _check((pattern,))
    rule = Rule(pattern=pattern, action=action)
    if action == "delay":
        rule.delay_s = _number(seconds, part)
    for condition in conditions:
        word, _, value = condition.partition("=")
        match word:
            case "p":
                rule.probability = _number(value, part)
            case "nth":
                rule.nth = int(_number(value, part))
            case "once":
                rule.shots = 1
            case _:
                raise InvalidRequest(
                    f"{VARIABLE}: {condition!r} in {part!r} is no condition; there are p=, nth="
                    " and once",
                    field="failpoints",
                )
    return rule


def _number(text: str, part: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidRequest(
            f"{VARIABLE}: {part!r} lacks a number, as in delay:0.1, p=0.5, nth=2 or seed=7",
            field="failpoints",
        ) from None


def _check(patterns: Sequence[str]) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in POINTS):
            raise InvalidRequest(
                f"{VARIABLE}: there is no point {pattern!r}; shared/failpoints.py has them all",
                field="failpoints",
            )
