"""
Every failpoint, with every action, on the way of every kind of work.

    python -m tests.campaigns.chaos.points --seed 1 --once --stages 4

First each kind of work is done a few times with nothing armed but a look: which points are on
its way, and how often one process passes them. Cells whose point is not are left out, and
counted. A cell arms one point in all planes, tells one story and waits for its end, within a
bound. Which visit of the point is struck is up to the dice, among those that there are.
Afterwards everything is checked, as after a run of the campaign. All cells are gone through, in
an order that is the seed's; with --count so many of them, and with --once each point and action
with one kind of work on whose way the point is.

Most of a cell's time is leases that run out and people who think. So several stages, each with
servers and planes of its own, share out the cells, and a core.
"""

import argparse
import asyncio
import json
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import asyncpg

from shared.failpoints import POINTS
from shared.telemetry.logging import configure_logging
from tests.campaigns.chaos.campaign import UP_WITHIN_S, Result, settle
from tests.campaigns.chaos.checking import Violation
from tests.campaigns.chaos.load import Load, loading
from tests.campaigns.chaos.logs import STRIKES, Line
from tests.campaigns.chaos.plane import ARMED, REARM
from tests.campaigns.chaos.stage import Stage, staged
from tests.campaigns.chaos.workload import LEASE_S

WORK = {
    "chain": "SYSTEM tasks",
    "call": "HTTP tasks",
    "rest": "TIMER tasks",
    "ask": "HUMAN tasks and timers",
    "parent": "WORKFLOW tasks",
    "talk": "events that have to wait",
    "far": "tasks of workers without a database",
    "own": "starts within a transaction of the caller's",
    "undo": "compensations",
    "panel": "HUMAN tasks that several decide",
    "later": "HTTP tasks that are answered later",
    "choose": "AI tasks",
    "trigger": "starts by a schedule",
    "brief": "instances that are removed",
    "leave": "tasks while planes are told to end, and begin",
}
ACTIONS = ("kill", "stop", "delay", "error")
"""`execute-then-error` is `error` at the point after the operation."""

LOOKS = 3
"""Stories of each kind that show which points are on its way."""

LOOK = "*=delay:0"
"""What lets every point say that it is passed."""

DELAY_S = 1.5 * LEASE_S
STOPPED_S = 2 * LEASE_S
VISITS = (1, 2, 3, 5)
"""Of these, one is struck; the first, if that one does not come."""

LOOK_EVERY_S = 0.03
ENDS_WITHIN_S = 120.0
REPEATED = ("loop.", "due.", "executor.extend.", "claims.extend.")
ONE_MORE_ROUND_S = 1.5
"""What repeats passes its points within this time."""

TOLD_EVERY = 50

OPEN = "SELECT count(*) FROM foliot.instance WHERE completed_at IS NULL"


class Cell(NamedTuple):
    point: str
    action: str
    work: str


def cells() -> list[Cell]:
    """All that there are. Where an error could only be a bug there is none."""
    return [
        Cell(point, action, work)
        for point, error in POINTS.items()
        for action in ACTIONS
        for work in WORK
        if action != "error" or error is not None
    ]


Ways = Mapping[tuple[str, str], int]
"""By kind of work and point: how often one process passes it in one story, at most."""


