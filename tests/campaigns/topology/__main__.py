"""
`make e2e-topology`: two control planes behind an Envoy and two executors, as plain processes,
all replaced under load, one after the other; and nothing may fail, be lost or be done twice.

Ends with 1 if something was, and skips, with the reason, where there is no Envoy.
"""

import argparse
import asyncio
import random
import shutil
import sys
import time
from collections import Counter
from itertools import pairwise
from typing import Any

from shared.rpc import AUTHORIZATION, BEARER
from tests.campaigns.topology.balancer import find_envoy
from tests.campaigns.topology.calling import Caller, connect
from tests.campaigns.topology.checking import check
from tests.campaigns.topology.gathering import effects_in, entries_in, gather, until_quiet
from tests.campaigns.topology.processes import module
from tests.campaigns.topology.rolling import Restarted, Roller
from tests.campaigns.topology.scene import Scene, set_up
from tests.campaigns.topology.seen import Seen, percentile
from tests.campaigns.topology.stories import Stories
from tests.campaigns.topology.watching import Watching
from tests.campaigns.topology.worker import Worker

QUIET_WITHIN_S = 60.0
TOLD_WITHIN_S = 20.0
LOOK_EVERY_S = 0.2
MAX_SHOWN = 20
NO_ENVOY = "skipped: there is no Envoy on this machine; `make deploy-tools` fetches one"


def main() -> int:
    """Zero when all is well, or there is nothing to try it with."""
    parser = argparse.ArgumentParser(prog="make e2e-topology", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of what callers do")
    parser.add_argument("--rounds", type=int, default=3, help="rolling restarts of everything")
    parser.add_argument("--tellers", type=int, default=16, help="callers at once")
    parser.add_argument("--steady", type=float, default=10.0, help="seconds before and between")
    parser.add_argument(
        "--bare", action="store_true", help="callers without retries: what they would hear"
    )
    parser.add_argument(
        "--direct", action="store_true", help="without the balancer: clients choose for each call"
    )
    parser.add_argument("--set", action="append", default=[], help="a variable of all planes, A=B")
    chosen = parser.parse_args()
    envoy = find_envoy()
    if envoy is None:
        _say(NO_ENVOY)
        return 0
    return asyncio.run(_run(envoy, chosen))


async def _run(envoy: str, chosen: argparse.Namespace) -> int:
    settings = dict(one.split("=", 1) for one in chosen.set)
    dice = random.Random(chosen.seed)
    seen = Seen()
    async with set_up(envoy, settings, is_direct=chosen.direct) as scene:
        channel = connect(scene.address, scene.authority, retries=not chosen.bare)
        metadata = ((AUTHORIZATION, BEARER + scene.api_key),)
        caller = Caller(channel, metadata, seen)
        far = Caller(channel, ((AUTHORIZATION, BEARER + scene.executor_key),), seen)
        stories = Stories(caller, random.Random(dice.random()))
        worker = Worker(far, random.Random(dice.random()))
        watching = Watching(caller, stories, random.Random(dice.random()))
        lasted: dict[str, float] = {}

        def begin(phase: str) -> None:
            lasted[phase] = time.monotonic()
            caller.phase = far.phase = phase
            _say(f"{phase} …")

        await stories.define()
        telling = asyncio.ensure_future(stories.tell(chosen.tellers))
        others: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(one)
            for one in (worker.run(), watching.watch(), watching.follow())
        ]
        everything = (telling, *others)
        replacing = asyncio.ensure_future(
            _replace(Roller(scene, begin, chosen.steady), chosen.rounds)
        )
        try:
            await asyncio.wait({replacing, *everything}, return_when=asyncio.FIRST_COMPLETED)
            for one in everything:
                if one.done():
                    one.result()
            replaced = await replacing
            begin("end")
            stories.end()
            await telling
            quiet_s = await until_quiet(scene.owner_url, QUIET_WITHIN_S)
            begin("over")
            watching.is_over = True
            async with asyncio.timeout(TOLD_WITHIN_S):
                await others[1]
            await _until_told(scene, seen)
        finally:
            for one in (replacing, *everything):
                one.cancel()
            await asyncio.gather(replacing, *everything, return_exceptions=True)
            await channel.close()
        kept = await gather(scene.owner_url)
        effects = [*effects_in(scene.effects), *worker.effects]
        violations = check(seen, kept, effects)
        violations += [
            f"{one.name} ended with {one.code}, not 0" for one in replaced if one.code != 0
        ]
        violations += await _doctor(scene)
        _tell(seen, lasted, replaced)
        figures = await scene.balancer.figures(r"upstream_rq_(retry|retry_success|\d+|total)$")
        _say("balancer: " + ", ".join(f"{n.rpartition('.')[2]} {v}" for n, v in figures.items()))
        _say(
            f"{len(kept)} instances, {len(effects)} tasks carried out, {len(seen.calls)} calls,"
            f" {sum(map(len, seen.watched.values()))} entries watched,"
            f" {sum(map(len, seen.followed.values()))} followed; quiet after {quiet_s:.1f} s"
        )
    _say(f"{len(violations)} violations")
    for violation in violations[:MAX_SHOWN]:
        _say(f"  {violation}")
    if violations:
        _say(f"  what was logged is in {scene.directory}")
        return 1
    shutil.rmtree(scene.directory)
    return 0


async def _replace(roller: Roller, rounds: int) -> list[Restarted]:
    await roller.steady("steady")
    done = []
    for number in range(1, rounds + 1):
        done += await roller.roll(number)
    await roller.kill_a_control_plane()
    await roller.replace_the_balancer()
    await roller.steady("steady again")
    return done


async def _until_told(scene: Scene, seen: Seen) -> None:
    """Followers are a little behind; that one misses something is the checker's."""
    count = await entries_in(scene.owner_url)
    until = time.monotonic() + TOLD_WITHIN_S
    # Not an event: what is told is kept elsewhere.
    while time.monotonic() < until and min(map(len, seen.followed.values())) < count:  # noqa: ASYNC110
        await asyncio.sleep(LOOK_EVERY_S)


async def _doctor(scene: Scene) -> list[str]:
    """What `foliot doctor` has to say, if anything."""
    process = await asyncio.create_subprocess_exec(
        *module("control_plane", "doctor", "--database-url", scene.owner_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return [] if process.returncode == 0 else [f"foliot doctor: {said.decode()[-1500:]}"]


def _tell(seen: Seen, lasted: dict[str, float], replaced: list[Restarted]) -> None:
    for one in replaced:
        _say(
            f"  {one.name} drained in {one.drained_s:.1f} s and was back after {one.started_s:.1f}"
        )
    began = list(lasted.items())
    for (phase, at), (_, until) in pairwise(began):
        calls = seen.of(phase)
        took = [call.took_s * 1000 for call in calls if not call.failed]
        _say(
            f"{phase}: {until - at:.0f} s, {len(calls) / (until - at):.0f} calls/s, of which"
            f" {sum(bool(call.failed) for call in calls)} failed;"
            f" p50 {percentile(took, 0.5):.0f} ms, p99 {percentile(took, 0.99):.0f},"
            f" longest {max(took, default=0):.0f}"
        )
    failed = Counter(
        f"{one.method} in {one.phase}: {one.failed}" for one in seen.calls if one.failed
    )
    for what, count in failed.most_common(MAX_SHOWN):
        _say(f"  {count} calls failed: {what}")
    for why, count in seen.broken.most_common():
        _say(f"  {count} streams taken up again: {why}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
