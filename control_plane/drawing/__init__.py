"""
Machines as pictures: Mermaid and DOT as text always, SVG and PNG where there is Graphviz.

    draw(machine, snapshot, "svg") -> bytes

Pure but for the process that lays out.
"""

from typing import Literal, TypeAlias

from control_plane.drawing.dot import to_dot
from control_plane.drawing.graphviz import is_available, render
from control_plane.engine import Machine, Snapshot, render_mermaid

Format: TypeAlias = Literal["mermaid", "dot", "svg", "png"]


def draw(
    machine: Machine,
    snapshot: Snapshot | None = None,
    format: Format = "svg",  # noqa: A002 - as the API says it
) -> bytes:
    """
    The machine in a format, texts in UTF-8; the active states of a snapshot stand out.

    Blocks while a picture is laid out, up to LAYOUT_TIMEOUT_S. Raises PreconditionFailed
    where a picture cannot be made, and LimitExceeded where it would take too much.
    """
    match format:
        case "mermaid":
            return render_mermaid(machine, snapshot).encode()
        case "dot":
            return to_dot(machine, snapshot).encode()
        case _:
            return render(to_dot(machine, snapshot), format)


__all__ = ["Format", "draw", "is_available", "to_dot"]
