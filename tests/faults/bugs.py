"""
Bugs that somebody might write, and what must catch each: the table that says how much a green
run of the model is worth.
"""

from control_plane.adapters.postgres.due import PostgresDue
from control_plane.adapters.postgres.instance_store import PostgresInstanceStore
from control_plane.loops.after_commit import AfterCommit
from control_plane.orchestrator import endings, fold, fold_people, fold_tasks, turn
from control_plane.orchestrator.draft import Draft
from shared import retry
from tests.faults.mutations import Bug, Code, SqlFunction, TurnStatement

REFERENCE = "reference"
"""An answer, a row or a ring that the reference does not have."""

_WRITES_HISTORY = "{change.instance_id}[entry.n], entry.seq, entry.type"
_NUMBERS_HISTORY_ANEW = """{change.instance_id}[entry.n],
         (SELECT coalesce(max(o.seq), 0) FROM foliot.history o
           WHERE o.tenant_id = {change.tenant_id}[entry.n]
             AND o.instance_id = {change.instance_id}[entry.n])
         + row_number() OVER (PARTITION BY entry.n ORDER BY entry.seq), entry.type"""

_AFTER_WRITE = '                await failpoint("store.write.after")\n'
_TASKS_LATER = (
    _AFTER_WRITE
    + """\
                rest = [
                    type(c)(
                        after=c.after,
                        expected_revision=c.after.revision,
                        new_tasks=c.new_tasks,
                    )
                    for c in changes
                    if c.new_tasks
                ]
                if rest:
                    text, values = write_batch.statement_of(rest)
                    await connection.fetchval(text, *values)
"""
)


