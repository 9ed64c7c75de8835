"""
Decides who the servers run as. An ordinary user runs them as himself. PostgreSQL refuses
to be root, so root hands them to an unprivileged account, with no more than the one
capability that reaching the programs and the data takes.

That account is the owner of the data directory where that is not root (somebody used
sudo), and `nobody` otherwise: initdb wants one that the system knows by name.
"""

import os
import pwd
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from control_plane.embedded.errors import AccountUnavailable

UNPRIVILEGED = "nobody"

# From <linux/capability.h>. CAP_DAC_READ_SEARCH is the smaller one; a container usually
# has only CAP_DAC_OVERRIDE.
CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 0, 1, 2
CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP = 5, 6, 7, 8
SMALLEST_FIRST = (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE)
NEEDED_TO_SWITCH = {
    CAP_CHOWN: "CAP_CHOWN",
    CAP_KILL: "CAP_KILL",
    CAP_SETGID: "CAP_SETGID",
    CAP_SETUID: "CAP_SETUID",
}

REMEDY = (
    "Run foliot as an ordinary user (in a container: `--user 1000`), or use servers of your "
    "own: set FOLIOT_DATABASE_URL and FOLIOT_REDIS_URL."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who a server runs as, and the capabilities it keeps."""

    uid: int
    gid: int
    capabilities: tuple[int, ...] = ()

    def own(self, path: Path) -> None:
        """Give the path to the account."""
        os.chown(path, self.uid, self.gid)


def account_for(data_dir: Path, programs: Sequence[Path]) -> Account | None:
    """
    Who runs the programs on the data; None is whoever asks, which is so unless he is root.

    Raises `AccountUnavailable`, with the remedy, where root may not switch or where the
    account could reach neither the programs nor the data.
    """
    if os.geteuid() != 0:
        return None
    held = _held_capabilities()
    lacking = [name for number, name in NEEDED_TO_SWITCH.items() if not held >> number & 1]
    if lacking:
        raise AccountUnavailable(
            f"PostgreSQL refuses to run as root, and this root may not start it as somebody "
            f"else: it lacks {', '.join(lacking)}. {REMEDY}"
        )
    uid, gid = _unprivileged(data_dir)
    return Account(uid=uid, gid=gid, capabilities=_capabilities(held, data_dir, programs, uid, gid))


def _held_capabilities() -> int:
    """The capabilities of this process as a bit set; everything where there are none."""
    if sys.platform != "linux":
        return -1
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return -1


def _unprivileged(data_dir: Path) -> tuple[int, int]:
    owner = data_dir.stat()
    if owner.st_uid != 0:
        return owner.st_uid, owner.st_gid
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise AccountUnavailable(
            f"PostgreSQL refuses to run as root, and this system has no account "
            f"{UNPRIVILEGED!r} to run it as. {REMEDY}"
        ) from None
    return entry.pw_uid, entry.pw_gid


def _capabilities(
    held: int, data_dir: Path, programs: Sequence[Path], uid: int, gid: int
) -> tuple[int, ...]:
    """None if the modes let the account pass, else the smallest one that helps."""
    closed = [
        step
        for path in (data_dir, *programs)
        for step in (path, *path.resolve().parents)
        if not _may_pass(step, uid, gid)
    ]
    if not closed:
        return ()
    # Searching is for directories; a program that others may not execute takes the other.
    takes_execution = any(not step.is_dir() for step in closed)
    for capability in (CAP_DAC_OVERRIDE,) if takes_execution else SMALLEST_FIRST:
        # CAP_SETPCAP is what handing a capability over takes (see guard.py).
        if sys.platform == "linux" and held >> capability & held >> CAP_SETPCAP & 1:
            return (capability,)
    raise AccountUnavailable(
        f"PostgreSQL refuses to run as root, and the account it is run as instead (uid {uid}) "
        f"cannot get past {closed[-1]}. Use a data directory and an installation that others "
        f"may traverse (chmod o+x), or grant CAP_DAC_OVERRIDE and CAP_SETPCAP. {REMEDY}"
    )


def _may_pass(path: Path, uid: int, gid: int) -> bool:
    """Does the mode let the account execute or traverse it? Access lists are not looked at."""
    status = path.stat()
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
