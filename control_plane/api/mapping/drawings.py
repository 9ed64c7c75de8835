"""Formats of drawings on the wire."""

from foliot.v1 import definition_service_pb2 as pb

from control_plane.drawing import Format
from shared.errors import InvalidRequest

_FORMATS: dict[int, tuple[pb.RenderFormat.ValueType, Format]] = {
    pb.RENDER_FORMAT_UNSPECIFIED: (pb.RENDER_FORMAT_MERMAID, "mermaid"),
    pb.RENDER_FORMAT_MERMAID: (pb.RENDER_FORMAT_MERMAID, "mermaid"),
    pb.RENDER_FORMAT_DOT: (pb.RENDER_FORMAT_DOT, "dot"),
    pb.RENDER_FORMAT_SVG: (pb.RENDER_FORMAT_SVG, "svg"),
    pb.RENDER_FORMAT_PNG: (pb.RENDER_FORMAT_PNG, "png"),
}


def format_from(number: int) -> tuple[pb.RenderFormat.ValueType, Format]:
    """The format, as the answer names it and as it is drawn. Raises InvalidRequest for another."""
    if number not in _FORMATS:
        raise InvalidRequest(
            "format is none this server knows; take MERMAID, DOT, SVG or PNG", field="format"
        )
    return _FORMATS[number]
