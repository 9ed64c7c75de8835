"""`python -m bench.listing`: pages of a million instances, by each filter, over the API."""

import asyncio
import json as json_text
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import asyncpg
import grpc
import typer
from rich.console import Console
from rich.table import Table

from bench.figures import Latency
from bench.last_words import LastWords
from bench.listing.listings import Listing, listings
from bench.listing.rows import fill
from bench.listing.server_time import ServerTime
from bench.rounds import whole_foliot
from shared.rpc import AUTHORIZATION, BEARER, channel_options

WARM = 3
"""Pages before anything is measured: plans are made, and blocks read."""

FOLLOWED = 20
"""Pages that are read one after the other, before the list is begun anew."""

CALL_WITHIN_S = 120.0

console = Console(width=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """
    Of one listing: what its pages took, what of that was the database's processor, and how many
    rows they had on average.
    """

    listing: str
    pages: int
    rows: float
    latency: Latency
    server: Latency | None


def bench_listing(
    instances: Annotated[int, typer.Option(min=1_000, help="How many there are.")] = 1_000_000,
    pages: Annotated[int, typer.Option(min=1, help="Pages of each listing.")] = 200,
    size: Annotated[int, typer.Option(min=1, max=200, help="Rows of a page.")] = 50,
    only: Annotated[str, typer.Option(help="Only listings whose name has this in it.")] = "",
    json: Annotated[Path | None, typer.Option(help="Write every figure here, as JSON.")] = None,
) -> None:
    """Fill a database, and read pages of it, one after another."""
    chosen = [one for one in listings(size) if only in one.name]
    figures = asyncio.run(_bench(chosen, instances, pages))
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("listing")
    for column in ("rows", "p50 ms", "p99 ms", "worst ms", "server p50", "p99"):
        table.add_column(column, justify="right")
    for one in figures:
        latency = one.latency
        table.add_row(
            one.listing.replace("[", r"\["),
            f"{one.rows:.0f}",
            *(f"{value:.1f}" for value in (latency.p50, latency.p99, latency.worst)),
            *((f"{one.server.p50:.1f}", f"{one.server.p99:.1f}") if one.server else ("–", "–")),
        )
    console.print(table)
    if json is not None:
        json.write_text(json_text.dumps([asdict(one) for one in figures], indent=2))


async def _bench(chosen: Sequence[Listing], instances: int, pages: int) -> Sequence[Figures]:
    async with whole_foliot(LastWords()) as serving:
        running = serving.running
        database = await asyncpg.connect(running.database_url)
        try:
            await fill(database, running.tenant_id, instances, console.print)
            metadata = ((AUTHORIZATION, BEARER + running.api_key),)
            server = ServerTime(database)
            async with grpc.aio.insecure_channel(
                running.address, options=channel_options()
            ) as channel:
                return [await _read(channel, metadata, one, pages, server) for one in chosen]
        finally:
            await database.close()


async def _read(
    channel: grpc.aio.Channel,
    metadata: tuple[tuple[str, str], ...],
    listing: Listing,
    pages: int,
    server: ServerTime,
) -> Figures:
    """So many pages, each a call by itself; from the beginning where the list has ended."""
    ask = getattr(listing.stub(channel), listing.method)
    times_s: list[float] = []
    server_s: list[float] = []
    rows = followed = 0
    request = type(listing.request)()
    request.CopyFrom(listing.request)
    for number in range(WARM + pages):
        if number <= WARM:
            await server.look_up()
        used_s = server.seconds()
        began = time.perf_counter()
        page = await ask(request, metadata=metadata, timeout=CALL_WITHIN_S)
        took_s = time.perf_counter() - began
        if number >= WARM:
            times_s.append(took_s)
            if used_s is not None:
                server_s.append((server.seconds() or used_s) - used_s)
            rows += sum(len(value) for field, value in page.ListFields() if field.is_repeated)
        followed = followed + 1 if page.next_page_token and followed < FOLLOWED else 0
        request.page_token = page.next_page_token if followed else ""
    return Figures(
        listing=listing.name,
        pages=pages,
        rows=rows / pages,
        latency=Latency.of(times_s),
        server=Latency.of(server_s) if server_s else None,
    )


if __name__ == "__main__":
    typer.run(bench_listing)
