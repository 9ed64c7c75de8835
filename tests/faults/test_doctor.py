"""The doctor: nothing to say of what is whole, and the right thing of whatever is broken."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from control_plane.adapters.postgres.doctor import PostgresDoctor
from control_plane.orchestrator.request import CastVote, Claim
from control_plane.ports.doctor import INVARIANTS, Finding
from control_plane.ports.schedule_store import Schedule, ScheduleSpec
from control_plane.use_cases.examine import examine
from shared.errors import NotFound
from shared.ids import InstanceId, TenantId, new_instance_id
from shared.tasks import Outcome
from tests.contract.worlds import ACME, PostgresWorld
from tests.orchestrator.persons import ADA, asking
from tests.orchestrator.specs import COUNTER, DEFERRING, ONE_TASK, REVIEW
from tests.orchestrator.stage import Stage

PATIENCE = timedelta(seconds=60)

# What is done to the tables of one instance ($1), by what it is found.
BREAKAGES: dict[str, tuple[str, str]] = {
    "a lost history entry": (
        "I10",
        "DELETE FROM foliot.history WHERE instance_id = $1 AND seq = 2",
    ),
    "a history entry too many": (
        "I10",
        (
            "INSERT INTO foliot.history SELECT tenant_id, instance_id, seq + 100, type, ordinal,"
            " payload, hash, created_at FROM foliot.history WHERE instance_id = $1 AND seq = 1"
        ),
    ),
    "a changed payload": (
        "I11",
        (
            'UPDATE foliot.history SET payload = \'{"input":{"forged":1}}\''
            " WHERE instance_id = $1 AND seq = 1"
        ),
    ),
    "a row that continues another history": (
        "I11",
        "UPDATE foliot.instance SET history_hash = '\\x00' WHERE instance_id = $1",
    ),
    "a changed context": (
        "I12",
        "UPDATE foliot.instance SET context = '{\"forged\":1}' WHERE instance_id = $1",
    ),
    "a snapshot of another state": (
        "I12",
        (
            "UPDATE foliot.instance"
            " SET snapshot = replace(snapshot::text, '\"next_ordinal\":2',"
            " '\"next_ordinal\":9')::json"
            " WHERE instance_id = $1"
        ),
    ),
    "an unreadable snapshot": (
        "I12",
        "UPDATE foliot.instance SET snapshot = '{}' WHERE instance_id = $1",
    ),
    "a lost task row": ("I13", "DELETE FROM foliot.task WHERE instance_id = $1"),
    "a task that nobody can claim": ("I3", "DELETE FROM foliot.ready WHERE instance_id = $1"),
    "a task in two places": (
        "I3",
        (
            "INSERT INTO foliot.delayed SELECT tenant_id, instance_id, ordinal, queue, type, flow,"
            " 0, run_at, attempt, epoch FROM foliot.ready WHERE instance_id = $1"
        ),
    ),
    "a ready row without a task": (
        "I3",
        "UPDATE foliot.ready SET ordinal = 77 WHERE instance_id = $1",
    ),
    "a ready row in another queue": (
        "I3",
        "UPDATE foliot.ready SET queue = 'elsewhere' WHERE instance_id = $1",
    ),
    "a ready row that goes before its turn": (
        "I3",
        "UPDATE foliot.ready SET precedence = '-infinity' WHERE instance_id = $1",
    ),
    "a ready row that waits for a key without a limit": (
        "I3",
        "UPDATE foliot.ready SET flow = 'nobody' WHERE instance_id = $1",
    ),
    "a delayed row without a task": (
        "I13",
        (
            "INSERT INTO foliot.delayed SELECT tenant_id, instance_id, 77, queue, type, flow,"
            " 0, run_at, attempt, epoch FROM foliot.ready WHERE instance_id = $1"
        ),
    ),
    "a task that is delayed for ever": (
        "I24",
        (
            "WITH r AS (DELETE FROM foliot.ready WHERE instance_id = $1 RETURNING *)"
            " INSERT INTO foliot.delayed SELECT tenant_id, instance_id, ordinal, queue, type,"
            " flow, 0, 'infinity', attempt, epoch FROM r"
        ),
    ),
    "a task delayed beyond its time": (
        "I24",
        (
            "WITH r AS (DELETE FROM foliot.ready WHERE instance_id = $1 RETURNING *)"
            " INSERT INTO foliot.delayed SELECT tenant_id, instance_id, ordinal, queue, type,"
            " flow, 0, run_at - interval '1 hour', attempt, epoch FROM r"
        ),
    ),
    "a task that ended, by its row alone": (
        "I4",
        (
            "UPDATE foliot.task SET status = 'succeeded', completed_at = created_at"
            " WHERE instance_id = $1"
        ),
    ),
    "a ready row of a task that ended": (
        "I3",
        (
            "UPDATE foliot.task SET status = 'succeeded',"
            " completed_at = created_at - interval '1 hour' WHERE instance_id = $1"
        ),
    ),
    "an abandoned lease": (
        "I8",
        (
            "WITH r AS (DELETE FROM foliot.ready WHERE instance_id = $1 RETURNING *)"
            " INSERT INTO foliot.lease SELECT tenant_id, instance_id, ordinal,"
            " gen_random_uuid(), 1, 1,"
            " run_at - interval '1 hour' FROM r"
        ),
    ),
    "an attempt that is silent for ever": (
        "I8",
        (
            "WITH r AS (DELETE FROM foliot.ready WHERE instance_id = $1 RETURNING *),"
            " s AS (INSERT INTO foliot.executor_session VALUES (gen_random_uuid(), 'x', NULL,"
            " clock_timestamp(), 'infinity') RETURNING session_id)"
            " INSERT INTO foliot.lease (tenant_id, instance_id, ordinal, session_id, attempt,"
            " epoch, claimed_at, silent_at) SELECT tenant_id, instance_id, ordinal,"
            " s.session_id, 1, 1, run_at, run_at - interval '1 hour' FROM r, s"
        ),
    ),
    "a lease by an epoch of the past": (
        "I3",
        (
            "WITH r AS (DELETE FROM foliot.ready WHERE instance_id = $1 RETURNING *),"
            " t AS (UPDATE foliot.task SET epoch = 5 WHERE instance_id = $1)"
            " INSERT INTO foliot.lease SELECT tenant_id, instance_id, ordinal,"
            " gen_random_uuid(), 1, 3,"
            " clock_timestamp() FROM r"
        ),
    ),
    "too many attempts": ("I7", "UPDATE foliot.task SET attempt = 9 WHERE instance_id = $1"),
    "too many hand-outs": ("I7", "UPDATE foliot.task SET epoch = 500 WHERE instance_id = $1"),
    "an offer of no task": (
        "I13",
        (
            "INSERT INTO foliot.offer SELECT tenant_id, instance_id, 77, 'user', 'ada', 'infinity'"
            " FROM foliot.instance WHERE instance_id = $1"
        ),
    ),
    "a label that nobody finds it by": (
        "I13",
        ('UPDATE foliot.instance SET labels = \'{"region":"eu"}\' WHERE instance_id = $1'),
    ),
    "a label that it does not have": (
        "I13",
        (
            "INSERT INTO foliot.label SELECT tenant_id, instance_id, 'region', 'eu', started_at"
            " FROM foliot.instance WHERE instance_id = $1"
        ),
    ),
    "a task that is found as another person's": (
        "I13",
        (
            "WITH p AS (INSERT INTO foliot.task_terms (tenant_id, instance_id, ordinal, assignee)"
            " SELECT tenant_id, instance_id, ordinal, 'ada' FROM foliot.task"
            " WHERE instance_id = $1 RETURNING *)"
            " INSERT INTO foliot.offer SELECT tenant_id, instance_id, ordinal, 'assignee', 'bob',"
            " 'infinity' FROM p"
        ),
    ),
    "a comment on no task": (
        "I13",
        (
            "INSERT INTO foliot.task_comment SELECT tenant_id, instance_id, 77, 1, 'ada', 'hm',"
            " started_at FROM foliot.instance WHERE instance_id = $1"
        ),
    ),
    "a task that is voted for and stays open": (
        "I4",
        (
            "INSERT INTO foliot.task_terms (tenant_id, instance_id, ordinal, terms, standing)"
            """ SELECT tenant_id, instance_id, ordinal, '{"quorum":{"approvals":1,"of":2}}',"""
            """ '{"votes":[{"approve":true}]}' FROM foliot.task WHERE instance_id = $1"""
        ),
    ),
    "a lost timer": ("I13", "DELETE FROM foliot.timer WHERE instance_id = $1"),
    "a timer at another instant": (
        "I13",
        "UPDATE foliot.timer SET due = due + interval '1 second' WHERE instance_id = $1",
    ),
    "a timer that does not fire": (
        "I24",
        (
            "UPDATE foliot.timer SET due = clock_timestamp() - interval '1 hour'"
            " WHERE instance_id = $1"
        ),
    ),
    "rows without their instance": ("I13", "DELETE FROM foliot.instance WHERE instance_id = $1"),
    "an instance that ended, by its row alone": (
        "I5",
        (
            "UPDATE foliot.instance SET status = 'completed', completed_at = started_at"
            " WHERE instance_id = $1"
        ),
    ),
    "a timer of an instance that ended": (
        "I24",
        (
            "UPDATE foliot.instance SET status = 'completed', completed_at = started_at"
            " WHERE instance_id = $1"
        ),
    ),
    "an event that nobody applies": (
        "I17",
        (
            "INSERT INTO foliot.inbox (tenant_id, instance_id, event_id, type, payload,"
            " accepted_at)"
            " SELECT tenant_id, $1, 'e', 'PAY', '1', started_at - interval '1 hour'"
            " FROM foliot.instance WHERE instance_id = $1"
        ),
    ),
    "a business key that names another": (
        "I21",
        "UPDATE foliot.business_key SET instance_id = gen_random_uuid() WHERE instance_id = $1",
    ),
    "a shared idempotency key": (
        "I22",
        (
            "INSERT INTO foliot.task (tenant_id, instance_id, ordinal, name, type, queue, priority,"
            " status, run_at, max_attempts, idempotency_key, input, created_at)"
            " SELECT tenant_id, instance_id, 99, name, type, queue, priority, 'pending', run_at,"
            " max_attempts, idempotency_key, input, created_at FROM foliot.task"
            " WHERE instance_id = $1"
        ),
    ),
    "an idempotency key that is no task's": (
        "I22",
        "UPDATE foliot.task SET idempotency_key = gen_random_uuid() WHERE instance_id = $1",
    ),
    "a definition that was changed": (
        "I15",
        (
            "UPDATE foliot.definition d SET spec = '{}' FROM foliot.instance i"
            " WHERE i.instance_id = $1 AND d.definition_id = i.definition_id"
        ),
    ),
    "a definition that is gone": (
        "I15",
        "UPDATE foliot.instance SET definition_id = gen_random_uuid() WHERE instance_id = $1",
    ),
}

EVERYTHING: dict[str, Any] = {
    "id": "order",
    "initial": "working",
    "states": {
        "working": {
            "invoke": {"id": "work", "src": "system.noop", "onDone": "done", "onError": "done"},
            "after": {"PT1H": "done"},
        },
        "done": {"type": "final"},
    },
}


BOARD = asking(quorum={"approvals": 2, "of": 3}, dueIn="P1D", reminders=[{"before": "PT1H"}])
EMPTY = """
TRUNCATE foliot.instance, foliot.task, foliot.task_terms, foliot.task_comment, foliot.label,
         foliot.offer, foliot.ready, foliot.delayed, foliot.lease, foliot.timer, foliot.inbox,
         foliot.history, foliot.business_key
