"""`foliot doctor`: what is wrong in a database, and where."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from rich.console import Console
from rich.status import Status
from rich.table import Table

from control_plane.bootstrap import examining
from control_plane.cli.failing import FAILED
from control_plane.ports.doctor import INVARIANTS, Finding
from control_plane.use_cases.examine import Progress, examine
from shared.ids import TenantId
from shared.ids import task_id as make_task_id

MAX_SHOWN = 50
"""Findings on a screen; `--output json` has all."""


@dataclass(slots=True)
class Report:
    """What the looks came to, so far."""

    tenants: set[TenantId] = field(default_factory=set)
    instances: int = 0
    unreplayed: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, progress: Progress) -> None:
        self.tenants.add(progress.tenant_id)
        self.instances += progress.instances
        self.unreplayed += progress.unreplayed
        self.findings += progress.findings


def run_doctor(database_url: str, *, tenant: str, output: str, patience_s: float) -> None:
    # On stderr, so that what was asked for can be piped.
    aside = Console(stderr=True)
    with aside.status("Looking …") as status:
        report = asyncio.run(
            _examine(database_url, TenantId(tenant) if tenant else None, patience_s, status)
        )
    if output == "json":
        print(json.dumps(_as_json(report), indent=2))  # noqa: T201 - what it is asked for
    else:
        _show(report, Console())
    if report.findings:
        sys.exit(FAILED)


async def _examine(
    database_url: str, tenant: TenantId | None, patience_s: float, status: Status
) -> Report:
    report = Report()
    async with examining(database_url) as (doctor, definitions):
        patience = timedelta(seconds=patience_s)
        async for progress in examine(doctor, definitions, tenant, patience):
            report.add(progress)
            status.update(
                f"Looking … {report.instances} instances, {len(report.findings)} findings,"
                f" in {progress.tenant_id}"
            )
    return report


def _show(report: Report, console: Console) -> None:
    looked = f"{report.instances} instances of {len(report.tenants)} tenants"
    if report.unreplayed:
        console.print(
            f"{report.unreplayed} instances have histories too long to replay; their rows were"
            " looked at."
        )
    if not report.findings:
        console.print(f"[bold green]All good:[/] {looked}, nothing that must not be.")
        return
    console.print(f"[bold red]{len(report.findings)} findings[/] in {looked}.")
    for invariant, count in sorted(_counted(report.findings).items()):
        console.print(f"  {count:>6} × {invariant}: {INVARIANTS[invariant]}", highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    for name in ("", "tenant", "instance or task", "what"):
        table.add_column(name, overflow="fold")
    for finding in report.findings[:MAX_SHOWN]:
        table.add_row(finding.invariant, finding.tenant_id, _subject(finding), finding.message)
    console.print(table)
    if len(report.findings) > MAX_SHOWN:
        console.print(f"… and {len(report.findings) - MAX_SHOWN} more: --output json has all.")


def _as_json(report: Report) -> dict[str, object]:
    return {
        "tenants": sorted(report.tenants),
        "instances": report.instances,
        "unreplayed": report.unreplayed,
        "findings": [
            {
                "invariant": finding.invariant,
                "promise": INVARIANTS[finding.invariant],
                "tenant_id": finding.tenant_id,
                "instance_id": None if finding.instance_id is None else str(finding.instance_id),
                "ordinal": finding.ordinal,
                "message": finding.message,
            }
            for finding in report.findings
        ],
    }


def _counted(findings: Sequence[Finding]) -> Counter[str]:
    return Counter(finding.invariant for finding in findings)


def _subject(finding: Finding) -> str:
    if finding.instance_id is None:
        return ""
    if finding.ordinal is None:
        return str(finding.instance_id)
    return make_task_id(finding.instance_id, finding.ordinal)
