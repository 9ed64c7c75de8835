"""
One run: everything is started, load and torment go on beside each other, then all is well
again; within a bound everything must have ended, and what happened is checked.
"""

import asyncio
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import asyncpg

from control_plane.bootstrap import examining
from control_plane.use_cases.examine import examine
from tests.campaigns.chaos.checking import Violation, check
from tests.campaigns.chaos.evidence import gather, keep
from tests.campaigns.chaos.load import Load, loading
from tests.campaigns.chaos.logs import STRIKES, read
from tests.campaigns.chaos.stage import Stage, staged
from tests.campaigns.chaos.torment import Torment

QUIET_WITHIN_S = 60.0
"""The bound for everything to have ended, once the faults are over: on a machine whose cores
are shared, far above the lease, the sweep and the back-offs that promise it."""

TOLD_ALL_WITHIN_S = 10.0
UP_WITHIN_S = 300.0
ANSWERED_WITHIN_S = 120.0
LOOK_EVERY_S = 0.25
PATIENCE = timedelta(seconds=5)

LEFT = """
SELECT (SELECT count(*) FROM foliot.instance WHERE completed_at IS NULL) AS instances,
       (SELECT count(*) FROM foliot.ready) AS ready,
       (SELECT count(*) FROM foliot.delayed) AS delayed,
       (SELECT count(*) FROM foliot.lease) AS leases,
       (SELECT count(*) FROM foliot.timer) AS timers,
       (SELECT count(*) FROM foliot.inbox) AS inbox,
       (SELECT count(*) FROM foliot.outbox) AS outbox
"""


class Bounds(NamedTuple):
    """How long may pass without any answer, and, when all is well, until all has ended."""

    answered_s: float
    quiet_s: float


PATIENT = Bounds(ANSWERED_WITHIN_S, QUIET_WITHIN_S)


