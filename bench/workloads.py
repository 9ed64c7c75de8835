"""The workloads: what is started, how much of it at once, and what is timed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.observer import Broken
from bench.specs import CHAIN_LENGTH, FAN_WIDTH, WAKE_EVENT, Spec, alarm, chain, fan, wake
from bench.stage import Outcome, Stage

HELLOS = 5_000
CHAINS = 1_000
LONE_CHAINS = 200
FANS = 30
SLEEPERS = 2_000
TIMERS = 2_000
LONE_STARTS = 300

STARTS_IN_FLIGHT = 128
SENDS_IN_FLIGHT = 32
"""As many as an integration that is woken by its own events might have."""

LOOK_S = 0.05
"""Between two looks at how far a saturating workload is; each costs about a millisecond."""

LOOK_CLOSELY_S = 0.01
"""Where the look itself is the measurement, or the machine is idle anyway."""

LOOK_AT_EACH_S = 0.02
"""Where each instance's own end counts."""

LOOK_AT_ONE_S = 0.001
"""At an instance that runs alone and is about to end; such a look takes a tenth of that."""

SURELY = 0.7
"""The part of the quickest time so far for which nobody looks."""

ARM_AHEAD_S = 12.0
"""How long before their instant the timers are armed, all of them; less of fewer."""