def bugs() -> dict[str, Bug]:
    """Every bug by what it gets wrong. Raises AssertionError where its place is gone."""
    return {
        # --- epochs and leases --------------------------------------------------
        "an outcome counts, whatever its epoch": Bug(
            mutations=[
                Code(
                    fold_tasks.report,
                    (
                        "        or lease.epoch != asked.epoch\n    ):\n        was_applied",
                        "    ):\n        was_applied",
                    ),
                    (
                        "    draft.consume_lease(asked.ordinal, asked.epoch)\n    if not",
                        "    draft.consume_lease(asked.ordinal, lease.epoch)\n    if not",
                    ),
                )
            ],
            caught_by=REFERENCE,
            often=("report", "claim", "two_sweepers"),
        ),
        "an epoch is compared when it is read, and not when it is written": Bug(
            mutations=[
                TurnStatement(
                    (
                        "AND l.ordinal = fence.ordinal AND l.epoch = fence.epoch",
                        "AND l.ordinal = fence.ordinal",
                    ),
                )
            ],
            caught_by=REFERENCE,
            often=("overtake", "claim", "send"),
        ),
        "the sweeper takes a task back by its id": Bug(
            mutations=[
                Code(
                    fold_tasks.expire,
                    ("        or lease.epoch != asked.epoch\n", ""),
                    (
                        "draft.consume_lease(asked.ordinal, asked.epoch)",
                        "draft.consume_lease(asked.ordinal, lease.epoch)",
                    ),
                )
            ],
            caught_by=REFERENCE,
        ),
        "the sweeper takes tasks from sessions that still live": Bug(
            mutations=[
                Code(
                    PostgresDue.expired_leases,
                    (
                        "s.expires_at <= (SELECT foliot.now())",
                        "s.expires_at <= (SELECT foliot.now()) + interval '15 seconds'",
                    ),
                )
            ],
            caught_by=REFERENCE,
        ),
        "an outcome leaves its lease behind": Bug(
            mutations=[
                TurnStatement(
                    (
                        "SELECT h.place FROM held h WHERE {kept}[h.n]",
                        "SELECT h.place FROM held h WHERE false",
                    ),
                )
            ],
            caught_by=REFERENCE,
        ),
        "a hand-out has the epoch of the one before": Bug(
            mutations=[
                SqlFunction(
                    "0002_claim.sql",
                    ("k.attempt + 1, k.epoch + 1,\n", "k.attempt + 1, k.epoch,\n"),
                )
            ],
            caught_by=REFERENCE,
        ),
        "a claim leaves the task claimable": Bug(
            mutations=[
                SqlFunction(
                    "0002_claim.sql",
                    (
                        (
                            "      DELETE FROM foliot.ready r\n"
                            "       WHERE r.ctid = ANY (ARRAY(SELECT p.place FROM picked p))\n"
                            "      RETURNING r.*"
                        ),
                        (
                            "      SELECT r.* FROM foliot.ready r\n"
                            "       WHERE r.ctid = ANY (ARRAY(SELECT p.place FROM picked p))"
                        ),
                    ),
                )
            ],
            caught_by="I3",
        ),
        "a session that has expired goes on claiming": Bug(
            mutations=[SqlFunction("0002_claim.sql", (" AND s.expires_at > v_now", ""))],
            caught_by=REFERENCE,
        ),
        "a zombie gives back what others have": Bug(
            mutations=[
                SqlFunction(
                    "0002_release.sql",
                    ("AND l.epoch = g.epoch AND l.session_id = p_session_id", ""),
                )
            ],
            caught_by=REFERENCE,
        ),
        "a session that was closed goes on": Bug(
            mutations=[
                SqlFunction(
                    "0002_close_session.sql",
                    ("WHERE session_id = p_session_id", "WHERE false"),
                )
            ],
            caught_by=REFERENCE,
            often=("close_session", "claim"),
        ),
        # --- one commit --------------------------------------------------
        "a change is kept at any revision, its history numbered anew": Bug(
            mutations=[
                TurnStatement(
                    ("        AND i.revision = c.expected_revision\n", ""),
                    (_WRITES_HISTORY, _NUMBERS_HISTORY_ANEW),
                )
            ],
            caught_by=REFERENCE,
            often=("overtake", "claim", "send"),
        ),
        "tasks are written in a second transaction": Bug(
            mutations=[
                Code(
                    PostgresInstanceStore.write,
                    (
                        (
                            "ordered = sorted(changes, key=lambda change:"
                            " change.expected_revision != 0)"
                        ),
                        (
                            "import dataclasses\n"
                            "    ordered = [\n"
                            "        dataclasses.replace(c, new_tasks=())\n"
                            "        for c in sorted(changes, key=lambda c:"
                            " c.expected_revision != 0)\n"
                            "    ]"
                        ),
                    ),
                    (_AFTER_WRITE[4:], _TASKS_LATER.replace("\n    ", "\n")[4:]),
                )
            ],
            caught_by="I13",
            often=("answer_lost", "start"),
        ),
        "what could not be committed is answered as if it were": Bug(
            mutations=[
                Code(
                    PostgresInstanceStore.write,
                    (
                        "    try:\n",
                        (
                            "    from control_plane.ports.instance_store import StoreUnavailable\n"
                            "    try:\n"
                        ),
                    ),
                    (
                        "    except asyncpg.UniqueViolationError as error:\n",
                        (
                            "    except StoreUnavailable:\n"
                            "        return frozenset(change.key for change in ordered)\n"
                            "    except asyncpg.UniqueViolationError as error:\n"
                        ),
                    ),
                )
            ],
            caught_by=REFERENCE,
            often=("answer_lost",),
        ),
        "the snapshot stays as it was before": Bug(
            mutations=[
                Code(
                    Draft._after,
                    (
                        "snapshot=dump_snapshot(snapshot, with_context=False).decode()",
                        (
                            "snapshot=self.before.snapshot if self.before.revision"
                            " else dump_snapshot(snapshot, with_context=False).decode()"
                        ),
                    ),
                )
            ],
            caught_by="I12",
        ),
        "the context stays as it was before": Bug(
            mutations=[
                Code(
                    Draft._after,
                    (
                        "context=json.dump(snapshot.context)",
                        (
                            "context=self.before.context if self.before.revision"
                            " else json.dump(snapshot.context)"
                        ),
                    ),
                )
            ],
            caught_by="I12",
        ),
        # --- history --------------------------------------------------
        "the history leaves a number out": Bug(
            mutations=[Code(Draft.record, ("self._seq += 1", "self._seq += 1 + (self._seq == 4)"))],
            caught_by="I10",
        ),
        "each entry begins a hash chain of its own": Bug(
            mutations=[Code(Draft.record, ("link(self._hash, ", "link(b'', "))],
            caught_by="I11",
        ),
        # --- asking twice --------------------------------------------------
        "event ids are not looked at": Bug(
            mutations=[
                Code(
                    fold.send,
                    ("    if asked.event_id:\n        repeated", "    if False:\n        repeated"),
                    (
                        "    if asked.event_id:\n        draft.remember",
                        "    if False:\n        draft.remember",
                    ),
                )
            ],
            caught_by=REFERENCE,
        ),
        "answers are not stored": Bug(
            mutations=[Code(Draft.remember, ("self._answers.append(answer)", "pass"))],
            caught_by=REFERENCE,
        ),
        "an event id is good for another event": Bug(
            mutations=[Code(fold._repeated, ("earlier.fingerprint != fingerprint", "False"))],
            caught_by=REFERENCE,
        ),
        "a request id is good for another request": Bug(
            mutations=[
                Code(
                    turn._Batch._once,
                    ("known.fingerprint != repeatable.fingerprint", "False"),
                )
            ],
            caught_by=REFERENCE,
        ),
        "a business key is given to whoever asks": Bug(
            mutations=[
                Code(
                    turn._may_follow,
                    ("    if holder.status not in CLOSED_INSTANCE:\n        return False\n", ""),
                    ("return asked.on_closed is OnClosed.ALLOW", "return True"),
                )
            ],
            caught_by=REFERENCE,
            often=("start",),
        ),
        "every task of an instance has the same idempotency key": Bug(
            mutations=[
                Code(
                    Draft._create,
                    (
                        "idempotency_key(self.before.instance_id, command.ordinal)",
                        "idempotency_key(self.before.instance_id, 1)",
                    ),
                )
            ],
            caught_by=REFERENCE,
        ),
        # --- tasks --------------------------------------------------
        "a failed attempt is always followed by another": Bug(
            mutations=[
                Code(
                    retry.after_failure,
                    ("        or attempt >= policy.max_attempts\n", ""),
                )
            ],
            caught_by=REFERENCE,
        ),
        "an attempt that was lost counts": Bug(
            mutations=[
                Code(endings.hand_on, ("attempt=lease.attempt - 1", "attempt=lease.attempt"))
            ],
            caught_by=REFERENCE,
        ),
        "a task that waits for its next attempt is claimable at once": Bug(
            mutations=[
                TurnStatement(
                    (
                        "FROM claimable c WHERE c.run_at <= c.at AND NOT c.is_withheld",
                        "FROM claimable c WHERE NOT c.is_withheld",
                    ),
                )
            ],
            caught_by="I3",
            often=("report", "claim", "send"),
        ),
        "a task that has ended can be ended again": Bug(
            mutations=[
                Code(fold_people.check_open, ("    if ended_as is not None:", "    if False:"))
            ],
            caught_by=REFERENCE,
        ),
        "a task that was called off can still be claimed": Bug(
            mutations=[Code(Draft._cancel, ("self.withdraw(ordinal)", "pass"))],
            caught_by=REFERENCE,
            often=("cancel", "send"),
        ),
        "nobody is woken": Bug(
            mutations=[
                Code(
                    AfterCommit.__call__,
                    ("self._bells.note(doorbell.task_runner(queue), ids)", "pass"),
                )
            ],
            caught_by=REFERENCE,
        ),
        # --- timers and events --------------------------------------------------
        "timers fire five seconds early": Bug(
            mutations=[
                Code(
                    PostgresDue.timers,
                    (
                        "WHERE t.due <= (SELECT now FROM instant)",
                        "WHERE t.due <= (SELECT now FROM instant) + interval '5 seconds'",
                    ),
                )
            ],
            caught_by=REFERENCE,
            often=("pass_time", "fire_timers"),
        ),
        "a timer that is not wanted any more stays": Bug(
            mutations=[
                TurnStatement(
                    (
                        (
                            "AND t.timer_id = disarming.timer_id OFFSET 0) AS t\n"
                            "            WHERE {kept}[disarming.n]"
                        ),
                        (
                            "AND t.timer_id = disarming.timer_id OFFSET 0) AS t\n"
                            "            WHERE false"
                        ),
                    ),
                )
            ],
            caught_by="I13",
        ),
        "events that had to wait are applied the newest first": Bug(
            mutations=[
                Code(
                    fold.apply_inbox,
                    (
                        "event = draft.inbox[index]",
                        "event = draft.inbox[len(draft.inbox) - 1 - index]",
                    ),
                )
            ],
            caught_by=REFERENCE,
            often=("send",),
        ),
        "an event that was applied stays in the inbox": Bug(
            mutations=[
                Code(
                    Draft.take_from_inbox,
                    ("self._applied.append(event.position)", "pass"),
                )
            ],
            caught_by=REFERENCE,
        ),
        # --- pauses --------------------------------------------------
        "a paused instance takes events": Bug(
            mutations=[
                Code(fold.send, ("    if draft.paused:", "    if False:")),
                Code(
                    fold.apply_inbox,
                    ("    if draft.paused:\n        _put_off_untried(draft)\n        return\n", ""),
                ),
            ],
            caught_by=REFERENCE,
        ),
        "a paused instance's tasks are handed out": Bug(
            mutations=[
                SqlFunction(
                    "0002_claim.sql",
                    ("i.paused_at IS NOT NULL AS is_withheld", "false AS is_withheld"),
                )
            ],
            caught_by=REFERENCE,
        ),
    }
