"""What the database has when all is over, and what handlers wrote down."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from tests.campaigns.topology.checking import Effect, Kept

LOOK_EVERY_S = 0.25
OPEN = "SELECT count(*) FROM foliot.instance WHERE completed_at IS NULL"
ENTRIES = "SELECT count(*) FROM foliot.history"


async def until_quiet(url: str, within_s: float) -> float:
    """Wait for every instance to end; how long that took. Raises TimeoutError."""
    began = time.monotonic()
    owner = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(within_s):
            while await owner.fetchval(OPEN):  # noqa: ASYNC110 - nor does a database
                await asyncio.sleep(LOOK_EVERY_S)
    finally:
        await owner.close()
    return time.monotonic() - began


async def entries_in(url: str) -> int:
    """How many entries all histories have."""
    owner = await asyncpg.connect(url)
    try:
        count: int = await owner.fetchval(ENTRIES)
    finally:
        await owner.close()
    return count


async def gather(url: str) -> Mapping[str, Kept]:
    """Every instance by its id."""
    owner = await asyncpg.connect(url)
    try:
        outputs: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for row in await owner.fetch(
            "SELECT instance_id, ordinal, output FROM foliot.task WHERE status = 'succeeded'"
        ):
            instance_id = str(row["instance_id"])
            outputs[instance_id][f"{instance_id}:{row['ordinal']}"] = json.loads(row["output"])
        applied: defaultdict[str, list[str]] = defaultdict(list)
        entries: defaultdict[str, int] = defaultdict(int)
        for row in await owner.fetch(
            "SELECT instance_id, type, payload FROM foliot.history ORDER BY instance_id, seq"
        ):
            instance_id = str(row["instance_id"])
            entries[instance_id] += 1
            if row["type"] == "EVENT_RECEIVED":
                said = json.loads(row["payload"])
                if said["disposition"] == "APPLIED":
                    applied[instance_id].append(said["event_id"])
        return {
            (key := str(row["instance_id"])): Kept(
                key=row["business_key"],
                status=row["status"],
                applied=applied[key],
                entries=entries[key],
                outputs=outputs[key],
            )
            for row in await owner.fetch(
                "SELECT instance_id, business_key, status FROM foliot.instance"
            )
        }
    finally:
        await owner.close()


def effects_in(file: Path) -> Sequence[Effect]:
    """Every run of the function, in the order in which they ended."""
    if not file.exists():
        return []
    return [Effect(**json.loads(line)) for line in file.read_text().splitlines()]
