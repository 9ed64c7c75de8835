"""`python -m tests.campaigns.xstate`: random machines, in our engine and in XState v5."""

import argparse
import sys
import time
from random import Random

from tests.campaigns.xstate.campaign import Campaign
from tests.campaigns.xstate.library import VERSION, NotAvailable, fetch
from tests.campaigns.xstate.oracle import Oracle
from tests.campaigns.xstate.recording import FILE, record

DEFAULT_STEPS = 100_000


def main() -> int:
    """Zero when both engines agree, or when XState is not to be had; one on a finding."""
    options = argparse.ArgumentParser(prog="python -m tests.campaigns.xstate", description=__doc__)
    options.add_argument("--seed", type=int, help="play this campaign again; random if not given")
    options.add_argument("--steps", type=int, default=DEFAULT_STEPS, help="how many event steps")
    options.add_argument("--machine", type=int, help="play this one machine of the campaign only")
    options.add_argument("--record", action="store_true", help="write the default suite's file")
    given = options.parse_args()
    seed = given.seed if given.seed is not None else Random().randrange(2**32)
    try:
        library = fetch()
    except NotAvailable as reason:
        _say(f"skipped: {reason}")
        return 0
    again = f"python -m tests.campaigns.xstate --seed {seed} --steps {given.steps}"
    _say(f"xstate {VERSION}; {again}")
    began = time.monotonic()
    with Oracle(library) as oracle:
        if given.record:
            FILE.write_text("".join(f"{line}\n" for line in record(oracle, seed)), "utf-8")
            return 0
        campaign = Campaign(oracle, seed)
        if given.machine is None:
            campaign.run(given.steps)
        else:
            campaign.play(given.machine)
    for line in campaign.lines():
        _say(line)
    _say(f"{time.monotonic() - began:.0f} s")
    return 1 if campaign.findings else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
