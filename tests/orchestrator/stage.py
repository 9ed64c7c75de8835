"""What a test does with an orchestrator: define, start, send, claim, report, look."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from control_plane.engine import Entry, compile_spec, dump_snapshot, fold, load_snapshot
from control_plane.loops.courier import Courier
from control_plane.loops.rescuer import BATCH
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
    Redrive,
    Repeatable,
    Report,
    Request,
    Resume,
    Retry,
    Send,
    Settle,
    Start,
    Terminate,
    Turn,
)
from control_plane.orchestrator.chain import GENESIS, link
from control_plane.orchestrator.request import Asked
from control_plane.orchestrator.stalled import stalled_tasks
from control_plane.ports.reader import TaskFilter
from control_plane.ports.records import HistoryEntry, Instance, Task
from shared import json
from shared.ids import InstanceId, SessionId, TenantId, new_instance_id, new_uuid7
from shared.json import Json
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType
from tests.contract.worlds import ACME, World

SESSION_TTL = timedelta(seconds=30)


class Stage:
    def __init__(self, world: World) -> None:
        self.world = world
        self.turns: list[Turn] = []
        self.hands = Hands()
        self.orchestrator = Orchestrator(
            world.store, Machines(world.definitions), self._committed, hands=self.hands
        )
        self.session = SessionId(new_uuid7())

    def _committed(self, turn: Turn) -> None:
        self.turns.append(turn)
        self.hands.deliver(turn.kept)

    async def define(self, spec: dict[str, Any], key: str = "order") -> str:
        text = json.dump(spec)
        definition = await self.world.definitions.create(
            ACME,
            key=key,
            spec=text,
            spec_hash=hashlib.sha256(text.encode()).digest(),
            description="",
            created_by="ada",
            repeatable=None,
        )
        await self.world.definitions.set_status(ACME, definition.definition_id, "active")
        return key

    def start_request(
        self,
        key: str = "order",
        *,
        business_key: str | None = None,
        on_running: OnRunning = OnRunning.USE_EXISTING,
        on_closed: OnClosed = OnClosed.REJECT,
        request_id: str = "",
        given: Json = None,
        tenant_id: TenantId = ACME,
    ) -> Request:
        repeatable = None
        if request_id:
            fingerprint = json.digest(json.dump([key, given]))
            repeatable = Repeatable(request_id=request_id, fingerprint=fingerprint)
        return Request(
            tenant_id=tenant_id,
            instance_id=new_instance_id(),
            asked=Start(
                definition_id=None,
                definition_key=key,
                business_key=business_key,
                on_running=on_running,
                on_closed=on_closed,
                input=given,
                labels={},
                started_by="ada",
            ),
            repeatable=repeatable,
        )

    async def start(self, key: str = "order", **options: Any) -> Answer:
        return await self.orchestrator.submit(self.start_request(key, **options))

    async def send(
        self,
        instance_id: InstanceId,
        type_: str,
        payload: Json = None,
        *,
        event_id: str = "",
        expected_revision: int | None = None,
    ) -> Answer:
        return await self.ask(
            instance_id,
            Send(
                event_id=event_id, type=type_, payload=payload, expected_revision=expected_revision
            ),
        )

    async def claim(self, limit: int = 100, session: SessionId | None = None) -> list[ClaimedTask]:
        session = session or self.session
        await self.world.claims.extend(session, "test", None, SESSION_TTL)
        return list(
            await self.world.claims.claim(
                session, queues=["default"], types=list(TaskType), max_tasks=limit, after=None
            )
        )

    async def report(self, task: ClaimedTask, outcome: Outcome) -> Answer:
        return await self.ask(
            task.instance_id, Report(ordinal=task.ordinal, epoch=task.epoch, outcome=outcome)
        )

    async def begin(self, task: ClaimedTask) -> Answer:
        return await self.ask(task.instance_id, Begin(ordinal=task.ordinal, epoch=task.epoch))

    async def fail(self, task: ClaimedTask, *, retryable: bool = True) -> Answer:
        failure = Failure(kind="test.failed", message="as asked", retryable=retryable)
        return await self.report(task, Outcome.failed(failure))

    async def settle(self, instance_id: InstanceId, ordinal: int, output: Json = None) -> Answer:
        return await self.ask(
            instance_id,
            Settle(ordinal=ordinal, outcome=Outcome.succeeded(output), settled_by="ada"),
        )

    async def settle_failed(
        self, instance_id: InstanceId, ordinal: int, *, retryable: bool
    ) -> Answer:
        failure = Failure(kind="test.failed", message="as asked", retryable=retryable)
        return await self.ask(
            instance_id,
            Settle(ordinal=ordinal, outcome=Outcome.failed(failure), settled_by="ada"),
        )

    async def cancel(self, instance_id: InstanceId) -> Answer:
        return await self.ask(instance_id, Cancel(reason="as asked", cancelled_by="ada"))

    async def terminate(self, instance_id: InstanceId) -> Answer:
        return await self.ask(instance_id, Terminate(reason="as asked", terminated_by="ada"))

    async def pause(self, instance_id: InstanceId) -> Answer:
        return await self.ask(instance_id, Pause(reason="as asked", paused_by="ada"))

    async def resume(self, instance_id: InstanceId, *, shifts_timers: bool = False) -> Answer:
        return await self.ask(
            instance_id,
            Resume(reason="as asked", resumed_by="ada", shifts_timers=shifts_timers),
        )

    async def retry(self, instance_id: InstanceId) -> Answer:
        """What the use case does: read what would be repeated, and ask for that."""
        instance = await self.instance(instance_id)
        return await self.ask(
            instance_id,
            Retry(
                reason="as asked",
                retried_by="ada",
                ordinals=stalled_tasks(instance),
                definition_key=instance.definition_key,
                business_key=instance.business_key,
            ),
        )

    async def redrive(self, instance_id: InstanceId, ordinal: int) -> Answer:
        return await self.ask(instance_id, Redrive(ordinal=ordinal, redriven_by="ada"))

    async def deliver(self) -> None:
        """What the courier does, until nothing is left to say."""
        courier = Courier(self.world.outbox, self.orchestrator, poll_s=1.0)
        while await self.world.outbox.undelivered(1):
            await courier.deliver()

    async def fire_due(self) -> int:
        """What the timers loop does, once."""
        timers = (await self.world.due.timers(BATCH)).timers
        for timer in timers:
            await self.ask(timer.instance_id, Fire(timer_id=timer.timer_id, due=timer.due))
        return len(timers)

    async def rescue(self) -> int:
        """What the rescuer does, once."""
        leases = await self.world.due.expired_leases(BATCH)
        for lease in leases:
            await self.ask(lease.instance_id, Expire(ordinal=lease.ordinal, epoch=lease.epoch))
        return len(leases)

    async def instance(self, instance_id: InstanceId) -> Instance:
        found = await self.world.reader.get_instance(ACME, instance_id)
        assert found is not None
        return found

    async def tasks(self, instance_id: InstanceId) -> Sequence[Task]:
        return await self.world.reader.list_tasks(
            ACME, TaskFilter(instance_id=instance_id), after=None, limit=1_000
        )

    async def history(self, instance_id: InstanceId) -> Sequence[HistoryEntry]:
        return await self.world.reader.list_history(ACME, instance_id, after_seq=0, limit=10_000)

    async def types(self, instance_id: InstanceId) -> list[str]:
        return [entry.type for entry in await self.history(instance_id)]

    async def assert_whole(self, instance_id: InstanceId) -> None:
        """What must hold of every instance at rest: no gap, an unbroken chain, a true snapshot."""
        instance = await self.instance(instance_id)
        entries = await self.history(instance_id)
        assert list(range(1, instance.seq + 1)) == [entry.seq for entry in entries]
        chain = GENESIS
        for entry in entries:
            chain = link(chain, entry.seq, entry.type, entry.payload)
            assert chain == entry.hash
        assert instance.history_hash == chain
        definition = await self.world.definitions.get(ACME, instance.definition_id)
        assert definition is not None
        machine = compile_spec(definition.spec)
        folded = fold(machine, [(_as_decided(entry), entry.created_at) for entry in entries])
        assert json.load(instance.context) == folded.context
        kept = load_snapshot(machine, instance.snapshot)
        assert dump_snapshot(replace(folded, context={})) == dump_snapshot(kept)

    def request(self, instance_id: InstanceId, asked: Asked) -> Request:
        return Request(tenant_id=ACME, instance_id=instance_id, asked=asked)

    async def ask(self, instance_id: InstanceId, asked: Asked) -> Answer:
        return await self.orchestrator.submit(self.request(instance_id, asked))


def _as_decided(entry: HistoryEntry) -> Entry:
    payload = json.load(entry.payload)
    assert isinstance(payload, dict)
    return Entry(type=entry.type, payload=payload, ordinal=entry.ordinal)
