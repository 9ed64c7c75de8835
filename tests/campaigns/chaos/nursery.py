"""
Where planes come from: a process that has imported everything and forks one in milliseconds,
where starting Python anew takes seconds of CPU that a thousand kills cannot have.

    python -m tests.campaigns.chaos.nursery

Reads orders from stdin, a line of JSON each, and writes what happens to stdout:

    {"fork": kind, "environment": {…}, "output": path}  →  {"forked": pid}
                                                           {"ended": pid, "status": status}

It ends with its stdin, and everything that it forked with it.
"""

import ctypes
import json
import os
import select
import signal
import sys
import traceback
from typing import Any, NoReturn

from tests.campaigns.chaos.plane import REARM, run

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Obey until stdin ends."""
    wake_up, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # For those who are not yet listening.
    signal.signal(REARM, signal.SIG_IGN)
    waiting = b""
    while True:
        readable, _, _ = select.select([0, wake_up], [], [])
        if wake_up in readable:
            os.read(wake_up, 4096)
            _reap()
        if 0 in readable:
            read = os.read(0, 65536)
            if not read:
                return
            *lines, waiting = (waiting + read).split(b"\n")
            for line in lines:
                _tell(forked=_fork(json.loads(line)))


def _fork(order: dict[str, Any]) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _live(order, parent)
    return pid


def _live(order: dict[str, Any], parent: int) -> NoReturn:
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if os.getppid() == parent:
            output = os.open(order["output"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            run(order["fork"], order["environment"])
            status = 0
    except BaseException:  # noqa: BLE001 - the end of a process: whatever it is goes to its log
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell(ended=pid, status=os.waitstatus_to_exitcode(status))


def _tell(**values: Any) -> None:
    os.write(1, json.dumps(values).encode() + b"\n")


if __name__ == "__main__":
    main()
