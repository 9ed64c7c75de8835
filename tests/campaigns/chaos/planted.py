"""
Bugs in the planes of a run, each of which the campaign must find: what a clean run is worth.

Some are the model's as well. The others are where only a whole system shows them: on streams,
between processes, in what repeats.
"""

from collections.abc import Callable, Mapping

import asyncpg

from control_plane.adapters.postgres import feed
from control_plane.loops.rescuer import Rescuer
from control_plane.orchestrator import turn
from control_plane.use_cases import watch_instance
from executor.adapters.outbox import Outbox
from tests.faults.bugs import bugs
from tests.faults.mutations import Bug, Code, Mutation, SqlFunction, Statement, TurnStatement

ALSO_THE_MODELS: Mapping[str, str] = {
    "an outcome counts, whatever its epoch": "I3 I4",
    "a hand-out has the epoch of the one before": "I3",
    "a claim leaves the task claimable": "I3",
    "tasks are written in a second transaction": "I13 I9 P4",
    "event ids are not looked at": "I17",
    "answers are not stored": "I18 I19",
    "an outcome leaves its lease behind": "P4",
    "events that had to wait are applied the newest first": "I17",
    "the history leaves a number out": "I10",
}
"""What may find each, of the invariants that the checker and the doctor know."""


def _own() -> Mapping[str, tuple[str, Callable[[], Mutation]]]:
    return {
        "an outcome is forgotten once it was sent": (
            "P4 I1",
            lambda: Code(
                Outbox.next_batch,
                ("batch.append(outcome)", "batch.append(self._kept.pop(self._unsent[0]))"),
            ),
        ),
        "every attempt has a key of its own": (
            "I22",
            lambda: SqlFunction(
                "0002_claim.sql", ("t.input, t.idempotency_key,", "t.input, gen_random_uuid(),")
            ),
        ),
        "a limit does not count what was handed out a moment ago": (
            "I38",
            lambda: SqlFunction(
                "0002_room_at.sql",
                (
                    "AND l.limit_key = p_limit.limit_key\n",
                    (
                        "AND l.limit_key = p_limit.limit_key\n"
                        "                                AND l.claimed_at"
                        " < p_at - interval '1 second'\n"
                    ),
                ),
            ),
        ),
        "what was not committed goes down the streams all the same": (
            "I3",
            lambda: Code(
                turn._keep,
                (
                    "hands.refused(change for change in changes if change.key not in kept)",
                    "hands.deliver(change for change in changes if change.key not in kept)",
                ),
            ),
        ),
        "nobody takes tasks back from executors that died": (
            "P4",
            lambda: Code(Rescuer._rescue, ("await self._due.expired_leases(BATCH)", "[]")),
        ),
        "a watch that is resumed begins one entry too late": (
            "I28 I30",
            lambda: Code(
                watch_instance.watch_instance,
                ("seq, has_closed = after_seq,", "seq, has_closed = after_seq + (after_seq > 0),"),
            ),
        ),
        "the feed is followed by serial number": (
            "I28 I30",
            lambda: Statement(
                feed,
                "READ",
                (
                    (
                        "AND f.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint\n"
                        "                     ORDER BY"
                    ),
                    "ORDER BY",
                ),
            ),
        ),
    }


def names() -> Mapping[str, str]:
    """Every bug, and which invariants may find it."""
    return {**ALSO_THE_MODELS, **{name: by for name, (by, _) in _own().items()}}


def find(name: str) -> Bug:
    """Raises KeyError where there is none, AssertionError where its place is gone."""
    own = _own()
    if name in own:
        by, make = own[name]
        return Bug(mutations=[make()], caught_by=by)
    return bugs()[name]


def plant_in_process(name: str) -> None:
    """Put the bug into this process, for as long as it lives."""
    for mutation in find(name).mutations:
        if isinstance(mutation, Code | Statement | TurnStatement):
            mutation.put_in()


async def plant_in_database(name: str, owner: asyncpg.Connection) -> None:
    """Put the bug into this database."""
    for mutation in find(name).mutations:
        if isinstance(mutation, SqlFunction):
            await mutation.apply(owner)
