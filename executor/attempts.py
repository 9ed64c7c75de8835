"""
The attempts an executor has in hand: begun up to its concurrency, waiting beyond it, each
ended by itself, by its time, or by word from outside.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from executor import meters
from executor.heartbeats import Heartbeats
from executor.ports.control_plane import ControlPlane, Held, Report, RunningAttempt
from executor.runner import Beginning, Runner, broken, stopped
from shared.failpoints import failpoint_now
from shared.ids import SessionId
from shared.tasks import ClaimedTask

MAX_REMEMBERED = 10_000
"""How many ended hand-outs are remembered, so that one that is told twice is not begun twice."""

STOP_WITHIN = timedelta(seconds=5)
"""How long a cancelled handler may go on cleaning up while the executor ends."""


class _Stop(Enum):
    NOT_NEEDED = auto()
    LEASE_LOST = auto()
    DRAINED = auto()


@dataclass(slots=True, kw_only=True, eq=False)
class _Attempt:
    task: ClaimedTask
    session_id: SessionId
    beginning: Beginning
    work: "asyncio.Task[Report]"
    stop: _Stop | None = field(default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbegun:
    """A task that is held and not begun, since an instant of a clock that does not jump."""

    task: ClaimedTask
    session_id: SessionId
    since: float


class Attempts:
    """
    Takes the control plane's instructions, and keeps its outcomes coming.

    Not a TaskGroup: its end would wait for a handler that refuses to be cancelled.
    """

    def __init__(
        self,
        runner: Runner,
        control_plane: ControlPlane,
        heartbeats: Heartbeats,
        *,
        concurrency: int,
    ) -> None:
        self.freed = asyncio.Event()
        """Set whenever an attempt has ended."""
        self._runner = runner
        self._control_plane = control_plane
        self._heartbeats = heartbeats
        heartbeats.notify(control_plane.look_again)
        self._concurrency = concurrency
        self._running: dict[Held, _Attempt] = {}
        self._waiting: deque[Unbegun] = deque()
        self._reported: dict[Held, SessionId] = {}
        self._ended: OrderedDict[Held, None] = OrderedDict()
        self._is_draining = False
        self._has_backlog = False
        self._on_doubt: Callable[[SessionId], None] = lambda _: None

    @property
    def spare(self) -> int:
        """
        How many more tasks to claim. Not as many as could be begun: an outcome on its way
        home may bring the next task back, which takes its place.
        """
        expected = len(self._reported) if self._control_plane.is_connected else 0
        return max(0, self._room - expected)

    @property
    def free(self) -> int:
        return 0 if self._is_draining else max(0, self._room)

    @property
    def has_backlog(self) -> bool:
        return self._has_backlog

    @has_backlog.setter
    def has_backlog(self, value: bool) -> None:
        if value != self._has_backlog:
            self._has_backlog = value
            self._control_plane.look_again()

    @property
    def _room(self) -> int:
        """How many more tasks could be begun now, and their outcomes kept."""
        in_hand = len(self._running) + len(self._waiting)
        return min(self._concurrency, self._control_plane.room) - in_hand

    @property
    def count(self) -> int:
        """How many are running."""
        return len(self._running)

    @property
    def unacknowledged(self) -> int:
        """How many have been reported, and not been acknowledged."""
        return len(self._reported)

    def holds_for(self, session_id: SessionId) -> bool:
        """Whether the session has attempts here, or outcomes that are not acknowledged."""
        return (
            any(one.session_id == session_id for one in self._running.values())
            or any(one.session_id == session_id for one in self._waiting)
            or session_id in self._reported.values()
        )

    def known(self) -> Sequence[Held]:
        """Whatever is known here: what runs, waits, or is reported and not acknowledged."""
        return [
            *self._running,
            *(Held.of(one.task) for one in self._waiting),
            *self._reported,
        ]

    def take_waiting(self, longer_than: timedelta) -> list[Unbegun]:
        """Those that have waited here for that long, for others to begin; they are not ours now."""
        since = time.monotonic() - longer_than.total_seconds()
        taken: list[Unbegun] = []
        while self._waiting and self._waiting[0].since <= since:
            taken.append(self._waiting.popleft())
        return taken

    def notify_doubt(self, on_doubt: Callable[[SessionId], None]) -> None:
        """Whom to tell when tasks may be held that are not known here."""
        self._on_doubt = on_doubt

    # --- instructions ------------------------------------------------------------------

    def assign(self, session_id: SessionId, tasks: Sequence[ClaimedTask]) -> None:
        waiting = {Held.of(unbegun.task) for unbegun in self._waiting}
        taken: list[ClaimedTask] = []
        for task in tasks:
            held = Held.of(task)
            if held in self._running or held in self._ended or held in waiting:
                continue
            taken.append(task)
            if self._is_draining or len(self._running) >= self._concurrency:
                self._waiting.append(
                    Unbegun(task=task, session_id=session_id, since=time.monotonic())
                )
            else:
                self._begin(task, session_id)
        meters.took(taken, self._runner.begin().at)
        self._control_plane.look_again()

    def cancel(self, held: Sequence[Held]) -> None:
        for one in held:
            self._stop(one, _Stop.NOT_NEEDED)
        self._forget_waiting(set(held))

    def lose(self, held: Sequence[Held]) -> None:
        for one in held:
            self._stop(one, _Stop.LEASE_LOST)
        self._forget_waiting(set(held))

    def settle(self, held: Sequence[Held]) -> None:
        for one in held:
            self._reported.pop(one, None)
        self.freed.set()

    def doubt(self, session_id: SessionId) -> None:
        self._on_doubt(session_id)

    def running(self, longer_than: timedelta) -> Sequence[RunningAttempt]:
        return [
            RunningAttempt(
                tenant_id=attempt.task.tenant_id, held=held, started_at=attempt.beginning.at
            )
            for held, attempt in self._running.items()
            if attempt.beginning.elapsed() >= longer_than
        ]

    @property
    def has_beats(self) -> bool:
        return not self._heartbeats.is_empty

    def beats(self) -> Sequence[RunningAttempt]:
        return [
            RunningAttempt(
                tenant_id=attempt.task.tenant_id,
                held=held,
                started_at=attempt.beginning.at,
                has_beaten=True,
                progress=progress,
            )
            for held, progress in self._heartbeats.take().items()
            if (attempt := self._running.get(held)) is not None
        ]

    # --- sessions, and the end ---------------------------------------------------------

    def lose_session(self, session_id: SessionId) -> None:
        """Stop everything that was claimed for a session whose lease has run out."""
        self.lose(
            [held for held, one in self._running.items() if one.session_id == session_id]
            + [Held.of(one.task) for one in self._waiting if one.session_id == session_id]
        )

    async def drain(self, grace: timedelta) -> list[Unbegun]:
        """
        Begin nothing more, let what runs finish within `grace`, then cancel it.

        Gives back what was not begun. What was cancelled is not reported: it is handed to
        others when its session closes.
        """
        self._is_draining = True
        self._control_plane.look_again()
        if not await self._all_ended(grace):
            for held in list(self._running):
                self._stop(held, _Stop.DRAINED)
            await self._all_ended(STOP_WITHIN)
        unbegun = list(self._waiting)
        self._waiting.clear()
        return unbegun

    async def _all_ended(self, within: timedelta) -> bool:
        work = [attempt.work for attempt in self._running.values()]
        if work:
            await asyncio.wait(work, timeout=within.total_seconds())
            # Their callbacks are due in the loop's next round.
            await asyncio.sleep(0)
        return not self._running

    # --- one attempt -------------------------------------------------------------------

    def _begin(self, task: ClaimedTask, session_id: SessionId) -> None:
        failpoint_now("attempt.begin")
        beginning = self._runner.begin()
        attempt = _Attempt(
            task=task,
            session_id=session_id,
            beginning=beginning,
            work=asyncio.create_task(self._runner.run(task, beginning)),
        )
        self._running[Held.of(task)] = attempt
        # A callback and not a `finally`: a task that is cancelled before its first step
        # never enters its coroutine.
        attempt.work.add_done_callback(lambda _: self._end(attempt))

    def _end(self, attempt: _Attempt) -> None:
        failpoint_now("attempt.end")
        held = Held.of(attempt.task)
        del self._running[held]
        self._remember(held)
        try:
            self._tell(attempt)
        finally:
            self.freed.set()
            if self._waiting and not self._is_draining:
                next_one = self._waiting.popleft()
                self._begin(next_one.task, next_one.session_id)

    def _tell(self, attempt: _Attempt) -> None:
        """Report how it ended. A bug in that is reported too, or the task would hang."""
        try:
            report = _report_of(attempt)
            if report is not None:
                self._report(attempt, report)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
            asyncio.get_running_loop().call_exception_handler(
                {"message": "an attempt's report could not be made", "exception": error}
            )
            self._report(attempt, broken(attempt.task, attempt.beginning, error))

    def _report(self, attempt: _Attempt, report: Report) -> None:
        self._reported[report.held] = attempt.session_id
        meters.ended(attempt.task.type, report.outcome.state, attempt.beginning.elapsed())
        self._control_plane.report(report)

    def _stop(self, held: Held, why: _Stop) -> None:
        attempt = self._running.get(held)
        if attempt is not None and attempt.stop is None:
            attempt.stop = why
            attempt.work.cancel()
            if why is _Stop.LEASE_LOST:
                meters.lost_task()

    def _forget_waiting(self, held: set[Held]) -> None:
        if self._waiting:
            self._waiting = deque(one for one in self._waiting if Held.of(one.task) not in held)

    def _remember(self, held: Held) -> None:
        self._ended[held] = None
        if len(self._ended) > MAX_REMEMBERED:
            self._ended.popitem(last=False)


def _report_of(attempt: _Attempt) -> Report | None:
    """None where others have the task now, or will."""
    if not attempt.work.cancelled():
        return attempt.work.result()
    if attempt.stop is _Stop.NOT_NEEDED:
        return stopped(attempt.task, attempt.beginning)
    return None
