"""
Group commit: what queued while the previous turn ran becomes the next one.

An idle orchestrator takes a request at once; a busy one takes as many as came meanwhile.
So a lone request waits for nothing, and a crowd shares one read and one write.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.answers import Answers, Place
from control_plane.orchestrator.continuations import Continuations
from control_plane.orchestrator.hands import Hands
from control_plane.orchestrator.machines import Machines
from control_plane.orchestrator.request import (
    ApplyInbox,
    Begin,
    Claim,
    Expire,
    FallSilent,
    Fire,
    Hasten,
    Report,
    Request,
    Send,
    Start,
)
from control_plane.orchestrator.turn import Turn, take_turn
from control_plane.ports.instance_store import (
    InstanceStore,
    KeyTaken,
    StoreUnavailable,
    Wanted,
)
from control_plane.ports.records import InstanceKey
from shared.errors import FoliotError, Overloaded, Unavailable
from shared.failpoints import failpoint_now
from shared.telemetry import call_spans, tracing
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent

MAX_BATCH = 200
"""Requests in one turn: beyond it a turn gets longer faster than it gets cheaper."""

MAX_QUEUED = 20_000
"""Requests waiting for a turn; more are refused with OVERLOADED."""

APPLIERS = 2
"""Turns under way at once: one decides while another commits."""

CROWD = 64
"""
Lanes with requests that make a second turn worth its cost: fewer wait for the first to end, and
share the next. With it a step of bench W2 costs a sixth less CPU than with two turns always.
"""

MAX_TRIES = 100
"""How often a request may be overtaken by other writers before its sender hears of it."""

FIRST_PAUSE_S = 0.001
LONGEST_PAUSE_S = 0.1
"""Between tries of what was overtaken: whoever has the row may be waiting for a slow disk."""

RETRY_STORE_FOR_S = 15.0
RETRY_STORE_EVERY_S = 0.25

_log = get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Waiting:
    request: Request
    answered: Place
    tries: int = 0


@dataclass(slots=True)
class _Lanes:
    """Requests in order within a lane; a lane is free, or one turn has it."""

    queued: dict[Hashable, deque[_Waiting]] = field(default_factory=dict)
    free: deque[Hashable] = field(default_factory=deque)
    taken: set[Hashable] = field(default_factory=set)
    count: int = 0

    def add(self, waiting: _Waiting, *, first: bool = False) -> None:
        lane = waiting.request.lane
        queue = self.queued.get(lane)
        if queue is None:
            queue = self.queued[lane] = deque()
            if lane not in self.taken:
                self.free.append(lane)
        if first:
            queue.appendleft(waiting)
        else:
            queue.append(waiting)
        self.count += 1

    def take(self, limit: int) -> list[_Waiting]:
        """Up to `limit` requests of free lanes, whose lanes are taken until `give_back`."""
        batch: list[_Waiting] = []
        while self.free and len(batch) < limit:
            lane = self.free.popleft()
            queue = self.queued[lane]
            self.taken.add(lane)
            # Two starts that could want one key must not meet in one turn.
            room = 1 if isinstance(queue[0].request.asked, Start) else limit - len(batch)
            while queue and room:
                batch.append(queue.popleft())
                room -= 1
            if not queue:
                del self.queued[lane]
        self.count -= len(batch)
        return batch

    def give_back(self, batch: Sequence[_Waiting]) -> None:
        for lane in dict.fromkeys(waiting.request.lane for waiting in batch):
            self.taken.discard(lane)
            if lane in self.queued:
                self.free.append(lane)


class Orchestrator:
    """Every change of an instance goes through `submit`."""

    def __init__(
        self,
        store: InstanceStore,
        machines: Machines,
        on_commit: Callable[[Turn], None],
        *,
        hands: Hands | None = None,
        appliers: int = APPLIERS,
        crowd: int = CROWD,
        max_batch: int = MAX_BATCH,
        max_queued: int = MAX_QUEUED,
    ) -> None:
        self._store = store
        self._machines = machines
        self._on_commit = on_commit
        self._hands = hands or Hands()
        self._continuations = Continuations()
        self._appliers = appliers
        self._crowd = crowd
        self._max_batch = max_batch
        self._max_queued = max_queued
        self._lanes = _Lanes()
        self._bell = asyncio.Event()
        self._stopping = False

    async def submit(self, request: Request) -> Answer:
        """
        Change an instance, and tell how it stands once that is committed.

        Raises the error the request deserves; Overloaded when too many wait, and
        Unavailable when the database does not answer.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if tracing.is_on():
            call_spans.submitted()
        self._queue(request, answer)
        answered = await answer
        if tracing.is_on():
            _tell(answered)
        return answered

    async def submit_all(self, requests: Sequence[Request]) -> list[Answer | FoliotError]:
        """An answer or an error for each, in their order; one that is a bug's hurts no other."""
        answers = Answers(len(requests))
        for number, request in enumerate(requests):
            self._queue(request, answers.place(number))
        return await answers.complete()

    async def foresee(self, asked: Mapping[InstanceKey, Fire]) -> None:
        """
        Decide what these timers will do when they are due, one of each instance. What changes
        until then is noticed by the turn. Raises StoreUnavailable.
        """
        read = await self._store.read(Wanted(instances=list(asked)))
        wanted = {(key.tenant_id, one.definition_id) for key, one in read.instances.items()}
        self._continuations.foresee(asked, read, await self._machines.load(wanted))

    @property
    def waiting(self) -> int:
        """How many requests wait for a turn."""
        return self._lanes.count

    async def run(self, stop: asyncio.Event) -> None:
        """Take turns until told to stop and nothing waits any more."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._appliers):
                group.create_task(self._apply())
            await stop.wait()
            self._stopping = True
            self._bell.set()

    def _queue(self, request: Request, answered: Place) -> None:
        if self._stopping:
            answered.set_exception(Unavailable("this server is shutting down; use another"))
        elif self._lanes.count >= self._max_queued:
            answered.set_exception(
                Overloaded(
                    f"{self._lanes.count} requests wait for a turn already, the most there may be",
                    retry_in=timedelta(seconds=1),
                )
            )
        else:
            self._lanes.add(_Waiting(request, answered))
            self._bell.set()

    async def _apply(self) -> None:
        while True:
            is_worth_it = not self._lanes.taken or len(self._lanes.free) >= self._crowd
            batch = self._lanes.take(self._max_batch) if is_worth_it else []
            if not batch:
                if self._stopping and not self._lanes.taken:
                    self._bell.set()
                    return
                self._bell.clear()
                await self._bell.wait()
                continue
            again: Sequence[_Waiting] = ()
            try:
                again = await self._turn(batch)
            finally:
                # To the front, in their own order.
                for waiting in reversed(again):
                    self._lanes.add(waiting, first=True)
                self._lanes.give_back(batch)
                self._bell.set()
            if again:
                await asyncio.sleep(_pause_s(min(waiting.tries for waiting in again)))

    async def _turn(self, batch: Sequence[_Waiting]) -> Sequence[_Waiting]:
        """Take a turn; returns what has to be tried again, in order."""
        try:
            turn = await take_turn(
                self._store,
                self._machines,
                self._hands,
                self._continuations,
                [waiting.request for waiting in batch],
            )
        except KeyTaken as taken:
            if len(batch) > 1:
                return await self._one_by_one(batch)
            return self._again(batch, because=taken)
        except StoreUnavailable as unavailable:
            return await self._later(batch, unavailable)
        except Exception as error:  # noqa: BLE001 - a bug must fail its own request, and no other
            if len(batch) > 1:
                return await self._one_by_one(batch)
            request = batch[0].request
            _log.exception(
                LogEvent.TURN_FAILED,
                request=type(request.asked).__name__,
                tenant_id=request.tenant_id,
                instance_id=str(request.instance_id),
            )
            if not batch[0].answered.done():
                batch[0].answered.set_exception(error)
            return ()
        return self._answer(batch, turn)

    def _answer(self, batch: Sequence[_Waiting], turn: Turn) -> Sequence[_Waiting]:
        # By their places, as one request may have been asked twice.
        overtaken = {request.key for request in turn.again}
        settled = [one for one in batch if one.request.key not in overtaken] if overtaken else batch
        for waiting, (_, answer) in zip(settled, turn.answers, strict=True):
            place = waiting.answered
            if place.done():
                continue
            if isinstance(answer, Answer):
                place.set_result(answer)
            else:
                place.set_exception(answer)
        failpoint_now("turn.answered")
        if turn.kept:
            self._on_commit(turn)
        return self._again([one for one in batch if one.request.key in overtaken])

    async def _one_by_one(self, batch: Sequence[_Waiting]) -> Sequence[_Waiting]:
        """One request of the batch spoils it for all: take each alone, with fresh state."""
        again: list[_Waiting] = []
        held_back: set[Hashable] = set()
        for waiting in batch:
            # What comes after one that has to wait, in its lane, waits behind it.
            if waiting.request.lane in held_back:
                again.append(waiting)
                continue
            sent_again = await self._turn([waiting])
            again.extend(sent_again)
            held_back.update(one.request.lane for one in sent_again)
        return again

    async def _later(
        self, batch: Sequence[_Waiting], unavailable: StoreUnavailable
    ) -> Sequence[_Waiting]:
        """The database does not answer: what is safe to repeat waits for it, within reason."""
        _log.warning(LogEvent.DATABASE_UNAVAILABLE, error=str(unavailable))
        await asyncio.sleep(RETRY_STORE_EVERY_S)
        tries_in_time = RETRY_STORE_FOR_S / RETRY_STORE_EVERY_S
        again: list[_Waiting] = []
        for waiting in batch:
            if waiting.tries < tries_in_time and _is_repeatable(waiting.request):
                again.append(waiting)
            elif not waiting.answered.done():
                waiting.answered.set_exception(unavailable)
        return self._again(again)

    def _again(
        self, batch: Sequence[_Waiting], because: FoliotError | None = None
    ) -> Sequence[_Waiting]:
        """Those that may be tried once more and that somebody still waits for."""
        again: list[_Waiting] = []
        for waiting in batch:
            waiting.tries += 1
            if waiting.answered.done():
                continue
            if waiting.request.is_new:
                waiting.request = replace(waiting.request, is_new=False)
            if waiting.tries <= MAX_TRIES:
                again.append(waiting)
                continue
            waiting.answered.set_exception(
                because
                or Overloaded(
                    "other writers were faster every time; wait, then send the request again",
                    retry_in=timedelta(seconds=1),
                )
            )
        return again


def _tell(answer: Answer) -> None:
    """The call's span says what was committed."""
    call_spans.committed(
        str(answer.instance_id),
        definition=None if answer.instance is None else answer.instance.definition_key,
        status=answer.status,
        revision=answer.revision,
        disposition=answer.disposition,
        cause=answer.cause,
    )


def _pause_s(tries: int) -> float:
    """None after the first time; then longer and longer, while somebody else has the row."""
    return 0.0 if tries <= 1 else min(FIRST_PAUSE_S * 2.0 ** min(tries - 2, 16), LONGEST_PAUSE_S)


def _is_repeatable(request: Request) -> bool:
    """Whether doing it again changes nothing, if it had been done already."""
    match request.asked:
        case Start() | Begin() | Report() | Fire() | Expire() | FallSilent() | ApplyInbox():
            return True
        case Claim() | Hasten():
            return True
        case Send(event_id=event_id) if event_id:
            return True
        case _:
            return request.repeatable is not None
