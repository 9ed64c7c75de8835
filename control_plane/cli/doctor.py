"""`foliot doctor`: what is wrong in a database, and where, as a server or the database says."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
from foliot.v1 import admin_service_pb2 as pb
from foliot.v1 import doctor_pb2
from google.protobuf.duration_pb2 import Duration
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from control_plane.api.mapping.checks import check_to
from control_plane.bootstrap import examining
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import FAILED, explained
from control_plane.cli.options import Target
from control_plane.ports.doctor import DATABASE_CHECKS
from control_plane.use_cases.run_doctor import Asked, Surgery
from shared.clock import SystemClock
from shared.ids import InstanceId, TenantId, parse_uuid
from shared.ids import task_id as make_task_id

MAX_SHOWN = 50
"""Findings on a screen; `--output json` has all that came."""

GRACE_S = 60.0
"""How much longer than the doctor's own time to wait for its last word."""

OF_A_SERVER = frozenset({"durability", "clock"})
"""Checks that only a server can make: it knows whether it is one for development."""

_TENANT = "tenant "

_MARKS = {
    doctor_pb2.DOCTOR_VERDICT_GOOD: ("✓", "green"),
    doctor_pb2.DOCTOR_VERDICT_BAD: ("✗", "bold red"),
    doctor_pb2.DOCTOR_VERDICT_UNFINISHED: ("…", "yellow"),
}


@dataclass(slots=True)
class Report:
    """What the checks came to, so far."""

    checks: list[pb.RunDoctorResponse] = field(default_factory=list)

    @property
    def tenants(self) -> list[str]:
        names = [one.name for one in self.checks if one.name.startswith(_TENANT)]
        return sorted(name.removeprefix(_TENANT) for name in names)

    @property
    def instances(self) -> int:
        return sum(one.instance_count for one in self.checks)

    @property
    def unreplayed(self) -> int:
        return sum(one.unreplayed_count for one in self.checks)

    @property
    def findings(self) -> list[doctor_pb2.DoctorFinding]:
        return [finding for one in self.checks for finding in one.findings]

    @property
    def more(self) -> int:
        return sum(one.more_finding_count for one in self.checks)

    @property
    def is_finished(self) -> bool:
        """False where time ran out."""
        unfinished = doctor_pb2.DOCTOR_VERDICT_UNFINISHED
        return all(one.verdict != unfinished for one in self.checks) and (
            not self.checks or self.checks[-1].number == self.checks[-1].total
        )


def run_doctor(
    target: Target,
    database_url: str,
    *,
    tenant: str,
    output: str,
    patience_s: float,
    within_s: float,
) -> None:
    """By a server, or, where a database is named, by reading that itself."""
    # On stderr, so that what was asked for can be piped.
    with Console(stderr=True).status("Looking …") as status:
        if database_url:
            with explained():
                asked = Asked(
                    tenant_id=TenantId(tenant) if tenant else None,
                    patience=timedelta(seconds=patience_s),
                    time_limit=timedelta(seconds=within_s),
                )
                report = asyncio.run(_reported(_read(database_url, asked), status))
        else:
            request = pb.RunDoctorRequest(
                tenant_id=tenant,
                overdue_after=_duration(patience_s),
                ends_within=_duration(within_s),
            )

            async def ask(to: Caller) -> Report:
                return await _reported(_run(to, request), status)

            report = call(target, ask, within_s=within_s + GRACE_S)
    if output == "json":
        print(json.dumps(_as_json(report), indent=2))  # noqa: T201 - what it is asked for
    else:
        _show(report, Console())
    if report.findings or not report.is_finished:
        sys.exit(FAILED)


async def _reported(checks: AsyncIterable[pb.RunDoctorResponse], status: Status) -> Report:
    report = Report()
    async for check in checks:
        report.checks.append(check)
        found = len(report.findings) + report.more
        status.update(
            f"Looking … {check.number} of {check.total}: {check.name};"
            f" {report.instances} instances, {found} findings"
        )
    return report


