"""
Runs one program that must not outlive whoever started it. Started as a script of its
own, with the standard library only, so that it is there in a few hundredths of a second:

    python -I -S guard.py PARENT SIGNAL UID GID CAPABILITIES WATCH -- PROGRAM ARGUMENT…

PARENT        the process id of the supervisor; if it is gone already, nothing is run
SIGNAL        the number of the signal the program gets when the supervisor dies
UID, GID      who the program shall be; `-` is whoever runs this
CAPABILITIES  numbers, joined by commas, that the program keeps across the change of UID;
              `-` is none: everything root could do is given up
WATCH         `-` asks the Linux kernel to deliver SIGNAL, and becomes the program; or the
              number of a pipe's reading end whose writing end only the supervisor has:
              this process stays, and when the pipe ends, it ends the program and all that
              the program started in the same process group

Exits with the program's own status, or with 126 and a line on stderr.
"""

import ctypes
import os
import select
import signal
import sys
from collections.abc import Sequence

CANNOT_RUN = 126

# The time the program has to obey SIGNAL before it is killed, where a pipe is watched.
DEATH_GRACE_S = 1.5

# From <linux/prctl.h>, <linux/securebits.h> and <linux/capability.h>.
PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAPABILITY_VERSION_3 = 0x20080522


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityWord(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def main(arguments: list[str]) -> int:
    """Become the program, or stay beside it. Returns only when it could not be run."""
    parent, death_signal, uid, gid, capabilities, watch = arguments[:6]
    program = arguments[7:]
    # A shell without job control has a background command ignore these, and all below it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    try:
        if uid != "-":
            become(int(uid), int(gid), numbers(capabilities))
        if watch != "-":
            return stay_beside(program, int(watch), int(death_signal))
        die_with(int(parent), int(death_signal))
        execute(program)
    except OSError as error:
        sys.stderr.write(f"cannot run {program[0]}: {error}\n")
    return CANNOT_RUN


def numbers(joined: str) -> tuple[int, ...]:
    """`1,2` as (1, 2); `-` as ()."""
    return () if joined == "-" else tuple(int(number) for number in joined.split(","))


def become(uid: int, gid: int, capabilities: Sequence[int]) -> None:
    """Give up root for good, but for these capabilities, which survive an exec as well."""
    if capabilities:
        # Not only the change of uid spares the capabilities then: access() too goes by them
        # afterwards, and PostgreSQL looks for its own programs with access().
        _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if not capabilities:
        return
    words = (_CapabilityWord * 2)()
    for capability in capabilities:
        word = words[capability // 32]
        bit = 1 << (capability % 32)
        word.effective |= bit
        word.permitted |= bit
        word.inheritable |= bit
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    _checked(_libc().capset(ctypes.byref(header), words), "capset")
    for capability in capabilities:
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def die_with(parent: int, death_signal: int) -> None:
    """
    Have the kernel send the signal when the thread that started us ends.

    Asked for last, as changing the uid or the capabilities forgets it. The parent may
    have died just before, in which case no signal would ever come: so look.
    """
    _prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        raise ProcessLookupError(f"the supervisor {parent} is gone")


def execute(program: list[str]) -> None:
    """Become the program, with the signals as a program expects them."""
    # Python ignores these two, and what is ignored stays ignored across an exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.execv(program[0], program)  # noqa: S606 - there is no shell, as intended


def stay_beside(program: list[str], watch: int, death_signal: int) -> int:
    """Run the program as a child; end it when the pipe ends, and pass every signal on."""
    # The pipe wakes select() on every signal, SIGCHLD among them.
    wake_up, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    guard = os.getpid()
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(watch)
        try:
            if sys.platform == "linux":
                die_with(guard, death_signal)
            execute(program)
        except OSError as error:
            sys.stderr.write(f"cannot run {program[0]}: {error}\n")
        os._exit(CANNOT_RUN)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, lambda received, _: os.kill(child, received))

    watched = [watch, wake_up]
    patience: float | None = None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            if watch not in watched and os.getpgrp() == guard:
                # All that is left of the program, and this process with it.
                os.killpg(guard, signal.SIGKILL)
            return _as_exit_status(status)
        readable, _, _ = select.select(watched, [], [], patience)
        if wake_up in readable:
            os.read(wake_up, 512)
        elif watch in readable:
            os.kill(child, death_signal)
            watched, patience = [wake_up], DEATH_GRACE_S
        else:
            os.kill(child, signal.SIGKILL)


def _as_exit_status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _prctl(option: int, *values: int) -> None:
    padded = (*values, 0, 0, 0, 0)[:4]
    _checked(
        _libc().prctl(option, *(ctypes.c_ulong(value) for value in padded)), f"prctl({option})"
    )


def _checked(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
