"""Diagnostics on the wire."""

from foliot.v1 import diagnostic_pb2 as pb
from foliot.v1.json_pb2 import Json as JsonMessage

from control_plane.engine import Diagnostic
from shared import json

_SEVERITIES = {
    "error": pb.DIAGNOSTIC_SEVERITY_ERROR,
    "warning": pb.DIAGNOSTIC_SEVERITY_WARNING,
}


def diagnostic_to(found: Diagnostic) -> pb.Diagnostic:
    witness = JsonMessage(json=json.dump(list(found.witness))) if found.witness else None
    return pb.Diagnostic(
        severity=_SEVERITIES[found.severity],
        rule=found.rule,
        json_pointer=found.json_pointer,
        message=found.message,
        remedy=found.remedy,
        witness=witness,
    )
