"""
`python -m bench.watching`: many watchers of one server, and what they cost it.

Half of the streams watch an instance each, the other half the tenant's feed by a business
key each; a few watch the whole feed. Events come at a steady rate, and each is two entries of
history. An entry's lag is the time from its `create_time`, which is taken before it is
decided and committed, until a watcher has it: all on one machine, with one clock. Of each
instance each stream has to tell every entry once, in order; else the bench fails.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import grpc
import psutil
import typer
from foliot.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_pb2,
    event_service_pb2,
    event_service_pb2_grpc,
    history_entry_pb2,
    instance_service_pb2,
    instance_service_pb2_grpc,
    json_pb2,
    quota_pb2,
)
from rich.console import Console
from rich.table import Table

from bench.figures import Latency
from bench.last_words import LastWords
from bench.rounds import whole_foliot
from control_plane.access.keys import MintedKey, mint
from control_plane.access.roles import PLATFORM_ADMIN
from control_plane.api.admission import MAX_WATCHES_PER_CALLER
from control_plane.bootstrap import let_in
from control_plane.embedded.running import Running
from shared.ids import TenantId
from shared.rpc import AUTHORIZATION, BEARER, channel_options

KEY = "watched"
SPEC: Mapping[str, Any] = {
    "id": KEY,
    "initial": "off",
    "states": {"off": {"on": {"TOGGLE": "on"}}, "on": {"on": {"TOGGLE": "off"}}},
}
ENTRIES_OF_AN_EVENT = 2
WHOLE_FEEDS = 5
"""Watchers that are told everything."""

BATCH = 10
"""Events in one call."""

AT_ONCE = 100
"""Calls under way. Where the server cannot keep up, the rate is what it can."""

UNREACHED = 1_000_000_000
"""A quota beyond what is measured."""

SETTLE_S = 3.0
"""Before and after what is measured: streams to open, the last entries to arrive."""

console = Console(width=110)

Metadata = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Heard:
    """What the watchers were told while it was measured."""

    lags_s: dict[str, list[float]] = field(
        default_factory=lambda: {"instance": [], "feed": [], "whole feed": []}
    )
    messages: Counter[str] = field(default_factory=Counter)
    is_on: bool = False

    def take(self, kind: str, entries: Sequence[history_entry_pb2.HistoryEntry]) -> None:
        if self.is_on and entries:
            now = time.time()
            self.messages[kind] += 1
            self.lags_s[kind] += (
                now - one.create_time.seconds - one.create_time.nanos / 1e9 for one in entries
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run came to."""

    streams: int
    entries_per_s: float
    told_per_s: float
    lags: Mapping[str, Latency]
    control_plane: float
    postgres: float
    client: float
    """Cores that were busy, as the two above."""

    reads_per_s: float
    """Of the feed's index: two for each look, one for each commit."""


