"""
Gathers requests into turns, asks the engine, commits, answers. Nobody else commits a decision.
"""

from control_plane.orchestrator.answer import Answer, Verdict
from control_plane.orchestrator.machines import Machines
from control_plane.orchestrator.orchestrator import Orchestrator
from control_plane.orchestrator.request import (
    ApplyInbox,
    Begin,
    Cancel,
    Expire,
    Fire,
    OnClosed,
    OnRunning,
    Repeatable,
    Report,
    Request,
    Send,
    Settle,
    Start,
)
from control_plane.orchestrator.turn import Turn, take_turn

__all__ = [
    "Answer",
    "ApplyInbox",
    "Begin",
    "Cancel",
    "Expire",
    "Fire",
    "Machines",
    "OnClosed",
    "OnRunning",
    "Orchestrator",
    "Repeatable",
    "Report",
    "Request",
    "Send",
    "Settle",
    "Start",
    "Turn",
    "Verdict",
    "take_turn",
]
