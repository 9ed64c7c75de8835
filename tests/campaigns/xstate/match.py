"""
One machine, driven step by step in both engines and compared after each.

A match begins against XState as it is published. Where the two part, XState is started
over with our decisions applied, the fewest first, and told the same story: the first
variant that agrees in all of it explains the difference, and the match goes on with it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from control_plane.engine import Machine, Snapshot
from control_plane.engine.limits import MAX_EMITTED_EVENTS
from tests.campaigns.xstate.decisions import PUBLISHED, Variant, name_of, variants
from tests.campaigns.xstate.observed import Observed, Told
from tests.campaigns.xstate.oracle import Oracle
from tests.campaigns.xstate.ours import BrokenPromise, Ours
from tests.campaigns.xstate.steps import Restore, Step
from tests.campaigns.xstate.theirs import Theirs

Choose: TypeAlias = Callable[[Snapshot], Step | None]
"""What to do next to an instance; None when there is nothing more to do."""

OWN_LIMIT = "own limit"
"""The explanation of a step that one of our limits stopped where XState has none."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a match is about: a spec, the input it is started with, and whether to trace."""

    machine: Machine
    spec: dict[str, Any]
    given: Any
    trace: bool


@dataclass(slots=True)
class Finding:
    """What nothing explains: after which step, and what was seen there by both."""

    what: str
    at: int
    ours: Observed | None = None
    theirs: dict[str, Observed] = field(default_factory=dict)


@dataclass(slots=True)
class Verdict:
    """
    How a match went. `steps` are all that were taken, those without meaning too;
    `explained` has an entry for each difference that a decision of ours explains.
    """

    steps: list[Step] = field(default_factory=list)
    events: int = 0
    restores: int = 0
    explained: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    illegal_in_xstate: bool = False
    ended_as: str = ""
    finding: Finding | None = None


class Match:
    """Both engines, side by side."""

    def __init__(self, oracle: Oracle, setting: Setting) -> None:
        self._oracle = oracle
        self._setting = setting
        self._story: list[Told] = []
        self._seen: list[Observed] = []
        self._variant: Variant = PUBLISHED
        self._verdict = Verdict()

    def play(self, choose: Choose) -> Verdict:
        """Until there is nothing more to do, or something to look into."""
        verdict = self._verdict
        try:
            self._play(choose)
        except BrokenPromise as broken:
            verdict.finding = Finding(str(broken), len(self._story))
        return verdict

    def _play(self, choose: Choose) -> None:
        setting, verdict = self._setting, self._verdict
        ours = Ours(setting.machine, setting.given, trace=setting.trace)
        theirs = self._begin(PUBLISHED)
        self._seen.append(ours.seen)
        while True:
            now = self._agree(ours, theirs)
            if now is None:
                return
            theirs = now
            if ours.seen.fault:
                verdict.faults.append(ours.seen.fault)
            if ours.seen.fault == "limit" or ours.is_over:
                break
            told = self._next(ours, choose)
            if told is None:
                break
            theirs.tell(told)
        verdict.ended_as = ours.snapshot.status
        ours.check_history()

    def _next(self, ours: Ours, choose: Choose) -> Told | None:
        """Carry out steps until one means something to XState."""
        verdict = self._verdict
        while (step := choose(ours.snapshot)) is not None:
            verdict.steps.append(step)  # before it is taken, which may break a promise
            told = ours.take(step)
            if told is not None:
                is_restore = isinstance(step, Restore)
                verdict.restores += is_restore
                verdict.events += not is_restore
                self._story.append(told)
                self._seen.append(ours.seen)
                return told
        return None

    def _begin(self, variant: Variant) -> Theirs:
        return Theirs(self._oracle, variant, self._setting.spec, self._setting.given)

    def _agree(self, ours: Ours, theirs: Theirs) -> Theirs | None:
        """The XState to go on with; None when no variant agrees, having said so."""
        verdict = self._verdict
        if self._variant == PUBLISHED and not theirs.is_legal:
            verdict.illegal_in_xstate = True
        if not ours.seen.differs_from(theirs.seen):
            return theirs
        if _is_own_limit(ours, theirs):
            verdict.explained.append(OWN_LIMIT)
            return theirs
        met = {name_of(self._variant): theirs.seen}
        for variant in variants():
            if variant == self._variant:
                continue
            other, agrees = self._tell_all(variant)
            if agrees:
                self._variant = variant
                verdict.explained.append(name_of(variant))
                return other
            met[name_of(variant)] = other.seen
        different = ours.seen.differs_from(met[name_of(tuple(variant))])
        verdict.finding = Finding(
            f"differs in {', '.join(different) or 'an earlier step'}",
            len(self._story),
            ours.seen,
            met,
        )
        return None

    def _tell_all(self, variant: Variant) -> tuple[Theirs, bool]:
        """The story so far, told to a variant, up to where it parts from ours."""
        theirs = self._begin(variant)
        for at, seen in enumerate(self._seen):
            if at:
                theirs.tell(self._story[at - 1])
            if seen.differs_from(theirs.seen):
                return theirs, False
        return theirs, True


def _is_own_limit(ours: Ours, theirs: Theirs) -> bool:
    """XState fails as well, only later; or it has emitted more than one decision may."""
    if ours.seen.fault != "limit":
        return False
    return theirs.seen.fault != "" or (
        ours.limit == "emitted events per event" and len(theirs.seen.emitted) > MAX_EMITTED_EVENTS
    )
