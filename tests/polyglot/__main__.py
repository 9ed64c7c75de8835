"""
`make test-polyglot`: the clients of examples/clients, and grpcurl, against one live server.

Each language is built and run as the README there says, and then put through what
tests/polyglot/torment.py tells. One line each; a language whose toolchain is missing is skipped,
with the reason. Ends with 1 if something failed.
"""

import argparse
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.docs.pages import ROOT
from tests.docs.shell import environment
from tests.polyglot.languages import Language, Tool, languages, shown
from tests.polyglot.program import Failed
from tests.polyglot.serving import Server, served
from tests.polyglot.shell import output_of
from tests.polyglot.torment import Torment

GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4"
GO = Tool(program="go", asks=["version"], oldest=(1, 24), comes_with="Go")
STORY_WITHIN_S = 120.0
NAMES = [*(language.name for language in languages()), "grpcurl"]


def main() -> int:
    """Try all, or those that are asked for."""
    parser = argparse.ArgumentParser(
        prog="make test-polyglot", description=__doc__, usage="make test-polyglot POLYGLOT='…'"
    )
    parser.add_argument("--only", action="append", choices=NAMES, help="one of them; repeatable")
    only = parser.parse_args().only or NAMES
    before = _unignored()
    with tempfile.TemporaryDirectory(prefix="foliot-polyglot-") as made:
        where = Path(made)
        where.chmod(0o711)  # as root, the servers' account has to get through
        output_of(shown("protos"), ROOT)
        with served(where) as server:
            failures = sum(
                not _told(
                    language.name, language.missing(_path()), _trying(language, server, where)
                )
                for language in languages()
                if language.name in only
            )
        if "grpcurl" in only:
            failures += not _told("grpcurl", GO.missing(_path()), lambda: _grpcurl(where))
    left = _unignored() - before
    if left:
        sys.stdout.write(f"FAILED: git does not ignore what was built: {', '.join(sorted(left))}\n")
    return 1 if failures or left else 0


def _told(name: str, missing: str, attempt: Callable[[], str]) -> bool:
    """Try one and print its line. Returns whether nothing failed."""
    if missing:
        sys.stdout.write(f"{name:10}  skipped: {missing}\n")
        return True
    began = time.monotonic()
    try:
        came_of_it = attempt()
    except Failed as failed:
        sys.stdout.write(f"{name:10}  FAILED after {time.monotonic() - began:.0f} s\n{failed}\n")
        return False
    sys.stdout.write(f"{name:10}  ok, {time.monotonic() - began:.0f} s: {came_of_it}\n")
    sys.stdout.flush()
    return True


def _trying(language: Language, server: Server, where: Path) -> Callable[[], str]:
    def attempt() -> str:
        carrier = where / f"carrier-{language.name}"
        carrier.mkdir()
        output_of(language.build, ROOT)
        client = f'client="{shlex.join(language.command)}"\n'
        output_of(
            client + shown("story") + "wait $worker || test $? = 143\n",
            language.folder,
            STORY_WITHIN_S,
            ADDRESS=server.address,
            KEY=server.key,
            EXECUTOR_KEY=server.executor_key,
            CARRIER=str(carrier),
        )
        shutil.rmtree(carrier)
        carrier.mkdir()
        with ExitStack() as stack:
            return Torment(language, server, stack, carrier).run()

    return attempt


def _grpcurl(where: Path) -> str:
    """The recipes of the pages, by the real grpcurl."""
    binaries = where / "bin"
    output_of(f"GOBIN={binaries} go install {GRPCURL}", where)
    tests = "tests/docs -q -p no:randomly -k grpcurl -rs"
    said = output_of(
        f"PATH={binaries}:$PATH {sys.executable} -m pytest {tests} || test $? = 5", ROOT
    )
    summary = said.strip().splitlines()[-1]
    if "passed" not in summary or "skipped" in summary:
        raise Failed(f"the recipes for grpcurl were not run:\n{said}")
    return summary


def _path() -> str:
    return environment()["PATH"]


def _unignored() -> set[str]:
    """What git would take for new in the folder of clients; nothing without git."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return set()
    listed = subprocess.run(
        [git, "ls-files", "--others", "--exclude-standard", "examples/clients"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(listed.stdout.splitlines())


def _end(number: int, _: object) -> None:
    """As Ctrl-C does: what was started is stopped on the way out."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())
