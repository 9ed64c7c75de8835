"""
Rules that look at a machine as a whole.
"""

from control_plane.engine.machine import Machine
from control_plane.engine.spec.assembling import Assembler
from control_plane.engine.spec.findings import Findings


def look_at(machine: Machine, assembler: Assembler, findings: Findings) -> None:
    """Ask every rule."""
