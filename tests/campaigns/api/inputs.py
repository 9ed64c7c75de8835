"""
`python -m tests.campaigns.api.inputs`: hostile calls to every method by the hundred thousand,
without a network.

    --seed 1 --count 5000                        so many inputs of each method
    --ledger build/inputs.jsonl                  and add what came of them to that file
    --ledger build/inputs.jsonl --sum            what all runs in it come to

Ends with 1 if an answer was not one of ours, a call took too long, or the process has swollen.
"""

import argparse
import asyncio
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

import psutil
from google.protobuf.descriptor import MethodDescriptor

from control_plane.access.roles import PERMISSIONS
from shared import json
from shared.telemetry.logging import configure_logging
from tests.campaigns.api.calling import Answer
from tests.campaigns.api.inside import Inside, Metadata
from tests.campaigns.api.memory_world import MemoryWorld
from tests.campaigns.api.messages import TEXTS, Maker
from tests.campaigns.api.world import METHODS, caller_of

DEFAULT_COUNT: Final = 1_000
CALLS_OF_A_WORLD: Final = 1_000
"""Then there is a new one, or all would have been cancelled, claimed and closed long since."""

BROKEN: Final = 2
"""Inputs that are the one before with bytes changed."""

MAX_BYTES: Final = 2 * 1024 * 1024
"""Twice what a connection lets through."""

ODDLY_CALLED: Final = 0.02
"""Of all calls, those by a role that may not, or with other metadata than a client's."""

MAX_CPU_S: Final = 1.0
"""What one call may cost, of all threads of the process."""

MAX_RESIDENT_MIB: Final = 1_024
"""The whole process, whatever it was sent."""

LOOK_EVERY: Final = 200
MAX_TOLD: Final = 5
SHOWN_BYTES: Final = 300


@dataclass(slots=True)
class Tally:
    """What came of the inputs of a method, or of several."""

    method: str
    inputs: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    told: list[str] = field(default_factory=list)
    cpu_s: float = 0.0
    worst_cpu_s: float = 0.0
    most_mib: int = 0

    def note(self, answer: Answer, cpu_s: float, sent: Sequence[bytes]) -> None:
        self.inputs += 1
        self.codes[answer.code.name] += 1
        self.reasons[answer.reason] += 1
        self.cpu_s += cpu_s
        self.worst_cpu_s = max(self.worst_cpu_s, cpu_s)
        complaint = answer.complaint
        if not complaint and cpu_s > MAX_CPU_S:
            complaint = f"it took {cpu_s:.2f} s of a core"
        if complaint:
            self.wrong += 1
            if len(self.told) < MAX_TOLD:
                shown = ", ".join(f"{len(one)} B {one[:SHOWN_BYTES]!r}" for one in sent)
                self.told.append(f"{answer.method}: {complaint}\n    sent {shown}")


