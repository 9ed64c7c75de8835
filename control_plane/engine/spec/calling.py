"""
Named guards and named actions may use others by name: not in a circle, and not too deep.
"""

from control_plane.engine.limits import MAX_NAME_NESTING, MAX_NAMED
from control_plane.engine.spec.circles import circles
from control_plane.engine.spec.findings import EnoughFound, Findings, join, quote


def check_count(named: dict[str, object], what: str, pointer: str, findings: Findings) -> None:
    """Rule: a spec does not name more than so many guards, actions or delays."""
    if len(named) > MAX_NAMED:
        findings.error(
            "limit-exceeded",
            pointer,
            f"the spec names {len(named)} {what}s; the limit is {MAX_NAMED}",
            "write out those that are used once, or split the process into several definitions",
        )
        raise EnoughFound


def check_calls(calls: dict[str, set[str]], what: str, pointer: str, findings: Findings) -> None:
    """Rule: names do not lead back to themselves, and not through too many others."""
    names = list(calls)
    number = {name: at for at, name in enumerate(names)}
    found = circles([sum(1 << number[one] for one in called) for called in calls.values()])
    for circle in found:
        cycle = tuple(names[one] for one in circle)
        findings.error(
            "guard-cycle" if what == "guard" else "action-cycle",
            join(pointer, cycle[0]),
            f"the {what} {quote(cycle[0])} leads back to itself",
            "take one of the names out of the circle",
            cycle,
        )
    if found:
        return
    for name, depth in _depths(calls).items():
        if depth > MAX_NAME_NESTING:
            findings.error(
                "limit-exceeded",
                join(pointer, name),
                f"the {what} {quote(name)} leads through {depth} names; "
                f"the limit is {MAX_NAME_NESTING}",
                "write out what some of them stand for",
            )
            return


def _depths(calls: dict[str, set[str]]) -> dict[str, int]:
    """How many names each leads through at most, itself included; there are no circles."""
    found: dict[str, int] = {}
    for start in calls:
        waiting = [start]
        while waiting:
            name = waiting[-1]
            missing = () if name in found else [one for one in calls[name] if one not in found]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            if name not in found:
                found[name] = 1 + max((found[one] for one in calls[name]), default=0)
    return found
