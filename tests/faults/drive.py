"""
The real thing beside the reference: every move is made on both, and both must agree on what
was answered, on every row, and on what rang. Time is the database's, and stands still.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from control_plane.adapters.postgres.doctor import PostgresDoctor
from control_plane.loops.after_commit import AfterCommit
from control_plane.loops.bells import Bells
from control_plane.loops.courier import Courier
from control_plane.loops.delayed import Delayed
from control_plane.loops.limits import Limits
from control_plane.loops.recalls import Recalls
from control_plane.loops.tailer import Tailer
from control_plane.loops.timers import Timers
from control_plane.orchestrator import (
    Answer,
    Begin,
    Cancel,
    Expire,
    Fire,
    Hands,
    Machines,
    OnClosed,
    OnRunning,
    Orchestrator,
    Pause,
    Repeatable,
    Report,
    Request,
    Resume,
    Send,
    Settle,
    Start,
    Terminate,
)
from control_plane.orchestrator.request import Asked
from control_plane.ports.doctor import Finding
from control_plane.use_cases.examine import examine
from shared import json
from shared.errors import FoliotError
from shared.failpoints import armed
from shared.ids import InstanceId, SessionId, idempotency_key, new_instance_id, new_uuid7
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType
from tests.contract.worlds import ACME, PostgresWorld
from tests.faults.reference import EVENTS, SESSION_TTL, SPEC, Reference

Pick = Callable[[int], int]
"""A number below the one given: what is left to chance."""

MAX_INSTANCES = 5
EVENT_IDS = ("", "e1", "e2", "e3", "e4", "e5", "e6")
KEYS = (None, None, "k1", "k2")
REQUEST_IDS = ("", "r1", "r2", "r3")
MOVES_OF_TIME = (timedelta(seconds=4), timedelta(seconds=11), timedelta(seconds=27))

STANDING_STILL = """
CREATE OR REPLACE FUNCTION foliot.now() RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT timestamptz '{now}' + (SELECT moved_by FROM foliot.clock) $$
"""

CLEAN = """
TRUNCATE foliot.instance, foliot.task, foliot.ready, foliot.delayed, foliot.lease, foliot.timer,
         foliot.inbox, foliot.history, foliot.business_key, foliot.idempotency,
         foliot.outbox, foliot.executor_session;