async def tried(
    world: MemoryWorld, methods: Sequence[MethodDescriptor], *, seed: int, count: int
) -> Tally:
    """So many inputs to each of the methods."""
    calls = [
        (method, _calls(method, world, Random(f"{seed} {method.full_name}"))) for method in methods
    ]
    tally = Tally(", ".join(method.full_name for method in methods))
    process, left = psutil.Process(), count
    while left:
        async with world.served() as serving:
            inside = Inside.of(serving.control_plane.server)
            now = min(left, CALLS_OF_A_WORLD)
            for method, inputs in calls:
                for sent, key, metadata in islice(inputs, now):
                    before = time.process_time()
                    answer = await inside.call(method, sent, key, metadata)
                    tally.note(answer, time.process_time() - before, sent)
                    if tally.inputs % LOOK_EVERY == 0:
                        tally.most_mib = max(tally.most_mib, process.memory_info().rss // 2**20)
            left -= now
            assert not serving.running.done()
    return tally


def _calls(
    method: MethodDescriptor, world: MemoryWorld, chance: Random
) -> Iterator[tuple[Sequence[bytes], str, Metadata]]:
    inputs = Maker(chance, world.known, max_bytes=MAX_BYTES).inputs(method.input_type, BROKEN)
    while True:
        many = chance.randrange(1, 6) if method.client_streaming else 1
        sent = [next(inputs) for _ in range(many)]
        if chance.random() < ODDLY_CALLED:
            yield sent, *_oddly(world.keys, chance)
        else:
            yield sent, world.keys[caller_of(method)], ()


def _oddly(keys: Mapping[str, str], chance: Random) -> tuple[str, Metadata]:
    """Somebody else's key, a broken one, or metadata that mean something and are nonsense."""
    key = keys[chance.choice(sorted(PERMISSIONS))]
    kind = chance.randrange(3)
    if kind == 0:
        return key, ()
    if kind == 1:
        at = chance.randrange(len(key))
        return key[:at] + chance.choice(TEXTS) + key[at + 1 :], ()
    name = chance.choice(("authorization", "x-correlation-id", "traceparent"))
    return key, ((name, chance.choice(TEXTS)),)


async def _run(seed: int, count: int, only: str, ledger: Path | None) -> int:
    world = await MemoryWorld.made()
    wrong, most_mib, began = 0, 0, time.monotonic()
    inputs = 0
    for method in METHODS:
        if only not in method.full_name:
            continue
        tally = await tried(world, [method], seed=seed, count=count)
        wrong, inputs = wrong + tally.wrong, inputs + tally.inputs
        most_mib = max(most_mib, tally.most_mib)
        _say(
            f"{tally.method}: {tally.inputs} inputs, {tally.wrong} wrong,"
            f" {tally.cpu_s / tally.inputs * 1e3:.2f} ms each, {tally.worst_cpu_s * 1e3:.0f} ms at"
            f" most; {tally.most_mib} MiB"
        )
        for told in tally.told:
            _say(told)
        if ledger is not None:
            _keep(ledger, seed, tally)
    _say(
        f"{inputs} inputs, {wrong} wrong, {inputs / (time.monotonic() - began):.0f} a second;"
        f" {most_mib} MiB at most"
    )
    if most_mib > MAX_RESIDENT_MIB:
        _say(f"that is more than {MAX_RESIDENT_MIB} MiB")
    return 1 if wrong or most_mib > MAX_RESIDENT_MIB else 0


def _keep(ledger: Path, seed: int, tally: Tally) -> None:
    line: Any = {
        "seed": seed,
        "method": tally.method,
        "inputs": tally.inputs,
        "wrong": tally.wrong,
        "codes": dict(tally.codes),
        "worst_cpu_ms": round(tally.worst_cpu_s * 1e3, 1),
        "mib": tally.most_mib,
    }
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a", encoding="utf-8") as file:
        file.write(json.dump(line) + "\n")


def _sum(ledger: Path) -> int:
    """All runs of a ledger; the same seed counts once, with its longest run."""
    longest: dict[tuple[str, int], Any] = {}
    for line in ledger.read_text("utf-8").splitlines():
        run: Any = json.load(line)
        key = run["method"], run["seed"]
        if key not in longest or longest[key]["inputs"] < run["inputs"]:
            longest[key] = run
    inputs: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    for (method, _), run in longest.items():
        inputs[method] += run["inputs"]
        codes.update(run["codes"])
    for method, number in sorted(inputs.items()):
        _say(f"{number:10,} {method}")
    for code, number in codes.most_common():
        _say(f"{number:10,} {code}")
    wrong = sum(run["wrong"] for run in longest.values())
    _say(
        f"{inputs.total():,} inputs of {len(inputs)} methods, {min(inputs.values()):,} or more of"
        f" each, {wrong} wrong;"
        f" {max(run['worst_cpu_ms'] for run in longest.values()):.0f} ms at most,"
        f" {max(run['mib'] for run in longest.values())} MiB at most;"
        f" seeds {', '.join(map(str, sorted({run['seed'] for run in longest.values()})))}"
    )
    return 1 if wrong else 0


def main() -> int:
    """Zero when every answer was one of ours, in time, and the process has not swollen."""
    options = argparse.ArgumentParser(
        prog="python -m tests.campaigns.api.inputs", description=__doc__
    )
    options.add_argument("--seed", type=int, help="the same inputs again; random if not given")
    options.add_argument("--count", type=int, default=DEFAULT_COUNT, help="inputs of each method")
    options.add_argument("--only", default="", help="methods whose full name holds this")
    options.add_argument("--ledger", type=Path, help="add what came of it to this file")
    options.add_argument("--sum", action="store_true", help="only say what is in the ledger")
    chosen = options.parse_args()
    if chosen.sum:
        return _sum(chosen.ledger)
    seed = chosen.seed if chosen.seed is not None else Random().randrange(2**32)
    _say(f"python -m tests.campaigns.api.inputs --seed {seed} --count {chosen.count}")
    _log_to_nowhere()
    return asyncio.run(_run(seed, chosen.count, chosen.only, chosen.ledger))


def _log_to_nowhere() -> None:
    """What is logged is put into words all the same: hostile text is in it too."""
    configure_logging("json", "info")
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(open(os.devnull, "w"))  # noqa: PTH123, SIM115 - for as long as we live


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a campaign talks to whoever runs it


if __name__ == "__main__":
    sys.exit(main())
