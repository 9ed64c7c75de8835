"""
Other formats of statecharts: SCXML of the W3C, and the JSON config of XState.

    read_scxml(text) -> Imported       write_scxml(spec) -> Exported
    read_xstate(text) -> Imported      write_xstate(spec) -> Exported

What one format says and the other cannot is named, with its place and what to do; nothing is
dropped without a word.
"""

from control_plane.interchange.mapped import (
    DocumentUnreadable,
    Exported,
    Imported,
    LeftOut,
    Refused,
)
from control_plane.interchange.scxml_reading import read_scxml
from control_plane.interchange.scxml_writing import write_scxml
from control_plane.interchange.xstate import read_xstate, write_xstate

__all__ = [
    "DocumentUnreadable",
    "Exported",
    "Imported",
    "LeftOut",
    "Refused",
    "read_scxml",
    "read_xstate",
    "write_scxml",
    "write_xstate",
]
