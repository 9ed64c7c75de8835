"""
Whether how things stand is what was expected. One rule for everything that has parts: an
object may have more members than expected, all else is equal.
"""

from collections.abc import Iterator, Sequence

from control_plane.simulation.result import Seen, TaskView
from control_plane.simulation.scenario import Expectation, Mismatch, Scenario
from shared.documents.document import below
from shared.json import Json

ABSENT = "nothing"


def mismatches(scenario: Scenario, seen: Sequence[Seen]) -> Iterator[Mismatch]:
    """What is not as expected: `seen` is how things stood after the start and after each step."""
    for number, one in enumerate(seen):
        expected = scenario.expectations[number]
        if one.refused is not None and not any("rejected" in each.wanted for each in expected):
            yield Mismatch(
                place=scenario.document.place_of(scenario.pointers[number]),
                step=number,
                about="rejected",
                expected=False,
                found=one.refused.reason,
                message=f"the step was refused: {one.refused.reason}: {one.refused.message}",
            )
        for each in expected:
            yield from _compare(scenario, each, one, number, list(one.emitted))
    if scenario.at_the_end is not None:
        emitted = [event for one in seen for event in one.emitted]
        yield from _compare(scenario, scenario.at_the_end, seen[-1], None, emitted)


def _compare(
    scenario: Scenario, expected: Expectation, seen: Seen, step: int | None, emitted: list[Json]
) -> Iterator[Mismatch]:
    for key, wanted in expected.wanted.items():
        pointer = below(expected.json_pointer, key)
        for about, want, found, message in _about(key, wanted, seen, emitted):
            yield Mismatch(
                place=scenario.document.place_of(pointer),
                step=step,
                about=about,
                expected=want,
                found=found,
                message=message,
            )


def _about(
    key: str, wanted: Json, seen: Seen, emitted: list[Json]
) -> Iterator[tuple[str, Json, Json, str]]:
    match key:
        case "status":
            yield from differences(key, wanted, seen.status)
        case "state":
            if not matches(wanted, seen.state):
                yield key, wanted, seen.state, "the instance is in another state"
        case "context":
            yield from differences(key, wanted, seen.context)
        case "output":
            yield from differences(key, wanted, seen.output)
        case "error":
            yield from differences(key, wanted, seen.error)
        case "tasks":
            yield from _tasks(wanted, seen.tasks)
        case "accepts" | "refuses":
            yield from _events(key, wanted, seen.accepts)
        case "emitted":
            yield from differences(key, wanted, emitted)
        case "rejected":
            yield from _rejected(wanted, seen)
        case "disposition":
            yield from differences(key, wanted, seen.disposition)


def differences(path: str, wanted: Json, found: Json) -> Iterator[tuple[str, Json, Json, str]]:
    """Where two values differ: path, what was expected, what is there, and that in words."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            if key in found:
                yield from differences(f"{path}.{key}", value, found[key])
            else:
                there = ", ".join(found) or ABSENT
                yield f"{path}.{key}", value, None, f"it is missing; there is {there}"
        return
    if isinstance(wanted, list) and isinstance(found, list):
        for index, (value, other) in enumerate(zip(wanted, found, strict=False)):
            yield from differences(f"{path}[{index}]", value, other)
        if len(wanted) != len(found):
            yield path, wanted, found, f"{len(wanted)} were expected, and there are {len(found)}"
        return
    is_boolean = isinstance(wanted, bool) or isinstance(found, bool)
    if wanted != found or (is_boolean and wanted is not found):
        yield path, wanted, found, "it is something else"


def matches(wanted: Json, state: Json) -> bool:
    """XState's `matches`: whether all the named states are active; there may be more."""
    if isinstance(wanted, str):
        return state == wanted or (isinstance(state, dict) and wanted in state)
    if not isinstance(wanted, dict):
        return False
    if isinstance(state, str):
        return all(key == state and below_ == {} for key, below_ in wanted.items())
    return isinstance(state, dict) and all(
        key in state and matches(inner, state[key]) for key, inner in wanted.items()
    )


def _tasks(wanted: Json, found: Sequence[TaskView]) -> Iterator[tuple[str, Json, Json, str]]:
    assert isinstance(wanted, list)
    shown: list[Json] = [
        {
            "name": task.name,
            "number": task.ordinal,
            "type": task.type,
            "attempt": task.attempt,
            "input": task.input,
        }
        for task in found
    ]
    names: list[Json] = [task.name for task in found]
    if len(wanted) != len(found):
        expected = [one.get("name", one) if isinstance(one, dict) else one for one in wanted]
        yield "tasks", expected, names, "other tasks are open"
        return
    yield from differences("tasks", wanted, shown)


def _events(
    key: str, wanted: Json, accepts: Sequence[str]
) -> Iterator[tuple[str, Json, Json, str]]:
    assert isinstance(wanted, list)
    for event in wanted:
        is_taken = is_accepted(str(event), accepts)
        if is_taken != (key == "accepts"):
            says = "there is no transition for it" if key == "accepts" else "there is a transition"
            yield key, event, list(accepts), says


def is_accepted(event: str, accepts: Sequence[str]) -> bool:
    """Whether one of these descriptors, wildcards among them, is for the event."""
    return any(
        descriptor in (event, "*")
        or (descriptor.endswith(".*") and f"{event}.".startswith(descriptor[:-1]))
        for descriptor in accepts
    )


def _rejected(wanted: Json, seen: Seen) -> Iterator[tuple[str, Json, Json, str]]:
    reason = None if seen.refused is None else seen.refused.reason
    if isinstance(wanted, bool):
        if wanted != (reason is not None):
            says = "nothing was refused" if seen.refused is None else seen.refused.message
            yield "rejected", wanted, reason, says
    elif wanted != reason:
        says = "nothing was refused" if seen.refused is None else seen.refused.message
        yield "rejected", wanted, reason, says