@dataclass(slots=True)
class Matrix:
    """The cells of a stage. `struck` are those whose point was passed and did what it should."""

    stage: Stage
    load: Load
    dice: random.Random
    struck: set[Cell] = field(default_factory=set)
    late: list[Violation] = field(default_factory=list)
    _told: int = 0
    _offset: int = 0
    _struck: list[Line] = field(default_factory=list)
    _seen: list[Line] = field(default_factory=list)
    """What was struck in the last story."""

    async def survey(self) -> Ways:
        """Which points are on the way of each kind of work."""
        ways: Counter[tuple[str, str]] = Counter()
        for work in WORK:
            for _ in range(LOOKS):
                await self._strike(Cell("", "", work), LOOK)
                passed = Counter((line["pid"], line["point"]) for line in self._seen)
                for (_, point), times in passed.items():
                    ways[work, point] = max(ways[work, point], times)
        return ways

    async def go_through(self, chosen: Sequence[Cell], ways: Ways) -> None:
        for cell in chosen:
            most = ways[cell.work, cell.point]
            visit = self.dice.choice([one for one in VISITS if one <= most])
            for nth in dict.fromkeys((visit, 1)):
                if await self._enter(cell, nth):
                    self.struck.add(cell)
                    break

    async def _enter(self, cell: Cell, visit: int) -> bool:
        """Whether the point was passed so often."""
        action = f"delay:{DELAY_S:g}" if cell.action == "delay" else cell.action
        await self._strike(cell, f"{cell.point}={action},nth={visit}")
        return any(line["point"] == cell.point for line in self._seen)

    async def _strike(self, cell: Cell, rule: str) -> None:
        """One story of the cell's work under this rule."""
        self._arm(rule)
        if cell.work == "leave":
            self.stage.planes.armed_next = rule
        watching = asyncio.ensure_future(self._wake_the_stopped())
        try:
            await self._tell(cell)
        except TimeoutError:
            late = f"a story of {cell.work} does not end after {cell.action} at {cell.point}"
            self.late.append(Violation("P4", late))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        self._seen = list(self._strikes())
        self._arm("")
        # Whoever stands still hears that nothing is armed as soon as it goes on.
        for plane in self.stage.planes.living():
            self.stage.planes.signal(plane.pid, signal.SIGCONT)

    async def _tell(self, cell: Cell) -> None:
        self._told += 1
        kind = "chain" if cell.work == "leave" else cell.work
        async with asyncio.timeout(ENDS_WITHIN_S):
            telling = asyncio.ensure_future(self.load.tell(f"{kind}-{self._told}", kind))
            if cell.work == "leave":
                for kind in self.dice.sample(("executor", "control-plane"), 2):
                    await asyncio.sleep(self.dice.uniform(0, 0.2))
                    living = [one for one in self.stage.planes.living() if one.kind == kind]
                    if living:
                        self.stage.planes.tell_to_end(self.dice.choice(living))
            try:
                await telling
                await self._until_ended()
            finally:
                telling.cancel()
            if cell.work == "leave" or cell.point.startswith(REPEATED):
                await self._until(lambda: self._has_struck(cell.point), ONE_MORE_ROUND_S)

    async def _until_ended(self) -> None:
        owner = await asyncpg.connect(self.stage.owner_url)
        try:
            # Not an event: the planes are other processes.
            while await owner.fetchval(OPEN):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            owner.terminate()

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not holds():  # noqa: ASYNC110 - as above
            await asyncio.sleep(LOOK_EVERY_S)

    async def _wake_the_stopped(self) -> None:
        """Who stands still is woken, long after its lease has run out."""
        since: dict[int, float] = {}
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for line in self._strikes():
                if line["action"] == "stop":
                    since.setdefault(line["pid"], time.monotonic())
            for pid, at in since.items():
                if time.monotonic() > at + STOPPED_S:
                    self.stage.planes.signal(pid, signal.SIGCONT)

    def _arm(self, text: str) -> None:
        self.stage.planes.armed_next = ""
        self._strikes()
        self._struck.clear()
        (self.stage.directory / ARMED).write_text(text)
        for plane in self.stage.planes.living():
            self.stage.planes.signal(plane.pid, REARM)

    def _has_struck(self, point: str) -> bool:
        return any(line["point"] == point for line in self._strikes())

    def _strikes(self) -> list[Line]:
        """Since the last time that something was armed."""
        with (self.stage.directory / STRIKES).open() as log:
            log.seek(self._offset)
            while (line := log.readline()).endswith("\n"):
                self._struck.append(json.loads(line))
                self._offset = log.tell()
        return self._struck


@dataclass(slots=True, kw_only=True)
class Passage:
    """What going through cells came to."""

    results: list[Result] = field(default_factory=list)
    asked: list[Cell] = field(default_factory=list)
    """Those that were chosen and have their point on their way."""
    struck: set[Cell] = field(default_factory=set)
    ways: Ways = field(default_factory=dict)

    @property
    def violations(self) -> list[Violation]:
        return [found for result in self.results for found in result.violations]


