"""Tasks that an executor has from the commit that creates them, on both stores."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from control_plane.orchestrator import Hand, HandedOut, Report, Verdict
from control_plane.ports.instance_store import Change, KeyTaken, StoreUnavailable, WriteRefused
from control_plane.ports.records import InstanceKey
from shared.ids import InstanceId, SessionId, new_uuid7
from shared.tasks import Outcome, TaskType
from tests.orchestrator import specs
from tests.orchestrator.stage import SESSION_TTL, Stage


class Executor:
    """A session whose stream ends at the stage's control plane."""

    def __init__(self, stage: Stage, limit: int = 10) -> None:
        self.assigned: list[HandedOut] = []
        self.is_in_doubt = False
        self.stage = stage
        self.session_id = SessionId(new_uuid7())
        stage.hands.join(
            Hand(
                session_id=self.session_id,
                queues=frozenset({"default"}),
                types=frozenset(TaskType),
                deliver=self._deliver,
                give_up=self._give_up,
                recall=lambda _: None,
                limit=limit,
            )
        )

    async def open(self) -> None:
        """Begin the session."""
        await self.stage.world.claims.extend(self.session_id, "test", None, SESSION_TTL)

    async def report(self, instance_id: InstanceId, ordinal: int, epoch: int = 1) -> Verdict | None:
        """A task has succeeded."""
        answer = await self.stage.orchestrator.submit(
            self.stage.request(
                instance_id,
                Report(
                    ordinal=ordinal,
                    epoch=epoch,
                    outcome=Outcome.succeeded(),
                    session_id=self.session_id,
                ),
            )
        )
        return answer.verdict

    def _deliver(self, tasks: Sequence[HandedOut]) -> None:
        self.assigned += tasks

    def _give_up(self) -> None:
        self.is_in_doubt = True


@pytest.fixture
async def executor(stage: Stage) -> Executor:
    """One with room for ten tasks."""
    executor = Executor(stage)
    await executor.open()
    return executor


class TestATaskThatIsHandedOutAtOnce:
    async def test_is_nobody_elses(self, stage: Stage, executor: Executor) -> None:
        """It has never been ready, and its holder's outcome counts."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        claimed = await stage.claim()
        [task] = await stage.tasks(started.instance_id)
        verdict = await executor.report(started.instance_id, 1)

        assert [(started.instance_id, 1)] == [
            (one.instance_id, one.task.ordinal) for one in executor.assigned
        ]
        assert ([], "running", Verdict.APPLIED) == (claimed, task.status_now, verdict)
        await stage.assert_whole(started.instance_id)

    async def test_leaves_nothing_behind_when_it_ends(
        self, stage: Stage, executor: Executor
    ) -> None:
        """No lease, no row that could be claimed."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        await executor.report(started.instance_id, 1)
        rows = await stage.world.row_counts()

        assert {} == {name: rows[name] for name in ("ready", "lease", "delayed") if name in rows}

    async def test_is_rescued_like_any_other_when_its_session_ends(
        self, stage: Stage, executor: Executor
    ) -> None:
        """Whether its holder ever heard of it or not; and then its epoch is an old one."""
        await stage.define(specs.ONE_TASK)
        started = await stage.start()
        await stage.world.claims.close(executor.session_id)
        rescued = await stage.rescue()
        [task] = await stage.claim()
        verdict = await executor.report(started.instance_id, 1)

        assert (1, 2, 1, Verdict.LEASE_LOST) == (rescued, task.epoch, task.attempt, verdict)

    async def test_of_a_session_that_had_expired_by_then_is_rescued_too(
        self, stage: Stage, executor: Executor
    ) -> None:
        """A control plane may be the last to hear of it."""
        await stage.define(specs.ONE_TASK)
        await stage.world.move_clock(SESSION_TTL + timedelta(seconds=1))
        await stage.start()

        assert (1, 1) == (await stage.rescue(), len(await stage.claim()))


class TestATurnThatIsNotKept:
    async def test_gives_nobody_anything(
        self, stage: Stage, executor: Executor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A key was taken meanwhile: the next turn hands its task out, once."""
        await stage.define(specs.ONE_TASK)
        write, failures = stage.world.store.write, [KeyTaken("by another")]

        async def fails_once(changes: Sequence[Change]) -> frozenset[InstanceKey]:
            if failures:
                raise failures.pop()
            return await write(changes)

        monkeypatch.setattr(stage.world.store, "write", fails_once)
        await stage.start()

        assert (1, False) == (len(executor.assigned), executor.is_in_doubt)

    async def test_leaves_nobody_in_doubt_if_the_store_refused_it(
        self, stage: Stage, executor: Executor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A bug in one request's change ends no executor's stream, and costs no room in it."""
        await stage.define(specs.ONE_TASK)
        write = stage.world.store.write

        async def refuses(_: Sequence[Change]) -> frozenset[InstanceKey]:
            raise WriteRefused("a number that does not fit")

        monkeypatch.setattr(stage.world.store, "write", refuses)
        with pytest.raises(WriteRefused):
            await stage.start()
        monkeypatch.setattr(stage.world.store, "write", write)
        await stage.start()

        assert (1, False) == (len(executor.assigned), executor.is_in_doubt)


class TestATurnOfWhichNothingIsKnown:
    async def test_leaves_its_holder_in_doubt(
        self, stage: Stage, executor: Executor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The task is held by a session that has not heard of it, and must let go of it."""
        await stage.define(specs.ONE_TASK)
        write, failures = stage.world.store.write, [StoreUnavailable("the answer was lost")]

        async def loses_an_answer(changes: Sequence[Change]) -> frozenset[InstanceKey]:
            kept = await write(changes)
            if failures:
                raise failures.pop()
            return kept

        monkeypatch.setattr(stage.world.store, "write", loses_an_answer)
        started = await stage.start()
        held = await stage.world.claims.held(executor.session_id, 10)

        assert ([], True) == (executor.assigned, executor.is_in_doubt)
        assert [(started.instance_id, 1, 1)] == list(held)
