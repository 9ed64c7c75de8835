"""
`python -m tests.campaigns.release`: what is committed, built, looked over, and tried.

Leaves the wheel, the sdist and the SBOM in `dist`. Ends with 1 when something is wrong. Without the
service that knows vulnerabilities it says that nothing was audited, and ends with 1 where
`--require-audit` was given.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.campaigns.release.auditing import audit, describe
from tests.campaigns.release.building import Built, build_twice, committed, is_dirty
from tests.campaigns.release.contents import problems_of
from tests.campaigns.release.installing import interpreters, try_out
from tests.campaigns.release.running import ROOT, Broken, environment, run, say

DIST = ROOT / "dist"


def main() -> int:
    """Zero when it could be released."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--python", type=Path, action="append", help="try it with this one only")
    options.add_argument("--require-audit", action="store_true", help="fail where none can be had")
    chosen = options.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="foliot-release-"))
    try:
        problems = _check(directory, chosen.python or interpreters(), chosen.require_audit)
    except Broken as error:
        problems = [str(error)]
    finally:
        shutil.rmtree(directory)
    for problem in problems:
        say(f"WRONG  {problem}")
    say("not to be released" if problems else f"good: {DIST.relative_to(ROOT)}")
    return 1 if problems else 0


def _check(directory: Path, pythons: list[Path], must_audit: bool) -> list[str]:
    if is_dirty():
        say("note   what is not committed is not in it")
    tools = environment(directory / "tools", Path(sys.executable), ["release.lock"])
    source = committed(directory / "source")
    built, problems = build_twice(tools, source, directory)
    problems += problems_of(built, source)
    problems += _twine(tools, built)
    DIST.mkdir(exist_ok=True)
    for file in (built.wheel, built.sdist):
        shutil.copy(file, DIST)
    problems += describe(tools, source, DIST / f"foliot-{built.version}.cdx.json")
    problems += audit(tools, source, must=must_audit)
    for number, python in enumerate(pythons):
        problems += try_out(directory / f"fresh{number}", python, source, built)
    return problems


def _twine(tools: Path, built: Built) -> list[str]:
    """What the registry would say of the metadata and the long description."""
    ended = run([tools, "-m", "twine", "check", "--strict", built.wheel, built.sdist])
    say(f"twine  {'passed' if ended.returncode == 0 else 'failed'}")
    return [] if ended.returncode == 0 else [f"twine check: {ended.stdout.strip()}"]


if __name__ == "__main__":
    sys.exit(main())