async def _run(to: Caller, request: pb.RunDoctorRequest) -> AsyncIterator[pb.RunDoctorResponse]:
    """What a server tells, on as many connections as it takes: none lasts for ever."""
    until = asyncio.get_running_loop().time() + request.ends_within.ToTimedelta().total_seconds()
    while True:
        has_come = False
        try:
            async for check in to.admin.RunDoctor(request, metadata=to.metadata):
                if check.name.startswith(_TENANT):
                    has_come = True
                    request.after_tenant_id = check.name.removeprefix(_TENANT)
                yield check
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or not has_come:
                raise
            left_s = max(1.0, until - asyncio.get_running_loop().time())
            request.ends_within.CopyFrom(_duration(left_s))
        else:
            return


async def _read(database_url: str, asked: Asked) -> AsyncIterator[pb.RunDoctorResponse]:
    async with examining(database_url) as (doctor, definitions):
        checks = [one for one in DATABASE_CHECKS if one not in OF_A_SERVER]
        surgery = Surgery(doctor, definitions, SystemClock(), checks=checks)
        async for check in surgery.run(asked):
            yield check_to(check)


def _show(report: Report, console: Console) -> None:
    looked = f"{report.instances} instances of {len(report.tenants)} tenants"
    for one in report.checks:
        mark, style = _MARKS[one.verdict]
        if style != "green" or not one.name.startswith(_TENANT):
            console.print(Text(f"{mark} {one.name}", style))
    if report.unreplayed:
        console.print(
            f"{report.unreplayed} instances have histories too long to replay; their rows were"
            " looked at."
        )
    if not report.is_finished:
        console.print(
            f"[bold yellow]Time ran out:[/] {looked} were looked at. Give it longer by --within, or"
            " look at a --tenant."
        )
    if not report.findings:
        if report.is_finished:
            console.print(f"[bold green]All good:[/] {looked}, nothing that must not be.")
        return
    found = len(report.findings) + report.more
    console.print(f"[bold red]{found} findings[/] in {looked}.")
    first = {one.invariant: one for one in reversed(report.findings)}
    for invariant, count in sorted(_counted(report.findings).items()):
        console.print(
            Text(f"  {count:>6} × {invariant}: {first[invariant].promise}"), highlight=False
        )
        console.print(Text(f"           → {first[invariant].remedy}"), highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    for name in ("", "tenant", "instance or task", "what"):
        table.add_column(name, overflow="fold")
    for finding in report.findings[:MAX_SHOWN]:
        table.add_row(
            *(Text(part) for part in (finding.invariant, finding.tenant_id)),
            Text(_subject(finding)),
            Text(finding.message),
        )
    console.print(table)
    if found > MAX_SHOWN:
        console.print(f"… and {found - MAX_SHOWN} more: --output json has more.")


def _as_json(report: Report) -> dict[str, object]:
    return {
        "tenants": report.tenants,
        "instances": report.instances,
        "unreplayed": report.unreplayed,
        "finished": report.is_finished,
        "checks": [
            {
                "name": one.name,
                "verdict": doctor_pb2.DoctorVerdict.Name(one.verdict)
                .removeprefix("DOCTOR_VERDICT_")
                .lower(),
                "seconds": round(one.duration.ToTimedelta().total_seconds(), 3),
                "more_findings": one.more_finding_count,
            }
            for one in report.checks
        ],
        "findings": [
            {
                "invariant": finding.invariant,
                "promise": finding.promise,
                "tenant_id": finding.tenant_id,
                "instance_id": finding.instance_id or None,
                "ordinal": finding.ordinal if finding.HasField("ordinal") else None,
                "message": finding.message,
                "remedy": finding.remedy,
            }
            for finding in report.findings
        ],
    }


def _counted(findings: Sequence[doctor_pb2.DoctorFinding]) -> Counter[str]:
    return Counter(finding.invariant for finding in findings)


def _subject(finding: doctor_pb2.DoctorFinding) -> str:
    if not finding.HasField("ordinal"):
        return finding.instance_id
    instance_id = InstanceId(parse_uuid(finding.instance_id, "instance_id"))
    return make_task_id(instance_id, finding.ordinal)


def _duration(seconds: float) -> Duration:
    result = Duration()
    result.FromTimedelta(timedelta(seconds=seconds))
    return result
