"""
Write the reasons of error_reason.proto into docs/errors.md, or check that they are there.

    .venv/bin/python proto/error_page.py            write
    .venv/bin/python proto/error_page.py --check    fail if the page is not what the proto gives

A reason's comment says in its first sentence what happened, and in the others what to do.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

# ruff: noqa: INP001 -- a script among the protos; there is no package around it

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto" / "foliot" / "v1" / "error_reason.proto"
PAGE = ROOT / "docs" / "errors.md"

HEAD = "| reason | code | what happened | what to do | the same again? |\n|---|---|---|---|---|\n"
REMEDY = "run `make gen` and commit docs/errors.md"

AGAIN = {
    "UNAVAILABLE": "yes, after the delay",
    "FAILED_PRECONDITION": "once that has changed",
    "REVISION_MISMATCH": "after reading it anew",
    "QUOTA_EXCEEDED": "if it has a RetryInfo",
    "TENANT_SUSPENDED": "once it is resumed",
    "TOO_MANY_BAD_CREDENTIALS": "yes, after the delay",
}
"""Whether the same request may be sent again, by reason or by code; others: not as it is."""

_VALUE = re.compile(r"((?:^  //.*\n)+)  ERROR_REASON_(\w+) = [1-9]\d*;", re.MULTILINE)
_TEXT = re.compile(r"comes with (?P<code>[A-Z_]+): (?P<cause>.+?[.])(?: (?P<remedy>[A-Z].*))?$")


class Reason(NamedTuple):
    """One value of the enum, as its comment tells it. `remedy` is empty if it tells none."""

    name: str
    code: str
    cause: str
    remedy: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, or 1 if --check found a difference."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    asked = parser.parse_args(arguments)
    page = PAGE.read_text("utf-8")
    wanted = page.partition(HEAD)[0] + table(PROTO.read_text("utf-8"))
    if page == wanted:
        return 0
    if asked.check:
        sys.stderr.write(f"docs/errors.md is not what the proto gives; {REMEDY}\n")
        return 1
    PAGE.write_text(wanted, "utf-8")
    return 0


def table(proto: str) -> str:
    """The table of all reasons, by name."""
    rows = (
        f"| `{one.name}` | {one.code} | {one.cause} | {one.remedy} | {again(one)} |\n"
        for one in sorted(reasons(proto))
    )
    return HEAD + "".join(rows)


def again(reason: Reason) -> str:
    """Whether a program should send the same request once more."""
    return AGAIN.get(reason.name) or AGAIN.get(reason.code) or "not as it is"


def reasons(proto: str) -> Iterator[Reason]:
    """What the comments of the enum's values say, but for the unspecified one."""
    for comment, name in _VALUE.findall(proto):
        prose = comment.partition("  //\n")[0]
        text = " ".join(line.strip().removeprefix("//").strip() for line in prose.splitlines())
        told = _TEXT.search(text)
        if told is None:
            raise ValueError(f"the comment of {name} does not say 'comes with <code>: <what>.'")
        cause = told["cause"]
        yield Reason(name, told["code"], cause[0].upper() + cause[1:], told["remedy"] or "")


if __name__ == "__main__":
    sys.exit(main())
