"""
`python -m tests.campaigns.backups`: dumps, recovery and failover, under load, by PostgreSQL's own
programs; what must be kept is, and what must be refused is.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from tests.campaigns.backups.stories import dump_and_restore, failover, recovery, synchronous
from tests.campaigns.release.running import say
from tests.campaigns.upgrades.deployment import Failed, leaves
from tests.servers import running_servers

STORIES = {
    "dump": dump_and_restore,
    "recovery": recovery,
    "failover": failover,
    "synchronous": synchronous,
}


def main() -> int:
    """Zero when nothing was lost that must not be, nor taken for what it is not."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--instances", type=int, default=1_000, help="in a dump, at rest")
    options.add_argument("--only", choices=STORIES, help="one of them")
    chosen = options.parse_args()
    is_good = True
    with running_servers() as servers:
        for name, story in STORIES.items():
            if chosen.only not in {None, name}:
                continue
            directory = Path(tempfile.mkdtemp(prefix="foliot-backups-"))
            directory.chmod(0o711)
            try:
                asyncio.run(story(directory, servers.redis_url, chosen.instances))
                shutil.rmtree(directory)
            except* Failed as errors:
                for error in leaves(errors):
                    say(f"WRONG  {name}: {error}")
                say(f"its logs are in {directory}")
                is_good = False
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
