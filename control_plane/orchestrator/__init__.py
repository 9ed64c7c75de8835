"""
Gathers requests into turns, asks the engine, commits, answers. Nobody else commits a decision.
"""

from control_plane.orchestrator.answer import Answer, Verdict
from control_plane.orchestrator.hands import Hand, HandedOut, Hands
from control_plane.orchestrator.machines import Machines
from control_plane.orchestrator.orchestrator import Orchestrator
from control_plane.orchestrator.request import (
    ApplyInbox,
    Begin,
    Cancel,
    ChildEnded,
    Expire,
    FallSilent,
    Fire,
    OnClosed,
    OnRunning,
    Parent,
    ParentClosed,
    Pause,
    Redrive,
    Repeatable,
    Report,
    Request,
    Resume,
    Retry,
    Send,
    Settle,
    Start,
    Terminate,
)
from control_plane.orchestrator.turn import Turn, take_turn

__all__ = [
    "Answer",
    "ApplyInbox",
    "Begin",
    "Cancel",
    "ChildEnded",
    "Expire",
    "FallSilent",
    "Fire",
    "Hand",
    "HandedOut",
    "Hands",
    "Machines",
    "OnClosed",
    "OnRunning",
    "Orchestrator",
    "Parent",
    "ParentClosed",
    "Pause",
    "Redrive",
    "Repeatable",
    "Report",
    "Request",
    "Resume",
    "Retry",
    "Send",
    "Settle",
    "Start",
    "Terminate",
    "Turn",
    "Verdict",
    "take_turn",
]
