"""What the doctor is asked and what its checks came to, in and out of the wire."""

from collections.abc import Mapping

from foliot.v1 import admin_service_pb2 as pb
from foliot.v1 import doctor_pb2

from control_plane.api.mapping.times import duration, length_of
from control_plane.ports.doctor import DATABASE_CHECKS, INVARIANTS, REMEDIES, Finding
from control_plane.use_cases.examine import PATIENCE
from control_plane.use_cases.run_doctor import TIME_LIMIT, Asked, Check, Verdict
from shared.ids import TenantId

_VERDICTS: Mapping[Verdict, doctor_pb2.DoctorVerdict.ValueType] = {
    Verdict.GOOD: doctor_pb2.DOCTOR_VERDICT_GOOD,
    Verdict.BAD: doctor_pb2.DOCTOR_VERDICT_BAD,
    Verdict.UNFINISHED: doctor_pb2.DOCTOR_VERDICT_UNFINISHED,
}


def doctor_from(request: pb.RunDoctorRequest) -> Asked:
    """Raises InvalidRequest for a duration that there is not."""
    return Asked(
        tenant_id=TenantId(request.tenant_id) if request.tenant_id else None,
        after=TenantId(request.after_tenant_id) if request.after_tenant_id else None,
        patience=length_of(request.overdue_after, "overdue_after")
        if request.HasField("overdue_after")
        else PATIENCE,
        time_limit=length_of(request.ends_within, "ends_within")
        if request.HasField("ends_within")
        else TIME_LIMIT,
    )


def check_to(check: Check) -> pb.RunDoctorResponse:
    return pb.RunDoctorResponse(
        name=check.name,
        verdict=_VERDICTS[check.verdict],
        findings=[_finding_to(one) for one in check.findings],
        more_finding_count=check.more,
        duration=duration(check.took),
        number=check.number,
        total=check.total,
        instance_count=check.instances,
        unreplayed_count=check.unreplayed,
    )


def _finding_to(finding: Finding) -> doctor_pb2.DoctorFinding:
    name = finding.invariant
    return doctor_pb2.DoctorFinding(
        invariant=name,
        promise=INVARIANTS.get(name) or DATABASE_CHECKS[name],
        tenant_id=finding.tenant_id,
        instance_id="" if finding.instance_id is None else str(finding.instance_id),
        ordinal=finding.ordinal,
        message=finding.message,
        remedy=REMEDIES[name],
    )
