"""
Names that stand for what may hold other names: named guards, named actions.
"""

from control_plane.engine.limits import MAX_NAME_NESTING
from control_plane.engine.spec.findings import Findings, join, quote


def check_calls(calls: dict[str, set[str]], what: str, pointer: str, findings: Findings) -> None:
    """Rule: names do not lead back to themselves, and not through too many others."""
    found = cycles(calls)
    for cycle in found:
        findings.error(
            f"{what}-cycle",
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


def cycles(calls: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """One circle for each group of names that reach themselves, found without recursion."""
    found: list[tuple[str, ...]] = []
    settled: set[str] = set()
    for start, called in calls.items():
        if start in settled:
            continue
        path = [start]
        rest = [iter(sorted(called))]
        while path:
            following = next(rest[-1], None)
            if following is None:
                settled.add(path.pop())
                rest.pop()
            elif following in path:
                found.append(tuple(path[path.index(following) :]))
            elif following not in settled:
                path.append(following)
                rest.append(iter(sorted(calls.get(following, ()))))
    return found


def _depths(calls: dict[str, set[str]]) -> dict[str, int]:
    """How many names each leads through at most, itself included; there are no circles."""
    found: dict[str, int] = {}
    for start in calls:
        waiting = [start]
        while waiting:
            name = waiting[-1]
            missing = [one for one in calls[name] if one not in found]
            if missing:
                waiting += missing
                continue
            found[name] = 1 + max((found[one] for one in calls[name]), default=0)
            waiting.pop()
    return found