@dataclass(slots=True, kw_only=True)
class Result:
    """What a run came to."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    instances: int = 0
    tasks: int = 0
    hand_outs: int = 0
    zombies: int = 0
    acknowledged: int = 0
    tries: int = 0
    entries_watched: int = 0
    entries_followed: int = 0
    strikes: Counter[tuple[str, str]] = field(default_factory=Counter)
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    tormented_s: float = 0.0
    quiet_after_s: float = 0.0
    violations: list[Violation] = field(default_factory=list)
    directory: Path = Path()


async def run_once(
    seed: int,
    *,
    stories: int,
    rate: float = 1.0,
    bug: str = "",
    at_least_s: float = 0.0,
    bounds: Bounds = PATIENT,
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """A run from a seed. The directory of one that found something is left."""
    dice = random.Random(seed)
    result = Result(seed=seed)
    async with (
        staged(random.Random(seed + 1), bug=bug, has_failpoints=True) as stage,
        loading(stage, random.Random(seed + 2)) as load,
    ):
        result.directory = stage.directory
        async with asyncio.timeout(UP_WITHIN_S):
            await load.define(has_limit=seed % 2 == 1)
        torment = Torment(stage, dice, rate)
        began = time.monotonic()
        tormenting = asyncio.ensure_future(torment.run())
        running = asyncio.ensure_future(_keep_telling(load, stories, at_least_s))
        try:
            is_answered = True
            while is_answered and not running.done() and not tormenting.done():
                await asyncio.wait(
                    (tormenting, running),
                    timeout=LOOK_EVERY_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                is_answered = time.monotonic() < load.caller.answered_at + bounds.answered_s
            if tormenting.done():
                await tormenting
            if running.done():
                await running
            else:
                late = f"nobody got any answer for {bounds.answered_s:g} s"
                result.violations.append(Violation("P4", late))
        finally:
            for task in (tormenting, running):
                task.cancel()
            await asyncio.gather(tormenting, running, return_exceptions=True)
        result.tormented_s = time.monotonic() - began
        say(f"tormented for {result.tormented_s:.0f} s; waiting for quiet")
        await torment.relent()
        result.faults = torment.done
        result.tries = load.caller.tries
        await settle(stage, load, result, bounds)
    if not result.violations:
        shutil.rmtree(result.directory)
    return result


async def _keep_telling(load: Load, stories: int, at_least_s: float) -> None:
    """All the stories; and more of them, for as long as a run is to last."""
    until = time.monotonic() + at_least_s
    told = 0
    while told == 0 or time.monotonic() < until:
        await load.run(stories, first=told)
        told += stories


async def settle(stage: Stage, load: Load, result: Result, bounds: Bounds = PATIENT) -> None:
    """When all is well again: wait for the end of everything, and check it."""
    began = time.monotonic()
    left = await _until_quiet(stage, began + bounds.quiet_s)
    result.quiet_after_s = time.monotonic() - began
    load.watchers.are_wanted = False
    if left:
        result.violations.append(Violation("P4", f"{left} after {bounds.quiet_s:g} s"))
    result.violations += await _examined(stage, time.monotonic() + PATIENCE.total_seconds() * 2)
    owner = await asyncpg.connect(stage.owner_url)
    try:
        await _until_all_is_told(owner, load)
        evidence = await gather(stage.directory, owner)
    finally:
        await owner.close()
    result.violations += check(evidence)
    if result.violations:
        keep(evidence, stage.directory, " ".join(found.what for found in result.violations))
    result.instances = len(evidence.instances)
    result.tasks = sum(len(instance.tasks) for instance in evidence.instances.values())
    result.hand_outs = sum(line["what"] == "begun" for line in evidence.effects)
    result.zombies = sum(
        line["what"] == "acked" and line["verdict"].endswith("LEASE_LOST")
        for line in evidence.effects
    )
    result.acknowledged = sum(line["what"] == "answered" for line in evidence.client)
    result.ended.update(
        (task.type, task.status)
        for instance in evidence.instances.values()
        for task in instance.tasks.values()
    )
    result.strikes.update(
        (line["point"], line["action"]) for line in read(stage.directory / STRIKES)
    )
    result.entries_followed = sum(load.followers.told.values())
    result.entries_watched = sum(line["what"] == "entry" for line in evidence.watchers)


async def _until_all_is_told(owner: asyncpg.Connection, load: Load) -> None:
    """Followers of the feed are a little behind; that one misses something is the checker's."""
    until = time.monotonic() + TOLD_ALL_WITHIN_S
    kept = await owner.fetch("SELECT instance_id::text, seq FROM foliot.instance")
    told = load.followers.reached.values()
    # Not an event: what is told is counted elsewhere.
    while time.monotonic() < until and any(  # noqa: ASYNC110
        one.get(instance_id, 0) < seq for one in told for instance_id, seq in kept
    ):
        await asyncio.sleep(LOOK_EVERY_S)


async def _until_quiet(stage: Stage, until: float) -> dict[str, int]:
    """What is left when nothing moves any more: nothing, if all is well."""
    left: dict[str, int] = {"database": 1}
    while left and time.monotonic() < until:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            owner = await asyncpg.connect(stage.owner_url, timeout=2)
            try:
                [row] = await owner.fetch(LEFT)
                left = {name: count for name, count in row.items() if count}
            finally:
                owner.terminate()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            continue
    return left


async def _examined(stage: Stage, until: float) -> Sequence[Violation]:
    """What the doctor finds, and goes on finding."""
    while True:
        found: list[Violation] = []
        async with examining(stage.owner_url) as (doctor, definitions):
            async for progress in examine(doctor, definitions, patience=PATIENCE):
                found += [
                    Violation(
                        one.invariant, f"doctor: {one.instance_id}:{one.ordinal} {one.message}"
                    )
                    for one in progress.findings
                ]
        if not found or time.monotonic() > until:
            return found
        await asyncio.sleep(LOOK_EVERY_S)
