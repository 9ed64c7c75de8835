"""Acknowledgements of outcomes on the wire, with the status of those that were refused."""

from foliot.executor.v1 import outcome_pb2 as pb

from control_plane.api.errors import status_of
from control_plane.orchestrator.answer import Verdict
from control_plane.use_cases.report_outcomes import Ack

_VERDICTS = {
    Verdict.APPLIED: pb.OUTCOME_VERDICT_APPLIED,
    Verdict.DUPLICATE: pb.OUTCOME_VERDICT_DUPLICATE,
    Verdict.LEASE_LOST: pb.OUTCOME_VERDICT_LEASE_LOST,
    Verdict.REFUSED: pb.OUTCOME_VERDICT_REFUSED,
}


def ack_to(ack: Ack, correlation_id: str) -> pb.OutcomeAck:
    return pb.OutcomeAck(
        task_id=ack.task_id,
        epoch=ack.epoch,
        verdict=_VERDICTS[ack.verdict],
        error=status_of(ack.error, correlation_id) if ack.error is not None else None,
    )