UPDATE foliot.clock SET moved_by = '0';
"""


WITHHELD = "SELECT instance_id, ordinal FROM foliot.delayed WHERE run_at = 'infinity'"


class Disagreement(AssertionError):
    """The system did what the reference does not do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One request, and what the reference makes of it when it is its turn."""

    request: Request
    expected: Callable[[], dict[str, Any]]
    is_repeatable: bool = True


@dataclass(slots=True, kw_only=True)
class System:
    """Two control planes' orchestrators on one database, and the reference."""

    world: PostgresWorld
    doctor: PostgresDoctor
    orchestrators: Sequence[Orchestrator]
    rung: list[str]
    reference: Reference
    handed_out: list[ClaimedTask] = field(default_factory=list)
    sessions: list[SessionId] = field(default_factory=list)
    swept: list[tuple[InstanceId, int, int]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    async def clean(self) -> None:
        """As if nothing had ever happened."""
        await self.world.owner.execute(CLEAN)
        self.reference = Reference(now=await self.world.now())
        for kept in (self.handed_out, self.sessions, self.swept, self.log, self.rung):
            kept.clear()

    # --- moves ---------------------------------------------------------------------------

    async def start(self, pick: Pick) -> None:
        if len(self.reference.instances) < MAX_INSTANCES:
            await self._ask(self._start(pick))

    async def send(self, pick: Pick) -> None:
        await self._ask(self._send(pick))

    async def report(self, pick: Pick) -> None:
        await self._ask(self._report(pick))

    async def begin(self, pick: Pick) -> None:
        await self._ask(self._begin(pick))

    async def settle(self, pick: Pick) -> None:
        await self._ask(self._settle(pick))

    async def cancel(self, pick: Pick) -> None:
        # Seldom: it ends everything.
        if pick(3) == 0:
            await self._ask(self._end(pick))

    async def pause(self, pick: Pick) -> None:
        await self._ask(self._pause(pick))

    async def resume(self, pick: Pick) -> None:
        await self._ask(self._resume(pick))

    async def open_session(self, pick: Pick) -> None:
        """A new one, or one more time an old one, expired or not."""
        if len(self.sessions) < 2 or pick(4) == 0:
            self.sessions.append(SessionId(new_uuid7()))
        session_id = self.sessions[pick(len(self.sessions))]
        await self.world.claims.extend(session_id, "model", None, SESSION_TTL)
        until = self.reference.now + SESSION_TTL
        before = self.reference.sessions.get(session_id, until)
        self.reference.sessions[session_id] = max(until, before)

    async def claim(self, pick: Pick) -> None:
        if not self.sessions:
            await self.open_session(pick)
        session_id = self.sessions[pick(len(self.sessions))]
        limit = 1 + pick(3)
        alive = self.reference.sessions.get(session_id, self.reference.now) > self.reference.now
        try:
            claimed = await self._claim(session_id, limit)
        except FoliotError as error:
            _agree("the claim", {"error": "LEASE_LOST"} if not alive else {}, _told(error, {}))
            return
        _agree("whether the session could claim", alive, True)
        await self._claimed(session_id, claimed, limit)

    async def release(self, pick: Pick) -> None:
        """An executor gives back what it has not begun, maybe long after it lost it."""
        if not self.handed_out:
            return
        task = self.handed_out[pick(len(self.handed_out))]
        session_id = self.sessions[pick(len(self.sessions))]
        await self._release(session_id, task)

    async def close_session(self, pick: Pick) -> None:
        if self.sessions:
            session_id = self.sessions[pick(len(self.sessions))]
            await self.world.claims.close(session_id)
            self.reference.sessions.pop(session_id, None)

    async def pass_time(self, pick: Pick) -> None:
        by = MOVES_OF_TIME[pick(len(MOVES_OF_TIME))]
        await self.world.move_clock(by)
        self.reference.now += by

    async def sweep(self, _: Pick) -> None:
        """Look for expired leases, and take the tasks back at once."""
        await self.look_for_expired(_)
        await self.take_back(_)

    async def look_for_expired(self, _: Pick) -> None:
        """What a sweeper does before it is paused for a long time."""
        found = await self.world.due.expired_leases(100)
        expired = self.reference.expired()
        for instance_id, ordinal in list(expired):
            task = self.reference.instances[instance_id].tasks[ordinal]
            if not task.is_open:
                # Nothing is to be rescued there: the lease ends.
                task.lease = None
                del expired[instance_id, ordinal]
        _agree(
            "which leases have expired",
            expired,
            {(one.instance_id, one.ordinal): one.epoch for one in found},
        )
        self.swept += [(one.instance_id, one.ordinal, one.epoch) for one in found]

    async def take_back(self, _: Pick) -> None:
        """And what it does when it wakes up, whatever has become of the leases."""
        swept, self.swept = self.swept, []
        await self._ask_all([self._expire(*one) for one in swept])

    async def two_sweepers(self, pick: Pick) -> None:
        """Both see the same leases expire; one is paused until what it saw has new holders."""
        await self.pass_time(lambda _: len(MOVES_OF_TIME) - 1)
        await self.look_for_expired(pick)
        seen = list(self.swept)
        await self.take_back(pick)
        await self._claim_all()
        self.swept = seen
        await self.take_back(pick)

    async def fire_timers(self, _: Pick) -> None:
        due = (await self.world.due.timers(100)).timers
        _agree("which timers are due", sorted(self.reference.due()), sorted(t[1] for t in due))
        for timer in due:
            request = self._request(timer.instance_id, Fire(timer_id=timer.timer_id, due=timer.due))
            await self.orchestrators[0].submit(request)
            self.reference.instances[timer.instance_id].fire(self.reference.now)

    async def release_delayed(self, _: Pick) -> None:
        await self.world.due.release_delayed(100)
        self.reference.release_delayed()

    async def many_at_once(self, pick: Pick) -> None:
        """What one turn decides together, for one instance or several."""
        makers = (
            *(self._send, self._report, self._settle, self._begin, self._send),
            *(self._report_of_holder, self._pause, self._resume, self._resume),
        )
        asked = [makers[pick(len(makers))](pick) for _ in range(2 + pick(4))]
        await self._ask_all([one for one in asked if one is not None])

    async def answer_lost(self, pick: Pick) -> None:
        """The commit happens and its caller sees an error; or neither. It is asked again."""
        asked = (self._send, self._report, self._start)[pick(3)](pick)
        if asked is None or not asked.is_repeatable:
            return
        if isinstance(asked.request.asked, Start) and len(self.reference.instances) > MAX_INSTANCES:
            return
        with armed(("store.write.after=error,once", "store.write.before=error,once")[pick(2)]):
            answer = await self._submit(self.orchestrators[0], asked.request)
        expected = asked.expected()
        _agree(_subject(asked), _at_last(expected), _at_last(_told(answer, expected)))
        # Whoever would have rung does not know of the commit; a poll finds the work.
        self._nothing_rings()

    async def overtake(self, pick: Pick) -> None:
        """Between one plane's decision and its commit, something else happens to the task."""
        makers = (self._report_of_holder, self._report, self._settle, self._send)
        slow = makers[pick(len(makers))](pick)
        if slow is None:
            return
        others: Sequence[Callable[[Pick], Awaitable[None]]] = (
            self._let_expire,
            self._other_request,
            self._hand_on,
            self._hand_on,
        )
        if isinstance(slow.request.asked, Settle):
            # A person's word stands whoever holds the task; which epoch it names is chance.
            others = others[1:2]
        other = others[pick(len(others))]
        happened = False

        async def happen() -> None:
            nonlocal happened
            if not happened:
                happened = True
                await other(pick)

        with armed(hooks={"store.write.before": happen}):
            answer = await self._submit(self.orchestrators[0], slow.request)
        expected = slow.expected()
        _agree(_subject(slow), expected, _told(answer, expected))

    # --- what happens meanwhile ------------------------------------------------------------

    async def _hand_on(self, pick: Pick) -> None:
        """Its holder gives a task back, and another session gets it: no revision changes."""
        if not self.handed_out:
            return
        task = self.handed_out[-1 - (pick(5) == 0 and pick(min(3, len(self.handed_out))))]
        for session_id in list(self.sessions):
            await self._release(session_id, task)
        await self._claim_all()

    async def _claim_all(self) -> None:
        """Somebody new gets whatever there is."""
        session_id = SessionId(new_uuid7())
        self.sessions.append(session_id)
        await self.world.claims.extend(session_id, "model", None, SESSION_TTL)
        self.reference.sessions[session_id] = self.reference.now + SESSION_TTL
        await self._claimed(session_id, await self._claim(session_id, 100), 100)

    async def _let_expire(self, pick: Pick) -> None:
        """Its holder's session ends, and the other plane takes the task back."""
        for session_id in list(self.reference.sessions):
            await self.world.claims.close(session_id)
            del self.reference.sessions[session_id]
        found = await self.world.due.expired_leases(100)
        for one in found:
            asked = self._expire(one.instance_id, one.ordinal, one.epoch)
            answer = await self._submit(self.orchestrators[1], asked.request)
            expected = asked.expected()
            _agree(_subject(asked), expected, _told(answer, expected))
        await self._hand_on(pick)

    async def _other_request(self, pick: Pick) -> None:
        """Something is asked of the other plane, maybe of the same instance."""
        asked = (self._send, self._settle, self._report)[pick(3)](pick)
        if asked is not None:
            answer = await self._submit(self.orchestrators[1], asked.request)
            expected = asked.expected()
            _agree(_subject(asked), expected, _told(answer, expected))

    # --- requests --------------------------------------------------------------------------

    def _start(self, pick: Pick) -> Asking:
        instance_id = new_instance_id()
        key, request_id = KEYS[pick(len(KEYS))], REQUEST_IDS[pick(len(REQUEST_IDS))]
        repeatable = None
        if request_id:
            repeatable = Repeatable(request_id=request_id, fingerprint=json.digest(key or ""))
        request = Request(
            tenant_id=ACME,
            instance_id=instance_id,
            asked=Start(
                definition_id=None,
                definition_key="model",
                business_key=key,
                on_running=OnRunning.USE_EXISTING,
                on_closed=OnClosed.REJECT,
                input=None,
                labels={},
                started_by="model",
            ),
            repeatable=repeatable,
        )
        # Without a key of any kind, a repeat still finds the instance by its own id.
        return Asking(
            request=request,
            expected=lambda: self.reference.start(instance_id, key, request_id),
        )

    def _send(self, pick: Pick) -> Asking | None:
        instance_id = self._some_instance(pick)
        if instance_id is None:
            return None
        # STOP ends everything: seldom.
        event = EVENTS[pick(len(EVENTS) - (pick(4) > 0))]
        event_id = EVENT_IDS[pick(len(EVENT_IDS))]
        text = "abc"[pick(3)]
        asked = Send(event_id=event_id, type=event, payload={"text": text})
        instance = self.reference.instances[instance_id]
        return Asking(
            request=self._request(instance_id, asked),
            expected=lambda: instance.send(event_id, event, text, self.reference.now),
            is_repeatable=bool(event_id),
        )

    def _report(self, pick: Pick) -> Asking | None:
        """The outcome of any hand-out there ever was; often the newest."""
        if not self.handed_out:
            return None
        back = pick(min(4, len(self.handed_out))) if pick(4) else pick(len(self.handed_out))
        task = self.handed_out[-1 - back]
        ending = ("succeeded", "failed", "failed", "awaiting")[pick(4)]
        outcome = {
            "succeeded": Outcome.succeeded(None),
            "failed": Outcome.failed(Failure(kind="model.failed", message="as asked")),
            "awaiting": Outcome.awaiting(),
        }[ending]
        asked = Report(ordinal=task.ordinal, epoch=task.epoch, outcome=outcome)
        instance = self.reference.instances[task.instance_id]
        return Asking(
            request=self._request(task.instance_id, asked),
            expected=lambda: instance.report(task.ordinal, task.epoch, ending, self.reference.now),
        )

    def _report_of_holder(self, pick: Pick) -> Asking | None:
        """The outcome of a hand-out that still counts: it becomes the newest that is known."""
        held = [
            task
            for task in self.handed_out
            if (lease := self.reference.instances[task.instance_id].tasks[task.ordinal].lease)
            and lease.epoch == task.epoch
        ]
        if not held:
            return None
        task = held[pick(len(held))]
        self.handed_out.remove(task)
        self.handed_out.append(task)
        return self._report(lambda below: 0 if below <= 4 and below != 3 else pick(below))

    def _begin(self, pick: Pick) -> Asking | None:
        if not self.handed_out:
            return None
        task = self.handed_out[-1 - pick(min(4, len(self.handed_out)))]
        instance = self.reference.instances[task.instance_id]
        return Asking(
            request=self._request(task.instance_id, Begin(ordinal=task.ordinal, epoch=task.epoch)),
            expected=lambda: instance.begun(task.ordinal, task.epoch),
        )

    def _settle(self, pick: Pick) -> Asking | None:
        instance_id = self._some_instance(pick)
        if instance_id is None:
            return None
        instance = self.reference.instances[instance_id]
        ordinal = len(instance.tasks) - pick(min(3, len(instance.tasks)))
        well = pick(3) > 0
        outcome = (
            Outcome.succeeded(None)
            if well
            else Outcome.failed(Failure(kind="model.failed", message="as asked"))
        )
        return Asking(
            request=self._request(
                instance_id, Settle(ordinal=ordinal, outcome=outcome, settled_by="ada")
            ),
            expected=lambda: instance.settle(ordinal, well=well, now=self.reference.now),
            is_repeatable=False,
        )

    def _end(self, pick: Pick) -> Asking | None:
        instance_id = self._some_instance(pick)
        if instance_id is None:
            return None
        instance = self.reference.instances[instance_id]
        if pick(3) == 0:
            terminate = Terminate(reason="as asked", terminated_by="ada")
            return Asking(
                request=self._request(instance_id, terminate),
                expected=instance.terminate,
                is_repeatable=False,
            )
        return Asking(
            request=self._request(instance_id, Cancel(reason="as asked", cancelled_by="ada")),
            expected=lambda: instance.cancel(self.reference.now),
            is_repeatable=False,
        )

    def _pause(self, pick: Pick) -> Asking | None:
        instance_id = self._some_instance(pick)
        if instance_id is None:
            return None
        return Asking(
            request=self._request(instance_id, Pause(reason="as asked", paused_by="ada")),
            expected=self.reference.instances[instance_id].pause,
            is_repeatable=False,
        )

    def _resume(self, pick: Pick) -> Asking | None:
        instance_id = self._some_instance(pick)
        if instance_id is None:
            return None
        instance = self.reference.instances[instance_id]
        return Asking(
            request=self._request(instance_id, Resume(reason="as asked", resumed_by="ada")),
            expected=lambda: instance.resume(self.reference.now),
            is_repeatable=False,
        )

    def _expire(self, instance_id: InstanceId, ordinal: int, epoch: int) -> Asking:
        instance = self.reference.instances[instance_id]
        return Asking(
            request=self._request(instance_id, Expire(ordinal=ordinal, epoch=epoch)),
            expected=lambda: instance.expire(ordinal, epoch, self.reference.now),
        )

    def _some_instance(self, pick: Pick) -> InstanceId | None:
        known = list(self.reference.instances)
        return known[pick(len(known))] if known else None

    def _request(self, instance_id: InstanceId, asked: Asked) -> Request:
        return Request(tenant_id=ACME, instance_id=instance_id, asked=asked)

    # --- carrying out ------------------------------------------------------------------------

    async def _ask(self, asked: Asking | None) -> None:
        if asked is not None:
            await self._ask_all([asked])

    async def _ask_all(self, asked: Sequence[Asking]) -> None:
        answers = await self.orchestrators[0].submit_all([one.request for one in asked])
        for one, answer in zip(asked, answers, strict=True):
            expected = one.expected()
            _agree(_subject(one), expected, _told(answer, expected))

    async def _submit(self, orchestrator: Orchestrator, request: Request) -> Answer | FoliotError:
        [answer] = await orchestrator.submit_all([request])
        return answer

    async def _claim(self, session_id: SessionId, limit: int) -> Sequence[ClaimedTask]:
        return await self.world.claims.claim(
            session_id, queues=["default"], types=list(TaskType), max_tasks=limit, after=None
        )

    async def _claimed(
        self, session_id: SessionId, claimed: Sequence[ClaimedTask], limit: int
    ) -> None:
        claimable = self.reference.claimable()
        self.reference.release_delayed()
        keys = [(task.instance_id, task.ordinal) for task in claimed]
        _agree("what was claimed beside what could be", [], [k for k in keys if k not in claimable])
        withheld = [
            key
            for row in await self.world.owner.fetch(WITHHELD)
            if (key := tuple(row)) in claimable
        ]
        taken = [*keys, *withheld]
        _agree("how many were claimed or withheld", min(limit, len(claimable)), len(taken))
        _agree(
            "what was withheld",
            [key for key in taken if self.reference.instances[key[0]].is_paused],
            withheld,
        )
        for instance_id, ordinal in withheld:
            kept = self.reference.instances[instance_id].tasks[ordinal]
            kept.place, kept.is_withheld = "delayed", True
        for task, key in zip(claimed, keys, strict=True):
            lease = self.reference.claim(session_id, key)
            _agree(
                f"attempt, epoch and key of task {task.task_id}",
                (lease.attempt, lease.epoch, idempotency_key(task.instance_id, task.ordinal)),
                (task.attempt, task.epoch, task.idempotency_key),
            )
        self.handed_out += claimed

    async def _release(self, session_id: SessionId, task: ClaimedTask) -> None:
        key = task.instance_id, task.ordinal
        kept = self.reference.instances[task.instance_id].tasks[task.ordinal]
        if kept.is_begun:
            return
        count = await self.world.owner.fetchval(
            "SELECT foliot.release($1, $2, $3, $4, $5)",
            session_id,
            [ACME],
            [task.instance_id],
            [task.ordinal],
            [task.epoch],
        )
        lease = kept.lease
        is_its = lease is not None and (lease.session_id, lease.epoch) == (session_id, task.epoch)
        _agree("how many were given back", int(is_its and kept.is_open), count)
        if is_its:
            self.reference.release(key)

    # --- looking -------------------------------------------------------------------------------

    async def look(self) -> None:
        """Every row must be as the reference has it, and what became claimable must have rung."""
        await self._withhold_early()
        _agree("the rows", expected_rows(self.reference), await actual_rows(self.world))
        instances = self.reference.instances.values()
        if any(one.has_rung and not one.is_paused for one in instances):
            _agree("whether it rang for what became claimable", True, bool(self.rung))
        self._nothing_rings()
        self.rung.clear()

    async def _withhold_early(self) -> None:
        """
        What a turn makes claimable before it pauses the instance is withheld by the same
        commit, and not by the first claim: nobody can tell.
        """
        for instance_id, ordinal in await self.world.owner.fetch(WITHHELD):
            instance = self.reference.instances.get(instance_id)
            if instance is not None and instance.is_paused:
                task = instance.tasks[ordinal]
                if task.place in {"ready", "delayed"}:
                    task.place, task.is_withheld = "delayed", True

    def _nothing_rings(self) -> None:
        for instance in self.reference.instances.values():
            instance.has_rung = False

    async def examine(self) -> None:
        """The doctor must find nothing."""
        found = await self.findings()
        _agree("what the doctor finds", [], [f"{one.invariant}: {one.message}" for one in found])

    async def findings(self) -> list[Finding]:
        """What the doctor finds. Nothing is overdue for it: loops run only when they are moved."""
        found: list[Finding] = []
        patience = timedelta(days=1)
        async for progress in examine(self.doctor, self.world.definitions, ACME, patience):
            found += progress.findings
        return found


MOVES = (
    *("start", "send", "send", "send", "report", "report", "report", "begin", "settle"),
    *(
        "pause",
        "resume",
        "resume",
        "cancel",
        "open_session",
        "claim",
        "claim",
        "claim",
        "release",
        "close_session",
    ),
    *("pass_time", "sweep", "look_for_expired", "take_back", "fire_timers", "release_delayed"),
    *("two_sweepers", "many_at_once", "many_at_once", "answer_lost", "overtake", "overtake"),
)
"""What may happen next, as often as it is named."""


@asynccontextmanager
async def driving(world: PostgresWorld) -> AsyncIterator[System]:
    """A system at work on a world of its own."""
    now = await world.now()
    await world.owner.execute(STANDING_STILL.format(now=now.isoformat()))
    await _define(world)
    rung: list[str] = []
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        orchestrators = [_orchestrator(world, rung) for _ in range(2)]
        for orchestrator in orchestrators:
            group.create_task(orchestrator.run(stop))
        try:
            yield System(
                world=world,
                doctor=PostgresDoctor(world.pool, world.across),
                orchestrators=orchestrators,
                rung=rung,
                reference=Reference(now=now),
            )
        finally:
            stop.set()


def _orchestrator(world: PostgresWorld, rung: list[str]) -> Orchestrator:
    bells = _Noted(rung)
    orchestrator = Orchestrator(
        world.store,
        Machines(world.definitions),
        lambda turn: after_commit(turn),  # noqa: PLW0108 - made below
    )
    hands = Hands()
    after_commit = AfterCommit(
        hands,
        Recalls(world.claims, hands),
        bells,
        Timers(world.due, orchestrator, poll_s=60),
        Delayed(world.due, bells, poll_s=60),
        Tailer(world.feed),
        Courier(world.outbox, orchestrator, poll_s=60),
        Limits(world.limits, bells, poll_s=60),
    )
    return orchestrator


class _Noted(Bells):
    """Bells that nobody hears, and that are written down."""

    def __init__(self, rung: list[str]) -> None:
        self._rung = rung

    def note(self, queue: str, ids: list[str]) -> None:
        if queue.startswith("workflow-task-runner."):
            self._rung.append(queue)


async def _define(world: PostgresWorld) -> None:
    spec = json.dump(SPEC)
    definition = await world.definitions.create(
        ACME,
        key="model",
        spec=spec,
        spec_hash=json.digest(spec),
        description="",
        created_by="model",
        repeatable=None,
    )
    await world.definitions.set_status(ACME, definition.definition_id, "active")


def _subject(asked: Asking) -> str:
    return f"the answer to {asked.request.asked}"


def _told(answer: object, expected: dict[str, Any]) -> dict[str, Any]:
    """As much of an answer as the reference speaks of."""
    if isinstance(answer, FoliotError):
        return {"error": answer.reason}
    assert isinstance(answer, Answer)
    told = {
        "instance_id": answer.instance_id,
        "disposition": answer.disposition,
        "duplicate": answer.duplicate,
        "verdict": None if answer.verdict is None else answer.verdict.name,
    }
    return {name: told[name] for name in expected if name in told} or told


def _at_last(told: dict[str, Any]) -> dict[str, Any]:
    """The answer of one that may have been asked twice: whether it was is not compared."""
    verdict = {"verdict": "APPLIED"} if told.get("verdict") == "DUPLICATE" else {}
    return {**told, **verdict, "duplicate": None}


def _agree(what: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise Disagreement(f"{what}:\n  reference {expected}\n  system    {actual}")


async def actual_rows(world: PostgresWorld) -> dict[str, Any]:
    """The tables, as far as the reference knows them."""
    fetch = world.owner.fetch
    return {
        "instances": {
            row["instance_id"]: (
                row["status"],
                json.load(row["current_state"]),
                json.load(row["context"]),
            )
            for row in await fetch(
                "SELECT instance_id, status, current_state, context FROM foliot.instance"
            )
        },
        "tasks": {
            (row[0], row[1]): tuple(row)[2:]
            for row in await fetch(
                "SELECT instance_id, ordinal, status, attempt, epoch, lost_epoch FROM foliot.task"
            )
        },
        "ready": {
            (row[0], row[1]): tuple(row)[2:]
            for row in await fetch("SELECT instance_id, ordinal, attempt, epoch FROM foliot.ready")
        },
        "delayed": {
            (row[0], row[1]): tuple(row)[2:]
            for row in await fetch(
                "SELECT instance_id, ordinal, attempt, epoch, nullif(run_at, 'infinity')"
                " FROM foliot.delayed"
            )
        },
        "leases": {
            (row[0], row[1]): tuple(row)[2:]
            for row in await fetch(
                "SELECT instance_id, ordinal, session_id, attempt, epoch FROM foliot.lease"
            )
        },
        "timers": dict(await fetch("SELECT instance_id, due FROM foliot.timer")),
        "inbox": [
            tuple(row)
            for row in await fetch(
                "SELECT instance_id, event_id, type FROM foliot.inbox"
                " ORDER BY instance_id, position"
            )
        ],
        "keys": dict(await fetch("SELECT business_key, instance_id FROM foliot.business_key")),
    }


def expected_rows(reference: Reference) -> dict[str, Any]:
    """The same, as it ought to be."""
    tasks = [
        ((instance_id, ordinal), task)
        for instance_id, instance in reference.instances.items()
        for ordinal, task in instance.tasks.items()
    ]
    return {
        "instances": {
            instance_id: (one.status_told, one.state_told, {"notes": one.notes})
            for instance_id, one in reference.instances.items()
        },
        "tasks": {
            key: (task.status, task.row_attempt, task.row_epoch, task.row_lost)
            for key, task in tasks
        },
        "ready": {key: (task.attempt, task.epoch) for key, task in tasks if task.place == "ready"},
        "delayed": {
            key: (task.attempt, task.epoch, None if task.is_withheld else task.run_at)
            for key, task in tasks
            if task.place == "delayed"
        },
        "leases": {
            key: (task.lease.session_id, task.lease.attempt, task.lease.epoch)
            for key, task in tasks
            if task.lease is not None
        },
        "timers": {
            instance_id: one.rings_at
            for instance_id, one in reference.instances.items()
            if one.rings_at is not None and not one.is_paused
        },
        "inbox": [
            (instance_id, event_id, event)
            for instance_id, one in sorted(reference.instances.items())
            for event_id, event, _ in one.deferred
        ],
        "keys": reference.keys,
    }