def bench_watching(
    streams: Annotated[int, typer.Option(min=0, max=1_900, help="Watchers.")] = 1_000,
    rate: Annotated[int, typer.Option(min=2, max=20_000, help="Entries a second.")] = 2_000,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long.")] = 20.0,
    json: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measure what watchers cost, and how long after it happened they hear of something."""
    measured = asyncio.run(_measured(streams, rate, seconds))
    _show(measured)
    if json is not None:
        json.write_text(_as_json(measured))


async def _measured(streams: int, rate: int, seconds: float) -> Measured:
    words = LastWords()
    async with whole_foliot(words) as serving:
        running = serving.running
        pids = {name: serving.supervisor.pid_of(name) for name in ("control-plane", "postgres")}
        admin = ((AUTHORIZATION, BEARER + running.api_key),)
        count = max(1, streams // 2)
        async with AsyncExitStack() as exits:
            channel = await exits.enter_async_context(
                grpc.aio.insecure_channel(running.address, options=channel_options())
            )
            database = await asyncpg.connect(running.database_url)
            exits.push_async_callback(database.close)
            await _lift_quotas(channel, running)
            instances = await _instances(channel, admin, count)
            keys = await _keys(running, streams + WHOLE_FEEDS)
            heard = Heard()
            async with _watching(running.address, keys, instances, streams, heard):
                await asyncio.sleep(SETTLE_S)
                heard.is_on = True
                before, began = _cpu_s(pids) | _own_cpu_s(), time.monotonic()
                reads = await _feed_reads(database)
                sent = await _events(channel, admin, count, rate, seconds)
                took, after = time.monotonic() - began, _cpu_s(pids) | _own_cpu_s()
                reads = await _feed_reads(database) - reads
                await asyncio.sleep(SETTLE_S)
    return Measured(
        streams=streams + WHOLE_FEEDS,
        entries_per_s=sent * ENTRIES_OF_AN_EVENT / took,
        told_per_s=sum(len(lags) for lags in heard.lags_s.values()) / took,
        lags={kind: Latency.of(lags) for kind, lags in heard.lags_s.items() if lags},
        control_plane=(after["control-plane"] - before["control-plane"]) / took,
        postgres=(after["postgres"] - before["postgres"]) / took,
        client=(after["client"] - before["client"]) / took,
        reads_per_s=reads / took,
    )


async def _instances(channel: grpc.aio.Channel, admin: Metadata, count: int) -> Sequence[str]:
    definitions = definition_service_pb2_grpc.DefinitionServiceStub(channel)
    made = await definitions.CreateDefinition(
        definition_service_pb2.CreateDefinitionRequest(
            key=KEY, spec=json_pb2.Json(json=json.dumps(SPEC))
        ),
        metadata=admin,
    )
    await definitions.ActivateDefinition(
        definition_service_pb2.ActivateDefinitionRequest(
            definition_id=made.definition.definition_id
        ),
        metadata=admin,
    )
    stub = instance_service_pb2_grpc.InstanceServiceStub(channel)
    started = await asyncio.gather(
        *(
            stub.StartInstance(
                instance_service_pb2.StartInstanceRequest(
                    definition_key=KEY, business_key=f"k-{number}"
                ),
                metadata=admin,
            )
            for number in range(count)
        )
    )
    return [answer.instance.instance_id for answer in started]


async def _lift_quotas(channel: grpc.aio.Channel, running: Running) -> None:
    """More streams than a tenant may have, and more calls a second: a batch counts as many."""
    key = mint(tenant_id=None, role=PLATFORM_ADMIN, pepper=_pepper(running))
    await let_in(running.database_url, [key.stored], "")
    for kind in (quota_pb2.QUOTA_KIND_STREAMS, quota_pb2.QUOTA_KIND_CALLS_PER_SECOND):
        await admin_service_pb2_grpc.AdminServiceStub(channel).SetQuota(
            admin_service_pb2.SetQuotaRequest(
                tenant_id=running.tenant_id, kind=kind, limit=UNREACHED
            ),
            metadata=((AUTHORIZATION, BEARER + key.text),),
        )


def _pepper(running: Running) -> str:
    found: str = json.loads((Path(running.data_dir) / "keys.json").read_text())["pepper"]
    return found


async def _keys(running: Running, streams: int) -> Sequence[MintedKey]:
    """As many callers as it takes: each may watch by so many streams."""
    pepper = _pepper(running)
    tenant = TenantId(running.tenant_id)
    callers = -(-streams // MAX_WATCHES_PER_CALLER)
    keys = [mint(tenant_id=tenant, role="viewer", pepper=pepper) for _ in range(callers)]
    await let_in(running.database_url, [key.stored for key in keys], "Development")
    return keys


@asynccontextmanager
async def _watching(
    address: str, keys: Sequence[MintedKey], instances: Sequence[str], streams: int, heard: Heard
) -> AsyncIterator[None]:
    """All streams, open."""
    callers = [
        ((AUTHORIZATION, BEARER + key.text),) for key in keys for _ in range(MAX_WATCHES_PER_CALLER)
    ]
    async with AsyncExitStack() as exits:
        # One connection takes a thousand streams; a browser's gateway has several as well.
        stubs = [
            event_service_pb2_grpc.EventServiceStub(
                await exits.enter_async_context(
                    grpc.aio.insecure_channel(
                        address,
                        options=[*channel_options(), ("grpc.use_local_subchannel_pool", 1)],
                    )
                )
            )
            for _ in range(4)
        ]
        tasks = []
        for number in range(streams + WHOLE_FEEDS):
            stub, caller = stubs[number % len(stubs)], callers[number]
            if number >= streams:
                reading = _follow(stub, caller, "", "whole feed", heard)
            elif number % 2:
                filter_ = f'business_key = "k-{number // 2 % len(instances)}"'
                reading = _follow(stub, caller, filter_, "feed", heard)
            else:
                instance_id = instances[number // 2 % len(instances)]
                reading = _watch(stub, caller, instance_id, heard)
            tasks.append(asyncio.create_task(reading))
        yield
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            # Cancelled while it reads, a stream may say so in gRPC's way.
            is_ours = isinstance(error, asyncio.CancelledError) or (
                isinstance(error, grpc.aio.AioRpcError)
                and error.code() is grpc.StatusCode.CANCELLED
            )
            assert is_ours, f"a stream ended by itself: {error!r}"


class InOrder:
    """What one stream has told: of each instance every entry once, one after another."""

    def __init__(self) -> None:
        self._at: dict[str, int] = {}

    def check(self, instance_id: str, seq: int) -> None:
        """A stream may begin anywhere, and has to go on from there. Raises RuntimeError."""
        at = self._at.get(instance_id)
        if at is not None and seq != at + 1:
            raise RuntimeError(f"entry {seq} of {instance_id} came after {at}")
        self._at[instance_id] = seq


async def _watch(stub: Any, caller: Metadata, instance_id: str, heard: Heard) -> None:
    order = InOrder()
    request = event_service_pb2.WatchInstanceRequest(instance_id=instance_id)
    async for message in stub.WatchInstance(request, metadata=caller):
        if message.HasField("entry"):
            order.check(instance_id, message.seq)
            heard.take("instance", [message.entry])


async def _follow(stub: Any, caller: Metadata, filter_: str, kind: str, heard: Heard) -> None:
    order = InOrder()
    request = event_service_pb2.WatchEventsRequest(filter=filter_)
    async for message in stub.WatchEvents(request, metadata=caller):
        for one in message.entries:
            order.check(one.instance_id, one.entry.seq)
        heard.take(kind, [one.entry for one in message.entries])


async def _events(
    channel: grpc.aio.Channel, admin: Metadata, count: int, rate: int, seconds: float
) -> int:
    """Toggle the instances in turn, at the rate, for so long; how often that was."""
    stub = event_service_pb2_grpc.EventServiceStub(channel)
    loop = asyncio.get_running_loop()
    began = loop.time()
    batches = round(rate / ENTRIES_OF_AN_EVENT * seconds / BATCH)
    room = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as calls:
        for batch in range(batches):
            due = began + batch * seconds / batches
            await asyncio.sleep(max(0.0, due - loop.time()))
            items = [
                event_service_pb2.IngestItem(
                    event=event_pb2.Event(event_id=str(number), type="TOGGLE"),
                    definition_key=KEY,
                    business_key=f"k-{number % count}",
                    action=event_service_pb2.INGEST_ACTION_CORRELATE,
                )
                for number in range(batch * BATCH, (batch + 1) * BATCH)
            ]
            request = event_service_pb2.IngestEventsRequest(items=items)
            await room.acquire()
            calls.create_task(_ingested(stub, request, admin, room))
    return batches * BATCH


async def _ingested(stub: Any, request: Any, admin: Metadata, room: asyncio.Semaphore) -> None:
    try:
        answer = await stub.IngestEvents(request, metadata=admin)
    finally:
        room.release()
    failed = [one.error for one in answer.results if one.HasField("error")]
    if failed:
        raise RuntimeError(f"an event was refused: {failed[0].message}")


async def _feed_reads(connection: Any) -> int:
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    found: int = await connection.fetchval(
        "SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelname = 'feed_pkey'"
    )
    return found


def _cpu_s(pids: Mapping[str, int | None]) -> dict[str, float]:
    found = {}
    for name, pid in pids.items():
        first = psutil.Process(pid)
        total = 0.0
        for process in (first, *first.children(recursive=True)):
            times = process.cpu_times()
            total += times.user + times.system
        found[name] = total
    return found


def _own_cpu_s() -> dict[str, float]:
    times = psutil.Process().cpu_times()
    return {"client": times.user + times.system}


def _show(measured: Measured) -> None:
    table = Table(
        "streams", "entries/s", "told/s", "control plane", "postgres", "client", "feed reads/s"
    )
    table.add_row(
        f"{measured.streams:,}",
        f"{measured.entries_per_s:,.0f}",
        f"{measured.told_per_s:,.0f}",
        f"{measured.control_plane:.2f} cores",
        f"{measured.postgres:.2f} cores",
        f"{measured.client:.2f} cores",
        f"{measured.reads_per_s:,.0f}",
    )
    console.print(table)
    lags = Table("lag, ms", "p50", "p99", "worst")
    for kind, lag in measured.lags.items():
        lags.add_row(kind, f"{lag.p50:.1f}", f"{lag.p99:.1f}", f"{lag.worst:.1f}")
    console.print(lags)


def _as_json(measured: Measured) -> str:
    return json.dumps(
        {
            "streams": measured.streams,
            "entries_per_s": measured.entries_per_s,
            "told_per_s": measured.told_per_s,
            "control_plane_cores": measured.control_plane,
            "postgres_cores": measured.postgres,
            "client_cores": measured.client,
            "feed_reads_per_s": measured.reads_per_s,
            "lag_ms": {
                kind: {"p50": lag.p50, "p99": lag.p99} for kind, lag in measured.lags.items()
            },
        },
        indent=2,
    )


if __name__ == "__main__":
    typer.run(bench_watching)