"""


async def _started(stage: Stage, what: str) -> InstanceId:
    key = what.replace(" ", "-").replace(",", "")
    return (await stage.start(key, business_key=str(new_instance_id()))).instance_id


async def findings(
    world: PostgresWorld, tenant_id: TenantId | None = None, **limits: int
) -> Sequence[Finding]:
    """All that an examination finds."""
    doctor = PostgresDoctor(world.pool, world.across, **limits)
    found: list[Finding] = []
    async for progress in examine(doctor, world.definitions, tenant_id, PATIENCE):
        found += progress.findings
    return found


class TestAnExamination:
    async def test_finds_whatever_is_broken(self, stage: Stage, postgres: PostgresWorld) -> None:
        """One thing at a time, behind the engine's back; found by its name, and at its place."""
        overlooked, blamed = [], []
        for what, (invariant, breakage) in BREAKAGES.items():
            await stage.define(EVERYTHING, key=what.replace(" ", "-").replace(",", ""))
            whole, broken = [await _started(stage, what) for _ in range(2)]
            assert [] == await findings(postgres)
            await postgres.owner.execute(breakage, broken)

            found = await findings(postgres)

            if invariant not in {finding.invariant for finding in found}:
                overlooked.append(what)
            # A definition is both instances'.
            if invariant != "I15" and whole in {finding.instance_id for finding in found}:
                blamed.append(what)
            await postgres.owner.execute(EMPTY)
        assert [] == overlooked
        assert [] == blamed

    async def test_finds_an_instance_that_nothing_can_move(
        self, stage: Stage, postgres: PostgresWorld
    ) -> None:
        """It rests in a state without tasks, timers and transitions: somebody forgot a way out."""
        await stage.define({"initial": "stuck", "states": {"stuck": {}, "out": {"type": "final"}}})
        instance_id = (await stage.start()).instance_id

        assert [("I9", instance_id)] == [
            (finding.invariant, finding.instance_id) for finding in await findings(postgres)
        ]

    async def test_finds_nothing_in_what_is_under_way(
        self, stage: Stage, postgres: PostgresWorld
    ) -> None:
        """Tasks ready, held, delayed, with people and ended; timers; events kept for later."""
        for key, spec in {
            "task": ONE_TASK,
            "review": REVIEW,
            "counter": COUNTER,
            "deferring": DEFERRING,
            "board": BOARD,
            "asked": asking(dueIn="P1D"),
        }.items():
            await stage.define(spec, key)
        for key in ("task", "task", "review", "counter", "deferring"):
            await stage.start(key)
        board = (await stage.start("board")).instance_id
        await stage.ask(board, CastVote(ordinal=1, approves=True, person=ADA))
        asked = (await stage.start("asked")).instance_id
        await stage.ask(asked, Claim(ordinal=1, person=ADA))
        held = await stage.claim()
        await stage.fail(held[0])
        await stage.report(held[1], Outcome.succeeded(None))
        review = next(task for task in held if task.name == "review")
        await stage.report(review, Outcome.awaiting())
        deferring = (await stage.start("deferring")).instance_id
        await stage.send(deferring, "SAY", {"word": "later"}, event_id="e")
        await stage.start("task")

        assert [] == await findings(postgres)

    async def test_sees_everything_slice_by_slice(
        self, stage: Stage, postgres: PostgresWorld
    ) -> None:
        """Slices end between instances, by number and by length of history, and miss none."""
        await stage.define(ONE_TASK)
        broken = [(await stage.start()).instance_id for _ in range(7)]
        await postgres.owner.execute("DELETE FROM foliot.ready")

        by_number = await findings(postgres, max_instances=3)
        by_length = await findings(postgres, max_entries=5)

        assert broken == [finding.instance_id for finding in by_number]
        assert broken == [finding.instance_id for finding in by_length]

    async def test_does_not_replay_what_is_too_long(
        self, stage: Stage, postgres: PostgresWorld
    ) -> None:
        """It says so instead: memory is bounded, and nobody takes it for examined."""
        await stage.define(ONE_TASK)
        await stage.start()
        doctor = PostgresDoctor(postgres.pool, postgres.across, max_entries=1)

        unreplayed = [
            progress.unreplayed async for progress in examine(doctor, postgres.definitions)
        ]

        assert 1 == sum(unreplayed)

    async def test_tells_of_a_schedule_that_nobody_looks_at(self, postgres: PostgresWorld) -> None:
        """Its time came, and no control plane was there."""
        now = await postgres.now()
        spec = ScheduleSpec(
            cron="0 9 * * *",
            time_zone="UTC",
            definition_key="order",
            input="{}",
            labels="{}",
            overlap="skip",
            catch_up=timedelta(days=1),
            jitter=timedelta(0),
            description="",
        )
        for name, due in (("late", now - timedelta(hours=1)), ("soon", now)):
            schedule = Schedule(
                tenant_id=ACME,
                schedule_id=name,
                incarnation=uuid4(),
                step=1,
                revision=1,
                spec=spec,
                created_by="ada",
                created_at=now,
                updated_at=now,
                next_at=due,
                due_at=due,
            )
            await postgres.schedules.create(schedule, most=2)

        (finding,) = await findings(postgres, ACME)

        assert ("I25", None) == (finding.invariant, finding.instance_id)
        assert "'late'" in finding.message

    async def test_is_of_the_tenant_that_was_asked_for(
        self, stage: Stage, postgres: PostgresWorld
    ) -> None:
        """Another's trouble is not told, and a tenant that there is not is no clean one."""
        await stage.define(ONE_TASK)
        await stage.start()
        await postgres.owner.execute("DELETE FROM foliot.ready")

        assert 1 == len(await findings(postgres, ACME))
        assert [] == await findings(postgres, TenantId("other"))
        with pytest.raises(NotFound):
            await findings(postgres, TenantId("nobody"))

    def test_has_a_name_for_everything_it_finds(self) -> None:
        """What an operator reads is a sentence."""
        assert {invariant for invariant, _ in BREAKAGES.values()} <= INVARIANTS.keys()