async def run(
    seed: int,
    chosen: Sequence[Cell],
    *,
    stages: int = 1,
    surveys: bool = False,
    once: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Passage:
    """
    Go through the cells, shared out among stages, and check what came of it all. Without a
    survey every point is taken to be on every way. `once` is for each point and action.
    """
    passage = Passage()
    surveyed: asyncio.Future[Ways] = asyncio.get_running_loop().create_future()

    async def go(number: int) -> None:
        result, matrix = Result(seed=seed), None
        async with (
            staged(
                random.Random(seed + number), has_failpoints=False, executors=2, long_share=0
            ) as stage,
            loading(stage, random.Random(seed + number)) as load,
        ):
            result.directory = stage.directory
            async with asyncio.timeout(UP_WITHIN_S):
                await load.define()
            matrix = Matrix(stage, load, random.Random(seed + number))
            if number == 0:
                surveyed.set_result(await matrix.survey() if surveys else _anywhere(chosen))
            ways = await surveyed
            share = _on_their_way(chosen, ways, once=once)[number::stages]
            passage.asked += share
            for first in range(0, len(share), TOLD_EVERY):
                part = share[first : first + TOLD_EVERY]
                await matrix.go_through(part, ways)
                say(f"stage {number}: {first + len(part)} of {len(share)} cells")
            passage.struck |= matrix.struck
            result.violations += matrix.late
            await settle(stage, load, result)
        if not result.violations:
            shutil.rmtree(result.directory)
        passage.results.append(result)

    async with asyncio.TaskGroup() as group:
        for number in range(stages):
            group.create_task(go(number))
    passage.ways = surveyed.result()
    return passage


def _on_their_way(chosen: Sequence[Cell], ways: Ways, *, once: bool) -> list[Cell]:
    found = [cell for cell in chosen if ways.get((cell.work, cell.point))]
    if not once:
        return found
    # The last wins; the first is to.
    return list({(cell.point, cell.action): cell for cell in reversed(found)}.values())


def _anywhere(chosen: Sequence[Cell]) -> Ways:
    return {(cell.work, cell.point): max(VISITS) for cell in chosen}


def choose(seed: int, count: int) -> list[Cell]:
    """So many cells, or all, in the order of a seed; each point and action before any again."""
    every = cells()
    random.Random(seed).shuffle(every)
    before: Counter[tuple[str, str]] = Counter()
    rounds: dict[Cell, int] = {}
    for cell in every:
        rounds[cell] = before[cell.point, cell.action]
        before[cell.point, cell.action] += 1
    return sorted(every, key=rounds.__getitem__)[: count or None]


def main() -> int:
    """Zero when nothing was found, and every point was struck if all cells were gone through."""
    options = argparse.ArgumentParser(prog="python -m tests.campaigns.chaos.points")
    options.add_argument("--seed", type=int)
    options.add_argument("--count", type=int, default=0, help="cells; not set means all")
    options.add_argument("--once", action="store_true", help="one kind of work for each")
    options.add_argument("--stages", type=int, default=1, help="that share them out")
    given = options.parse_args()
    configure_logging("console", "error")
    seed = given.seed if given.seed is not None else random.Random().randrange(2**31)
    chosen = choose(seed, given.count)
    _say(
        f"python -m tests.campaigns.chaos.points --seed {seed} --count {given.count}"
        f"{' --once' * given.once} --stages {given.stages}"
    )
    began = time.monotonic()
    passage = asyncio.run(
        run(seed, chosen, stages=given.stages, surveys=True, once=given.once, say=_say)
    )
    _tell(chosen, passage, time.monotonic() - began)
    never = POINTS.keys() - {cell.point for cell in passage.struck}
    return 1 if passage.violations or (never and not given.count) else 0


def _tell(chosen: Sequence[Cell], passage: Passage, seconds: float) -> None:
    results = passage.results
    pairs = {(cell.point, cell.action) for cell in chosen}
    struck = {(cell.point, cell.action) for cell in passage.struck}
    points = {cell.point for cell in chosen}
    never = sorted(points - {cell.point for cell in passage.struck})
    _say(
        f"{len(chosen)} cells: {len(passage.asked)} have the point on their way,"
        f" {len(passage.struck)} were struck, at {len(points) - len(never)} of {len(points)}"
        f" points, {len(struck)} of {len(pairs)} points and actions;"
        f" {sum(result.instances for result in results)} instances,"
        f" {sum(result.tasks for result in results)} tasks in"
        f" {sum(result.hand_outs for result in results)} hand-outs; quiet after"
        f" {max(result.quiet_after_s for result in results):.1f} s; {seconds:.0f} s in all;"
        f" {len(passage.violations)} violations"
    )
    missed = [cell for cell in passage.asked if cell not in passage.struck]
    if missed:
        _say(f"not struck: {', '.join(' '.join(cell) for cell in sorted(missed))}")
    if never:
        _say(f"never struck: {', '.join(never)}")
    for result in results:
        for violation in result.violations:
            _say(f"  {violation.invariant}: {violation.what} ({result.directory})")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
