"""Documents of other formats on the wire."""

from collections.abc import Sequence

from foliot.v1alpha import definition_service_pb2 as pb

from control_plane.interchange import LeftOut, Refused
from control_plane.use_cases.export_definition import Form
from shared.errors import InvalidRequest

MAX_LISTED = 1_000

_FORMS: dict[int, Form] = {
    pb.DEFINITION_FORMAT_XSTATE: "xstate",
    pb.DEFINITION_FORMAT_SCXML: "scxml",
}


def form_from(number: int) -> Form:
    """Raises InvalidRequest for a format that is not set, or none that there is."""
    if number not in _FORMS:
        raise InvalidRequest(
            "format is not set, or none this server knows; take DEFINITION_FORMAT_XSTATE or"
            " DEFINITION_FORMAT_SCXML",
            field="format",
        )
    return _FORMS[number]


def left_out_to(parts: Sequence[LeftOut]) -> list[pb.LeftOutPart]:
    return [
        pb.LeftOutPart(json_pointer=part.json_pointer, message=part.why)
        for part in parts[:MAX_LISTED]
    ]


def remarks_to(parts: Sequence[Refused]) -> list[pb.ImportRemark]:
    return [
        pb.ImportRemark(part=part.what, place=part.place, message=part.why, remedy=part.remedy)
        for part in parts[:MAX_LISTED]
    ]
