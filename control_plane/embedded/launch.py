"""
The command line that runs a program under guard.py, which ties its life to ours.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from control_plane.embedded import guard
from control_plane.embedded.account import Account

# Linux tells a process of its parent's death; elsewhere a pipe has to.
KERNEL_TELLS = sys.platform == "linux"

# What servers see of the environment. They have no business with anybody's secrets, and
# must not be swayed by a PGPORT or PGDATA that is meant for another database.
BARE_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def guarded(
    program: Sequence[str],
    *,
    death_signal: signal.Signals,
    account: Account | None = None,
    watch: int | None = None,
) -> list[str]:
    """
    The program, to be started by the calling thread: when that thread ends, the program
    gets the signal. With `watch`, it gets it when the pipe with that reading end ends.
    """
    uid = gid = capabilities = "-"
    if account is not None:
        uid, gid = str(account.uid), str(account.gid)
        capabilities = ",".join(str(number) for number in account.capabilities) or "-"
    interpreter = [sys.executable, "-I", "-S", str(Path(guard.__file__).resolve())]
    terms = [
        str(os.getpid()),
        str(int(death_signal)),
        uid,
        gid,
        capabilities,
        "-" if watch is None else str(watch),
    ]
    return [*interpreter, *terms, "--", *program]
