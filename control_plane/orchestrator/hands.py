"""
The executors whose streams end here, and how much each would take at once.

A task that a turn creates for one of them is written as held by it, instead of as ready, and
goes down its stream after the commit: there is no bell to ring and nothing to claim. It is a
row of `lease` either way, so what is lost on the way is rescued when its session ends.

Whom it goes to: the executor whose outcome created it, else the next in turn that knows of no
backlog. Under a backlog an instance gets no more than a run from its executor, and everybody
else is served by the claim, which is fair between tenants. What nobody has room for is ready,
and so is what a tenant with limits creates, as the claim counts, or a paused queue gets.

Measured on 2 cores: docs/decisions/0011-eager-hand-back.md.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from control_plane.ports.claims import HeldTask
from control_plane.ports.instance_store import Change, NewTask
from control_plane.ports.records import InstanceKey
from shared.ids import InstanceId, SessionId, TenantId
from shared.tasks import TaskType

MAX_RUN = 16
"""Tasks that one instance gets in a row while others may wait."""

RUN_LASTS_S = 1.0
"""How long such a run lasts at most: tasks that take long need no short way."""

MAX_RUNS = 10_000
"""Runs that are counted for one executor; with more, all begin anew."""

MAX_REFUSED = 10_000
"""Instances that are left to the claim for a turn; with more, those before are tried again."""


class HandedOut(NamedTuple):
    """A task on its way down a stream, by attempt 1 and epoch 1."""

    tenant_id: TenantId
    instance_id: InstanceId
    definition_key: str
    task: NewTask


@dataclass(slots=True)
class _Run:
    since: float
    count: int = 1


@dataclass(slots=True, eq=False, kw_only=True)
class Hand:
    """
    One executor's stream. `deliver` sends tasks down; `give_up` ends it with an error, so that
    the executor looks for what it holds and does not know; `recall` asks it to stop attempts.
    None of them waits or raises.
    """

    session_id: SessionId
    queues: frozenset[str]
    types: frozenset[TaskType]
    deliver: Callable[[Sequence[HandedOut]], None]
    give_up: Callable[[], None]
    recall: Callable[[Sequence[HeldTask]], None]
    limit: int = 0
    """How many tasks it may get in all."""

    has_backlog: bool = False
    """Whether it knows of tasks that are ready, and were before."""

    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it has left, and no turn has a task for it any more."""

    given: int = 0
    is_open: bool = True
    runs: dict[InstanceKey, _Run] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.limit - self.given if self.is_open else 0

    def serves(self, task: NewTask) -> bool:
        return task.queue in self.queues and task.type in self.types

    def may_go_on(self, key: InstanceKey, now: float) -> bool:
        """Whether the instance may have another task of its executor's, past those that wait."""
        if not self.has_backlog:
            self.runs.clear()
            return True
        run = self.runs.get(key)
        if run is None:
            if len(self.runs) >= MAX_RUNS:
                self.runs.clear()
            self.runs[key] = _Run(now)
            return True
        run.count += 1
        if run.count <= MAX_RUN and now - run.since <= RUN_LASTS_S:
            return True
        del self.runs[key]
        return False