class TestFoliotDoctor:
    async def test_exits_with_0_where_all_is_good(
        self, stage: Stage, postgres: PostgresWorld
    ) -> None:
        """And says how much it looked at."""
        await stage.define(ONE_TASK)
        await stage.start()

        ended = foliot_doctor(postgres.url)

        assert 0 == ended.returncode, ended.stderr
        assert "All good: 1 instances of 2 tenants" in ended.stdout

    async def test_exits_with_1_and_tells_where_for_programs_too(
        self, stage: Stage, postgres: PostgresWorld
    ) -> None:
        """One JSON object on standard output, and nothing else there."""
        await stage.define(ONE_TASK)
        instance_id = (await stage.start()).instance_id
        await postgres.owner.execute("DELETE FROM foliot.ready")

        ended = foliot_doctor(postgres.url, "--output", "json", "--tenant", ACME)

        assert 1 == ended.returncode, ended.stderr
        [finding] = json.loads(ended.stdout)["findings"]
        assert ("I3", str(instance_id), 1) == (
            finding["invariant"],
            finding["instance_id"],
            finding["ordinal"],
        )

    async def test_shows_people_what_and_where(self, stage: Stage, postgres: PostgresWorld) -> None:
        """The promise that is broken, the task, and what is the matter with it."""
        await stage.define(ONE_TASK)
        instance_id = (await stage.start()).instance_id
        await postgres.owner.execute("DELETE FROM foliot.ready")

        ended = foliot_doctor(postgres.url)

        assert 1 == ended.returncode, ended.stderr
        for shown in ("1 findings", INVARIANTS["I3"], f"{instance_id}:1", "is pending"):
            assert shown in ended.stdout


def foliot_doctor(database_url: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command as an operator does."""
    return subprocess.run(
        [sys.executable, "-m", "control_plane", "doctor", "--database-url", database_url, *options],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "200", "PYTHONPATH": ":".join(filter(None, sys.path))},
    )
