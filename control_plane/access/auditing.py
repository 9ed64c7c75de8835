"""
What an audited call will have to say of itself, from the gate to the store that writes it down.
"""

from contextvars import ContextVar

from control_plane.ports.audit import Noted

_CURRENT: ContextVar[Noted | None] = ContextVar("foliot_noted", default=None)


def enter(noted: Noted) -> None:
    """From here on, whatever this call changes is written down as its doing."""
    _CURRENT.set(noted)


def noted() -> Noted | None:
    """For what this call asks of a store. None in a call that is not audited, and in a loop."""
    return _CURRENT.get()
