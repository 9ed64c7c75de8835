"""
What a human task says of how many must agree on it, who may not decide it, and what its time
brings.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from control_plane.engine.actions import OWN_EVENTS
from control_plane.engine.agreeing import QuorumPlan, SeparationPlan, is_candidate, is_voters
from control_plane.engine.limits import (
    MAX_CANDIDATE,
    MAX_CANDIDATES,
    MAX_ESCALATIONS,
    MAX_REMINDERS,
    MAX_VOTERS,
)
from control_plane.engine.nudging import NudgePlan, Since
from control_plane.engine.spec.findings import Findings, join, quote
from control_plane.engine.spec.outline import NAME, is_name, unknown_keys, wrong_type
from control_plane.engine.spec.values import Values
from control_plane.engine.spec.vocabulary import (
    CANDIDATES,
    ESCALATION,
    MAX_PRIORITY,
    NOT_BY,
    QUORUM,
    REMINDER,
)
from control_plane.engine.templates import Constant, Template
from shared.json import Json

_NAMES = f"a list of at most {MAX_CANDIDATES} names of 1 to {MAX_CANDIDATE} characters"
_VOTERS = f"a number of voters from 1 to {MAX_VOTERS}, or an expression for one"
_NONE = Constant([])
_TRIGGERS = ("overdue", "unclaimedFor", "openFor")
_EFFECTS = ("addCandidates", "assignTo", "priority", "event", "fail")


@dataclass(slots=True, eq=False)
class Duties:
    """Reads them; what is wrong is as if it were not there."""

    values: Values
    findings: Findings

    def quorum(
        self, body: dict[str, Any], pointer: str, names: frozenset[str]
    ) -> QuorumPlan | None:
        """Rule: so many of so many, and as many who could."""
        given, place = body["quorum"], join(pointer, "quorum")
        if not isinstance(given, dict) or "@expr" in given:
            wrong_type(self.findings, place, given, "an object with `approvals` and `of`")
            return None
        unknown_keys(self.findings, place, given, QUORUM)
        for word in ("approvals", "of"):
            if not is_voters(given.get(word)) and not is_computed(given.get(word)):
                at = join(place, word) if word in given else place
                wrong_type(self.findings, at, given.get(word), _VOTERS)
                return None
        self._reachable(given, body.get("candidates"), place)
        return QuorumPlan(
            approvals=self.values.template(given["approvals"], join(place, "approvals"), names),
            of=self.values.template(given["of"], join(place, "of"), names),
            json_pointer=place,
        )

    def _reachable(self, quorum: dict[str, Any], candidates: Any, pointer: str) -> None:
        """Rule: a quorum can be reached by those who may vote, as far as that is known."""
        approvals, of = quorum["approvals"], quorum["of"]
        if is_voters(approvals) and is_voters(of) and approvals > of:
            self._out_of_reach(pointer, f"{approvals} of {of} cannot approve")
            return
        said = candidates if isinstance(candidates, dict) else {}
        if said.get("roles", []) != []:
            return
        users = said.get("users", [])
        least = approvals if is_voters(approvals) else 1
        if isinstance(users, list) and len(users) < least:
            self._out_of_reach(
                pointer, f"it takes {least} to approve, and it is offered to {len(users)}"
            )

    def _out_of_reach(self, pointer: str, message: str) -> None:
        remedy = "ask for fewer `approvals`, or name more `candidates`"
        self.findings.error("quorum-out-of-reach", pointer, message, remedy)

    def separation(
        self, body: dict[str, Any], pointer: str, names: frozenset[str]
    ) -> SeparationPlan | None:
        """Rule: not by the deciders of tasks, not by the starter, not by users."""
        given, place = body["notBy"], join(pointer, "notBy")
        if not isinstance(given, dict) or "@expr" in given:
            wrong_type(self.findings, place, given, "an object with `tasks`, `starter`, `users`")
            return None
        unknown_keys(self.findings, place, given, NOT_BY)
        tasks = given.get("tasks", [])
        if not isinstance(tasks, list) or len(tasks) > MAX_CANDIDATES:
            wrong_type(self.findings, join(place, "tasks"), tasks, "a list of names of tasks")
            tasks = []
        for at, one in enumerate(tasks):
            if not is_name(one):
                wrong_type(self.findings, join(join(place, "tasks"), at), one, NAME)
        starter = given.get("starter", False)
        if not isinstance(starter, bool):
            wrong_type(self.findings, join(place, "starter"), starter, "true or false")
        return SeparationPlan(
            tasks=tuple(one for one in tasks if is_name(one)),
            starter=starter is True,
            users=self.names(given.get("users", []), join(place, "users"), names),
            json_pointer=place,
        )

    def nudges(
        self, body: dict[str, Any], pointer: str, names: frozenset[str]
    ) -> tuple[NudgePlan, ...]:
        """Rule: reminders and escalations, each with its time; by a due time if there is one."""
        found = []
        for word, most in (("reminders", MAX_REMINDERS), ("escalations", MAX_ESCALATIONS)):
            given, place = body.get(word, []), join(pointer, word)
            if not isinstance(given, list) or len(given) > most:
                wrong_type(self.findings, place, given, f"a list of at most {most}")
                continue
            for at, one in enumerate(given):
                read = self._reminder if word == "reminders" else self._escalation
                plan = read(one, join(place, at), names)
                if plan is None:
                    continue
                if plan.since == "due" and "dueIn" not in body:
                    self.findings.error(
                        "no-due-time",
                        plan.json_pointer,
                        "it goes by when the task is due, and the task does not say that",
                        "say `dueIn`, or count from its creation by `unclaimedFor` or `openFor`",
                    )
                found.append(plan)
        return tuple(found)

    def _reminder(self, given: Any, pointer: str, names: frozenset[str]) -> NudgePlan | None:
        """Rule: a reminder comes so long before or after the due time."""
        del names
        if not self._is_one(given, pointer, ("before", "after")):
            return None
        unknown_keys(self.findings, pointer, given, REMINDER)
        word = "before" if "before" in given else "after"
        length = self.values.duration(given[word], join(pointer, word))
        fixed: dict[str, Json] = {"reminder": True}
        self._event(given, pointer, fixed)
        after = length or timedelta(0)
        return _nudge("due", -after if word == "before" else after, fixed, pointer)

    def _escalation(self, given: Any, pointer: str, names: frozenset[str]) -> NudgePlan | None:
        """Rule: an escalation has one time and one effect at least."""
        if not self._is_one(given, pointer, _TRIGGERS):
            return None
        unknown_keys(self.findings, pointer, given, ESCALATION)
        if not any(word in given for word in _EFFECTS):
            wrong_type(self.findings, pointer, given, f"one with an effect: {', '.join(_EFFECTS)}")
        word = next(word for word in _TRIGGERS if word in given)
        length = self.values.duration(given[word], join(pointer, word))
        fixed: dict[str, Json] = {"unclaimed": True} if word == "unclaimedFor" else {}
        self._event(given, pointer, fixed)
        priority = given.get("priority", 0)
        if type(priority) is not int or not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
            wanted = f"an integer from {-MAX_PRIORITY} to {MAX_PRIORITY}"
            wrong_type(self.findings, join(pointer, "priority"), priority, wanted)
        elif "priority" in given:
            fixed["priority"] = priority
        fails = given.get("fail", False)
        if not isinstance(fails, bool):
            wrong_type(self.findings, join(pointer, "fail"), fails, "true or false")
        elif fails:
            fixed["fail"] = True
        users, roles = self._added(given, pointer, names)
        since: Since = "due" if word == "overdue" else "created"
        return _nudge(
            since,
            length or timedelta(0),
            fixed,
            pointer,
            users=users,
            roles=roles,
            assign_to=self._assignee(given, pointer, names),
        )

    def _added(
        self, given: dict[str, Any], pointer: str, names: frozenset[str]
    ) -> tuple[Template | None, Template | None]:
        if "addCandidates" not in given:
            return None, None
        added, place = given["addCandidates"], join(pointer, "addCandidates")
        if not isinstance(added, dict) or "@expr" in added:
            wrong_type(self.findings, place, added, "an object with `users` and `roles`")
            return None, None
        unknown_keys(self.findings, place, added, CANDIDATES)
        users, roles = (
            self.names(added[word], join(place, word), names) if word in added else None
            for word in ("users", "roles")
        )
        return users, roles

    def _assignee(
        self, given: dict[str, Any], pointer: str, names: frozenset[str]
    ) -> Template | None:
        if "assignTo" not in given:
            return None
        name, place = given["assignTo"], join(pointer, "assignTo")
        if not is_candidate(name) and not is_computed(name):
            wanted = f"a name of 1 to {MAX_CANDIDATE} characters, or an expression for one"
            wrong_type(self.findings, place, name, wanted)
            return None
        return self.values.template(name, place, names)

    def _event(self, given: dict[str, Any], pointer: str, fixed: dict[str, Json]) -> None:
        """Rule: the instance is told an event that a sender could send."""
        if "event" not in given:
            return
        event, place = given["event"], join(pointer, "event")
        if not is_name(event):
            wrong_type(self.findings, place, event, "an event type")
        elif "*" in event or event.startswith(OWN_EVENTS):
            self.findings.error(
                "reserved-event",
                place,
                f"{quote(event)} cannot be sent: it is a wildcard, or the engine's own",
                "name an event that a person could send",
            )
        else:
            fixed["event"] = event

    def _is_one(self, given: Any, pointer: str, words: tuple[str, ...]) -> bool:
        if isinstance(given, dict) and sum(word in given for word in words) == 1:
            return True
        wrong_type(self.findings, pointer, given, f"an object with one of {', '.join(words)}")
        return False

    def names(self, given: Any, pointer: str, names: frozenset[str]) -> Template:
        """Rule: users and roles are names, or expressions for them, one by one or all at once."""
        if not isinstance(given, list):
            if not is_computed(given):
                wrong_type(self.findings, pointer, given, _NAMES)
                return _NONE
            return self.values.template(given, pointer, names)
        if len(given) > MAX_CANDIDATES:
            wrong_type(self.findings, pointer, given, _NAMES)
            return _NONE
        for at, one in enumerate(given):
            if not is_candidate(one) and not is_computed(one):
                wanted = f"a name of 1 to {MAX_CANDIDATE} characters, or an expression for one"
                wrong_type(self.findings, join(pointer, at), one, wanted)
        return self.values.template(given, pointer, names)


def is_computed(value: object) -> bool:
    return isinstance(value, dict) and "@expr" in value


def _nudge(
    since: Since,
    after: timedelta,
    fixed: dict[str, Json],
    pointer: str,
    *,
    users: Template | None = None,
    roles: Template | None = None,
    assign_to: Template | None = None,
) -> NudgePlan:
    return NudgePlan(
        since=since,
        after=after,
        fixed=fixed,
        users=users,
        roles=roles,
        assign_to=assign_to,
        json_pointer=pointer,
    )
