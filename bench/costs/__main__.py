"""`python -m bench.costs`: what a step, an instance, a tenant and a long history cost."""

import asyncio
import json as json_text
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from foliot.v1 import tenant_service_pb2, tenant_service_pb2_grpc
from grpc.aio import insecure_channel
from rich.console import Console

from bench.client import Client
from bench.costs.advance import advance, define
from bench.costs.ledger import Spent, read_ledger
from bench.last_words import LastWords
from bench.observer import observing
from bench.rounds import whole_foliot
from bench.specs import CHAIN_LENGTH, chain
from control_plane.access.keys import mint
from control_plane.access.roles import PLATFORM_ADMIN
from control_plane.bootstrap import let_in
from control_plane.cli.development import Development
from shared.rpc import AUTHORIZATION, BEARER, channel_options

WARM = 64
IN_FLIGHT = 128
TENANTS = 200
EVENTS = 200
PASTS = (10, 1_000, 100_000)
ROUNDS = 5
"""For each past, with an instance each; the best counts, as others disturb."""

PROCESSES = ("control-plane", "executor", "postgres")
LOOK_EVERY_S = 0.25

console = Console(width=120)


def bench_costs(
    chains: Annotated[int, typer.Option(min=1, help="Of ten tasks each.")] = 1_000,
    tenants: Annotated[int, typer.Option(min=1, help="That are made.")] = TENANTS,
    events: Annotated[int, typer.Option(min=1, help="For each length of a past.")] = EVENTS,
    json: Annotated[Path | None, typer.Option(help="Write every figure here, as JSON.")] = None,
) -> None:
    """Run chains, make tenants, wake an instance with a long past; and say what it cost."""
    figures = asyncio.run(_bench(chains, tenants, events))
    console.print_json(data=figures)
    if json is not None:
        json.write_text(json_text.dumps(figures, indent=2) + "\n")


async def _bench(chains: int, tenants: int, events: int) -> dict[str, Any]:
    async with whole_foliot(LastWords()) as serving:
        connection = await asyncpg.connect(serving.running.database_url)
        try:
            return {
                "steps": await _steps(serving, connection, chains),
                "tenants": await _tenants(serving, connection, tenants),
                "pasts": await _pasts(serving, connection, events),
            }
        finally:
            await connection.close()


async def _steps(
    serving: Development, connection: asyncpg.Connection, chains: int
) -> dict[str, Any]:
    client = Client(serving.running.address, serving.running.api_key)
    await client.define({"key": "chain", "spec": chain(CHAIN_LENGTH)})
    await _carried_out(serving, client, WARM, WARM)
    before = await read_ledger(connection, _pids(serving))
    await _carried_out(serving, client, chains, WARM + chains)
    spent = Spent.between(before, await read_ledger(connection, _pids(serving)))
    return {
        "steps": chains * CHAIN_LENGTH,
        **_of_each(spent, chains * CHAIN_LENGTH),
        "instances": chains,
        "rows_of_an_instance": _rows(spent, chains),
        "bytes_of_an_instance": round(_bytes(spent) / chains),
    }


async def _carried_out(serving: Development, client: Client, count: int, in_all: int) -> None:
    await client.start({"key": "chain", "input": {}, "count": count, "in_flight": IN_FLIGHT})
    async with observing(serving.running.database_url, serving.running.tenant_id) as observer:
        await observer.until_closed("chain", in_all, every_s=LOOK_EVERY_S, progress=lambda _: None)


async def _tenants(
    serving: Development, connection: asyncpg.Connection, count: int
) -> dict[str, Any]:
    """Made over the API, each with a key."""
    running = serving.running
    keys = json_text.loads((Path(running.data_dir) / "keys.json").read_text())
    admin = mint(tenant_id=None, role=PLATFORM_ADMIN, pepper=keys["pepper"])
    await let_in(running.database_url, [admin.stored], "")
    metadata = ((AUTHORIZATION, BEARER + admin.text),)
    before = await read_ledger(connection, _pids(serving))
    async with insecure_channel(running.address, options=channel_options()) as channel:
        stub = tenant_service_pb2_grpc.TenantServiceStub(channel)
        for number in range(count):
            name = f"tenant-{number}"
            await stub.CreateTenant(
                tenant_service_pb2.CreateTenantRequest(tenant_id=name), metadata=metadata
            )
            await stub.CreateApiKey(
                tenant_service_pb2.CreateApiKeyRequest(tenant_id=name, role="tenant_admin"),
                metadata=metadata,
            )
    spent = Spent.between(before, await read_ledger(connection, _pids(serving)))
    return {"tenants": count, **_of_each(spent, count)}


async def _pasts(
    serving: Development, connection: asyncpg.Connection, events: int
) -> list[dict[str, Any]]:
    await define(serving.running)
    found = {
        entries: [
            await advance(serving.running, connection, entries, events) for _ in range(ROUNDS)
        ]
        for entries in PASTS
    }
    return [
        {
            "entries": entries,
            "p50_ms": round(min(latency.p50 for latency, _ in rounds), 2),
            "p99_ms": round(min(latency.p99 for latency, _ in rounds), 2),
            "server_ms": round(min(server_s or 0.0 for _, server_s in rounds) * 1e3, 2),
        }
        for entries, rounds in found.items()
    ]


def _pids(serving: Development) -> dict[str, int]:
    pids = {name: serving.supervisor.pid_of(name) for name in PROCESSES}
    return {name: pid for name, pid in pids.items() if pid is not None}


def _of_each(spent: Spent, count: int) -> dict[str, Any]:
    return {
        "cpu_us": {name: round(used / count * 1e6) for name, used in spent.used.cpu_s.items()},
        "wal_bytes": round(spent.used.wal / count),
        "rows": _rows(spent, count),
        "bytes": round(_bytes(spent) / count),
    }


def _rows(spent: Spent, count: int) -> dict[str, float]:
    """Of the tables that have more of them than before."""
    return {
        name: round(table.rows / count, 2)
        for name, table in sorted(spent.tables.items())
        if table.rows >= count / 20
    }


def _bytes(spent: Spent) -> int:
    """On disk, after what was emptied was given back."""
    return sum(table.heap + table.indexes for table in spent.tables.values())


if __name__ == "__main__":
    typer.run(bench_costs)