ARM_AHEAD_AT_LEAST_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A workload by its name."""

    name: str
    about: str
    unit: str
    """What its rate counts."""

    size: int
    """Instances, at scale 1."""

    spec: Spec
    run: Callable[[Stage], Awaitable[Outcome]]
    saturates: bool
    """Whether it keeps the machine busy, so that a rate and a capacity mean something."""


async def hello(stage: Stage) -> Outcome:
    """Start instances of one task, many calls at a time, until all are over."""
    return await _flood(stage, tasks=1)


async def chains(stage: Stage) -> Outcome:
    """Start instances of ten tasks in sequence, many calls at a time, until all are over."""
    return await _flood(stage, tasks=CHAIN_LENGTH)


async def lone_chains(stage: Stage) -> Outcome:
    """One chain after another, nothing else: a step is a tenth of a chain."""
    took = await _one_by_one(stage)
    return Outcome(
        operations=stage.size * CHAIN_LENGTH,
        instances=stage.size,
        tasks=stage.size * CHAIN_LENGTH,
        seconds=sum(took),
        latencies_s={"step": [chain_s / CHAIN_LENGTH for chain_s in took]},
    )


async def fans(stage: Stage) -> Outcome:
    """One instance after another, each of a hundred parallel tasks and their join."""
    took = await _one_by_one(stage)
    return Outcome(
        operations=stage.size * FAN_WIDTH,
        instances=stage.size,
        tasks=stage.size * FAN_WIDTH,
        seconds=sum(took),
        latencies_s={"fan": took},
    )


async def sleepers(stage: Stage) -> Outcome:
    """Everybody waits for an event; each gets it, carries out one task, and is over."""
    started = await stage.driver.start(stage.key, count=stage.size, in_flight=STARTS_IN_FLIGHT)
    if await stage.observer.waiting(stage.key) != stage.size:
        raise Broken(f"{stage.key}: not every instance waits although every start was answered")
    async with stage.measured():
        sent, seen = await asyncio.gather(
            stage.driver.send(started.ids, WAKE_EVENT, in_flight=SENDS_IN_FLIGHT),
            stage.observer.when_closed(stage.key, stage.size, every_s=LOOK_AT_EACH_S),
        )
    return Outcome(
        operations=stage.size,
        instances=stage.size,
        tasks=stage.size,
        seconds=max(seen.values()) - min(sent.sent),
        latencies_s={
            # Over before the client's answer was read is over at once.
            "wake": [
                max(0.0, seen[instance_id] - accepted)
                for instance_id, accepted in zip(sent.ids, sent.answered, strict=True)
            ]
        },
    )


async def alarms(stage: Stage) -> Outcome:
    """Timers due at the same instant. The lag is from then until its commit was seen."""
    ahead_s = max(ARM_AHEAD_AT_LEAST_S, ARM_AHEAD_S * stage.size / TIMERS)
    due = time.time() + ahead_s
    given = {"due": datetime.fromtimestamp(due, UTC).isoformat()}
    async with stage.measured():
        await stage.driver.start(
            stage.key, count=stage.size, in_flight=STARTS_IN_FLIGHT, given=given
        )
        await asyncio.sleep(due - time.time())
        seen = await stage.until_closed(stage.size, every_s=LOOK_CLOSELY_S)
    lags: list[float] = []
    for at, closed in seen:
        lags += [at - due] * (closed - len(lags))
    return Outcome(
        operations=stage.size,
        instances=stage.size,
        tasks=0,
        seconds=seen[-1][0] - due,
        latencies_s={"lag": lags},
    )


async def lone_starts(stage: Stage) -> Outcome:
    """One start request at a time, the engine idle before each: call to durable answer."""
    took: list[float] = []
    async with stage.measured():
        for number in range(stage.size):
            calls = await stage.driver.start(stage.key)
            took += calls.took_s()
            await stage.until_closed(number + 1, every_s=LOOK_CLOSELY_S)
    return Outcome(
        operations=stage.size,
        instances=stage.size,
        tasks=stage.size,
        seconds=sum(took),
        latencies_s={"start": took},
    )


async def _flood(stage: Stage, *, tasks: int) -> Outcome:
    async with stage.measured():
        calls, seen = await asyncio.gather(
            stage.driver.start(stage.key, count=stage.size, in_flight=STARTS_IN_FLIGHT),
            stage.until_closed(stage.size, every_s=LOOK_S),
        )
    return Outcome(
        operations=stage.size * tasks,
        instances=stage.size,
        tasks=stage.size * tasks,
        seconds=seen[-1][0] - min(calls.sent),
        latencies_s={"start": calls.took_s()},
    )


async def _one_by_one(stage: Stage) -> list[float]:
    """
    From each call until its instance was seen to be over. It is not looked at before most of
    the time the quickest took has passed: looking slows what it looks at.
    """
    took: list[float] = []
    async with stage.measured():
        for number in range(stage.size):
            calls = await stage.driver.start(stage.key)
            if took:
                await asyncio.sleep(max(0.0, calls.sent[0] + SURELY * min(took) - time.time()))
            over = await stage.observer.until_over(calls.ids[0], every_s=LOOK_AT_ONE_S)
            took.append(over - calls.sent[0])
            stage.progress(number + 1, stage.size)
    return took


WORKLOADS = (
    Workload(
        name="W1",
        about="hello: start, one task, over",
        unit="instances",
        size=HELLOS,
        spec=chain(1),
        run=hello,
        saturates=True,
    ),
    Workload(
        name="W2",
        about="chain of ten tasks",
        unit="steps",
        size=CHAINS,
        spec=chain(CHAIN_LENGTH),
        run=chains,
        saturates=True,
    ),
    Workload(
        name="W2lat",
        about="one chain at a time",
        unit="steps",
        size=LONE_CHAINS,
        spec=chain(CHAIN_LENGTH),
        run=lone_chains,
        saturates=False,
    ),
    Workload(
        name="W3",
        about="a hundred parallel tasks and their join",
        unit="tasks",
        size=FANS,
        spec=fan(FAN_WIDTH),
        run=fans,
        saturates=True,
    ),
    Workload(
        name="W4",
        about="wake: an event, one task, over",
        unit="events",
        size=SLEEPERS,
        spec=wake(),
        run=sleepers,
        saturates=True,
    ),
    Workload(
        name="W5",
        about="timers due at the same instant",
        unit="timers",
        size=TIMERS,
        spec=alarm(),
        run=alarms,
        saturates=False,
    ),
    Workload(
        name="W6",
        about="one start request alone",
        unit="starts",
        size=LONE_STARTS,
        spec=chain(1),
        run=lone_starts,
        saturates=False,
    ),
)
