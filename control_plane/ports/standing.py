"""
How a task stands with people: who has voted, whose it was before it was handed on, what its time
has brought so far.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from control_plane.ports.records import JsonText
from shared import json
from shared.json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What somebody said of a task. `seq` is that of the history entry that says so too."""

    seq: int
    author: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """
    What one person said: `by` is their user, by which nobody votes twice; `name` is how
    histories name them. `at` is RFC 3339.
    """

    by: str
    name: str
    approves: bool
    at: str
    output: Json = None
    comment: str = ""

    def as_json(self, *, with_output: bool = True) -> dict[str, Json]:
        found: dict[str, Json] = {
            "by": self.by,
            "name": self.name,
            "approve": self.approves,
            "at": self.at,
        }
        if with_output and self.output is not None:
            found["output"] = self.output
        if self.comment:
            found["comment"] = self.comment
        return found

    @classmethod
    def of_json(cls, kept: Json) -> "Vote":
        if not isinstance(kept, dict):
            raise TypeError("a vote is an object")
        return cls(
            by=str(kept["by"]),
            name=str(kept["name"]),
            approves=kept["approve"] is True,
            at=str(kept["at"]),
            output=kept.get("output"),
            comment=str(kept.get("comment", "")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`lenders` are those who handed it on and may get it back, the last of them last."""

    votes: tuple[Vote, ...] = ()
    lenders: tuple[str, ...] = ()
    nudged: int = 0
    """How many of the nudges in its terms are done with."""
    priority: int | None = None
    """What an escalation raised its priority to."""
    comments: int = 0

    @property
    def approvals(self) -> int:
        return sum(vote.approves for vote in self.votes)

    @property
    def rejections(self) -> int:
        return len(self.votes) - self.approvals

    def with_vote(self, vote: Vote) -> "Standing":
        return replace(self, votes=(*self.votes, vote))

    def lent_by(self, holder: str) -> "Standing":
        return replace(self, lenders=(*self.lenders, holder))

    def given_back(self) -> "Standing":
        return replace(self, lenders=self.lenders[:-1])

    def with_no_lenders(self) -> "Standing":
        return replace(self, lenders=())

    def nudged_to(self, done: int) -> "Standing":
        return replace(self, nudged=done)

    def of_priority(self, priority: int) -> "Standing":
        return replace(self, priority=priority)

    def commented(self) -> "Standing":
        return replace(self, comments=self.comments + 1)

    @classmethod
    def of(cls, text: JsonText | None) -> "Standing":
        """As a task keeps it; None is one that nothing has happened to."""
        if text is None:
            return UNTOUCHED
        kept = json.load(text)
        if not isinstance(kept, dict):
            raise TypeError("how a task stands is an object")
        votes, lenders = kept.get("votes"), kept.get("lenders")
        return cls(
            votes=tuple(map(Vote.of_json, votes)) if isinstance(votes, list) else (),
            lenders=tuple(map(str, lenders)) if isinstance(lenders, list) else (),
            nudged=int(str(kept.get("nudged", 0))),
            priority=int(str(kept["priority"])) if "priority" in kept else None,
            comments=int(str(kept.get("comments", 0))),
        )

    def text(self) -> JsonText:
        found: dict[str, Json] = {}
        if self.votes:
            found["votes"] = [vote.as_json() for vote in self.votes]
        if self.lenders:
            found["lenders"] = list[Json](self.lenders)
        if self.nudged:
            found["nudged"] = self.nudged
        if self.priority is not None:
            found["priority"] = self.priority
        if self.comments:
            found["comments"] = self.comments
        return json.dump(found)


UNTOUCHED = Standing()
