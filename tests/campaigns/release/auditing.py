"""What a release consists of, as an SBOM, and what is known against its parts."""

import json
from pathlib import Path
from typing import Any

from tests.campaigns.release.running import run, say

LOCKS = ("run.lock", "image.lock")
"""What `make demo` installs, and what the image holds."""

NOT_AUDITED = (
    "audit  NOT DONE: the service that knows vulnerabilities cannot be reached from here. Nothing"
    " is said of any dependency; run it where it can be reached"
)
UNREACHABLE = ("ConnectionError", "Failed to connect", "Max retries", "ServiceError", "HTTPError",
               "NameResolution", "SSLError", "ProxyError", "timed out", "403", "503")  # fmt: skip


def describe(tools: Path, source: Path, target: Path) -> list[str]:
    """Write the SBOM, and see that each locked package is in it."""
    lock = source / "requirements" / "run.lock"
    ended = run(
        [
            *(tools, "-m", "cyclonedx_py", "requirements", lock, "--output-reproducible"),
            *("--pyproject", source / "pyproject.toml", "--mc-type", "application"),
            *("--output-format", "JSON", "--output-file", target, "--validate"),
        ],
        where=source,
    )
    if ended.returncode:
        return [f"cyclonedx-py: {ended.stdout.strip()}"]
    bill = json.loads(target.read_text("utf-8"))
    told = {f"{one['name'].lower()}=={one['version']}" for one in bill["components"]}
    locked = {
        line.split(" ")[0].lower()
        for line in lock.read_text("utf-8").splitlines()
        if line and line[0].isalnum()
    }
    say(f"SBOM   {target.name} · {len(told)} components · CycloneDX {bill['specVersion']}")
    return [f"the SBOM lacks {one}" for one in sorted(locked - told)]


def audit(tools: Path, source: Path, *, must: bool) -> list[str]:
    """What is known against a locked version; and that nothing was looked at where that is so."""
    problems = []
    for lock in LOCKS:
        ended = run(
            [
                *(tools, "-m", "pip_audit", "--requirement", source / "requirements" / lock),
                *("--require-hashes", "--disable-pip", "--progress-spinner", "off"),
                *("--timeout", "15", "--format", "json"),
            ],
            where=source,
        )
        found = _dependencies(ended.stdout)
        if found is None:
            if any(word in ended.stdout for word in UNREACHABLE):
                say(NOT_AUDITED)
                return [f"{lock} was not audited"] if must else []
            return [f"pip-audit: {ended.stdout.strip()[-2000:]}"]
        looked_at = [one for one in found if "skip_reason" not in one]
        say(f"audit  {lock}: {len(looked_at)} of {len(found)} looked up")
        problems += [
            f"{one['name']} {one['version']}: {bad['id']}, mended in {bad['fix_versions'] or 0}"
            for one in looked_at
            for bad in one["vulns"]
        ]
        problems += [
            f"{one['name']} was not looked up: {one['skip_reason']}"
            for one in found
            if "skip_reason" in one
        ]
    return problems


def _dependencies(said: str) -> list[dict[str, Any]] | None:
    for line in said.splitlines():
        if line.startswith("{"):
            found: list[dict[str, Any]] = json.loads(line)["dependencies"]
            return found
    return None