class Hands:
    def __init__(
        self,
        is_limited: Callable[[TenantId], bool] = lambda _: False,
        is_paused: Callable[[str], bool] = lambda _: False,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_limited = is_limited
        self._is_paused = is_paused
        self._monotonic = monotonic
        self._by_session: dict[SessionId, Hand] = {}
        # What turns have for a session, whichever stream it has by the time they end.
        self._pending: Counter[SessionId] = Counter()
        self._in_turn: deque[Hand] = deque()
        self._refused: set[InstanceKey] = set()

    def join(self, hand: Hand) -> None:
        """
        From now on it may be handed tasks. It takes the place of its session's last one, and is
        given what turns under way have for that.
        """
        before = self._by_session.get(hand.session_id)
        if before is not None:
            self.drop(before)
        hand.given = self._pending[hand.session_id]
        self._by_session[hand.session_id] = hand
        self._in_turn.append(hand)

    def leave(self, hand: Hand) -> None:
        """It gets no more; what turns under way have for it still goes down its stream."""
        if not hand.is_open:
            return
        hand.is_open = False
        self._in_turn.remove(hand)
        if not self._pending[hand.session_id]:
            self._forget(hand)

    def drop(self, hand: Hand) -> None:
        """Its stream is no more."""
        self.leave(hand)
        self._forget(hand)

    @property
    def is_empty(self) -> bool:
        """Whether no stream ends here."""
        return not self._by_session

    def recall(self, session_id: SessionId, held: Sequence[HeldTask]) -> None:
        """These are not wanted any more; their holder is told, if its stream ends here."""
        hand = self._by_session.get(session_id)
        if hand is not None:
            hand.recall(held)

    # --- what a turn does --------------------------------------------------------------

    def hand_out(
        self, changes: Sequence[Change], reporters: Mapping[InstanceKey, SessionId]
    ) -> Sequence[Change]:
        """
        The changes with those of their new tasks handed out that somebody takes at once.

        The first task of each change comes before the second of any. `reporters` are the
        sessions whose outcomes made the changes. Each change comes back by `deliver`,
        `take_back` or `doubt`.
        """
        if not self._in_turn:
            return changes
        now = self._monotonic()
        handed: dict[int, dict[int, SessionId]] = {}
        without_room: set[tuple[str, TaskType]] = set()
        for number, task in self._claimable(changes):
            key = changes[number].key
            hand = self._own(reporters.get(key), task, key, now)
            if hand is None and (task.queue, task.type) not in without_room:
                hand = self._next(task)
                if hand is None:
                    without_room.add((task.queue, task.type))
            if hand is not None:
                hand.given += 1
                self._pending[hand.session_id] += 1
                handed.setdefault(number, {})[task.ordinal] = hand.session_id
        return [
            replace(change, handed=handed[number]) if number in handed else change
            for number, change in enumerate(changes)
        ]

    def deliver(self, kept: Iterable[Change]) -> None:
        """These have been committed: what they hand out goes down the streams."""
        by_session: dict[SessionId, list[HandedOut]] = {}
        for change in kept:
            if not change.handed:
                continue
            after = change.after
            for task in change.new_tasks:
                session_id = change.handed.get(task.ordinal)
                if session_id is not None:
                    by_session.setdefault(session_id, []).append(
                        HandedOut(after.tenant_id, after.instance_id, after.definition_key, task)
                    )
        for session_id, tasks in by_session.items():
            hand = self._by_session.get(session_id)
            if hand is not None:
                hand.deliver(tasks)
            self._settle(session_id, len(tasks))

    def take_back(self, changes: Iterable[Change]) -> None:
        """These were not committed: nobody has got anything."""
        for session_id in _sessions(changes):
            hand = self._by_session.get(session_id)
            if hand is not None:
                hand.given -= 1
            self._settle(session_id, 1)

    def refused(self, changes: Iterable[Change]) -> None:
        """
        These were not kept, maybe for a limit that is not known here yet: what the next turn
        makes of their requests is left to the claim.
        """
        changes = [change for change in changes if change.handed]
        if len(self._refused) + len(changes) > MAX_REFUSED:
            self._refused.clear()
        self._refused.update(change.key for change in changes)
        self.take_back(changes)

    def doubt(self, changes: Iterable[Change]) -> None:
        """It is not known whether these were committed: who may hold their tasks must find out."""
        for session_id, count in Counter(_sessions(changes)).items():
            hand = self._by_session.get(session_id)
            if hand is not None:
                self.drop(hand)
                hand.give_up()
            self._settle(session_id, count)

    def _claimable(self, changes: Sequence[Change]) -> list[tuple[int, NewTask]]:
        """The new tasks that could be claimed at once, each with its change's number."""
        found = [
            (place, number, task)
            for number, change in enumerate(changes)
            if change.new_tasks
            and change.after.paused_at is None
            and not self._is_limited(change.after.tenant_id)
            and change.key not in self._refused
            for place, task in enumerate(change.new_tasks)
            if task.run_at <= change.after.updated_at
            and not task.is_cancelled
            and task.type is not TaskType.WORKFLOW
            and not self._is_paused(task.queue)
        ]
        self._refused.difference_update([change.key for change in changes])
        if any(place for place, _, _ in found):
            found.sort(key=lambda one: one[0])
        return [(number, task) for _, number, task in found]

    # --- who takes a task --------------------------------------------------------------

    def _own(
        self, session_id: SessionId | None, task: NewTask, key: InstanceKey, now: float
    ) -> Hand | None:
        hand = self._by_session.get(session_id) if session_id is not None else None
        if hand is None or hand.free <= 0 or not hand.serves(task):
            return None
        return hand if hand.may_go_on(key, now) else None

    def _next(self, task: NewTask) -> Hand | None:
        for _ in range(len(self._in_turn)):
            hand = self._in_turn[0]
            self._in_turn.rotate(-1)
            if hand.free > 0 and not hand.has_backlog and hand.serves(task):
                return hand
        return None

    def _settle(self, session_id: SessionId, count: int) -> None:
        self._pending[session_id] -= count
        if self._pending[session_id]:
            return
        del self._pending[session_id]
        hand = self._by_session.get(session_id)
        if hand is not None and not hand.is_open:
            self._forget(hand)

    def _forget(self, hand: Hand) -> None:
        if self._by_session.get(hand.session_id) is hand:
            del self._by_session[hand.session_id]
        hand.settled.set()


def _sessions(changes: Iterable[Change]) -> Iterator[SessionId]:
    """Whose the tasks are that were handed out, once for each."""
    for change in changes:
        yield from change.handed.values()
