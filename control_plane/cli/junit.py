"""Results in the XML that CI servers read, as JUnit once wrote it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from control_plane.cli.telling import shown
from control_plane.simulation import ScenarioResult
from shared.errors import InvalidRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A scenario's file, and what came of it: a result, or why it could not be read."""

    file: Path
    seconds: float
    result: ScenarioResult | None = None
    unreadable: str = ""

    @property
    def has_failed(self) -> bool:
        return self.result is None or not self.result.has_passed

    @property
    def is_skipped(self) -> bool:
        return self.result is not None and self.result.skipped is not None


def write_junit(target: Path, ran: Sequence[Ran]) -> None:
    """One test case a scenario; a failure holds everything that was not as expected."""
    suite = ET.Element(
        "testsuite",
        name="foliot test",
        tests=str(len(ran)),
        failures=str(sum(one.result is not None and one.has_failed for one in ran)),
        errors=str(sum(one.result is None for one in ran)),
        skipped=str(sum(one.is_skipped for one in ran)),
        time=f"{sum(one.seconds for one in ran):.3f}",
    )
    for one in ran:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=one.file.parent.as_posix(),
            name=one.file.stem,
            file=one.file.as_posix(),
            time=f"{one.seconds:.3f}",
        )
        _fill(case, one)
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    try:
        ET.ElementTree(suites).write(target, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise InvalidRequest(f"{target}: {error.strerror or error}") from error


def _fill(case: ET.Element, ran: Ran) -> None:
    if ran.result is None:
        ET.SubElement(case, "error", message=_printable(ran.unreadable))
        return
    if ran.result.skipped is not None:
        ET.SubElement(case, "skipped", message=_printable(ran.result.skipped))
    if ran.result.mismatches:
        found = ran.result.mismatches
        failure = ET.SubElement(
            case, "failure", message=_printable(f"{found[0].about}: {found[0].message}")
        )
        failure.text = _printable(
            "\n".join(
                f"{ran.file}:{one.place} {one.about}: {one.message}\n"
                f"  expected {shown(one.expected)}\n  found    {shown(one.found)}"
                for one in found
            )
        )


def _printable(text: str) -> str:
    """XML cannot hold control characters, not even escaped."""
    return "".join(one if one >= " " or one in "\n\t" else "�" for one in text)
