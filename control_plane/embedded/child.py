"""
What the supervisor is told of a process: how to start it, when it is ready, how to end it.
"""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from control_plane.embedded.account import Account

# Reads a child's output: the child's name, and one line without its end.
LineReader = Callable[[str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process to keep alive. The name is also that of its log file."""

    name: str
    command: Sequence[str]
    # None is the supervisor's own.
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    account: Account | None = None

    # Asked again and again until it says yes; may be slow, and may raise OSError for no.
    is_ready: Callable[[], Awaitable[bool]]
    ready_within_s: float = 30.0

    # Runs before every start, to clear away what a process that was killed left behind.
    prepare: Callable[[], Awaitable[None]] | None = None

    # The polite signal, the time it has to work before SIGKILL, and the signal that the
    # child gets when the supervisor itself is killed.
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL

    # Does it end what it started itself, when it gets the death signal? If not, a small
    # process stays beside it, which does; `pid_of` is then that of this process.
    minds_its_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartLimit:
    """How often a child may die. One death more within the time, and everything stops."""

    restarts: int = 5
    within_s: float = 60.0
    first_delay_s: float = 0.1
    longest_delay_s: float = 5.0

    def delay_s(self, deaths: int) -> float:
        """The wait before the restart after that many recent deaths: doubles each time."""
        return min(self.first_delay_s * 2.0 ** (deaths - 1), self.longest_delay_s)
