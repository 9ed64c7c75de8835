"""What the executor needs from outside: Protocols whose docstrings are the contract."""

from dataclasses import dataclass

from executor.ports.clock import Clock
from executor.ports.http import HttpPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """All that a handler may reach."""

    clock: Clock
    http: HttpPort
