"""Turns of more combinations of parts than statements are made for: they get all parts."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from control_plane.adapters.postgres import write_batch
from control_plane.orchestrator import Verdict
from control_plane.ports.instance_store import Change
from shared.tasks import Outcome
from tests.contract.worlds import PostgresWorld
from tests.orchestrator.stage import Stage

TWO_TASKS: dict[str, Any] = {
    "id": "order",
    "initial": "paying",
    "states": {
        "paying": {
            "invoke": {"id": "pay", "src": "system.noop", "onDone": "shipping"},
            "after": {"PT1H": "late"},
        },
        "shipping": {"invoke": {"id": "ship", "src": "system.noop", "onDone": "shipped"}},
        "shipped": {"type": "final"},
        "late": {"type": "final"},
    },
}

Facts = Mapping[str, Any]


@pytest.fixture
def world(postgres: PostgresWorld) -> PostgresWorld:
    """What is put together from parts is PostgreSQL's statement alone."""
    return postgres


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements of turns, as they are made."""
    made: list[str] = []
    statement_of = write_batch.statement_of

    def noted(changes: list[Change]) -> write_batch.Statement:
        statement = statement_of(changes)
        made.append(statement.text)
        return statement

    monkeypatch.setattr(write_batch, "statement_of", noted)
    return made


async def lived(stage: Stage, *names: str) -> Facts:
    """
    Two instances from their start to their end, side by side, and what is kept of them: leases
    and fences, tasks that follow tasks, timers set and taken away, keys, repeats, an outcome that
    comes twice.
    """
    before = await stage.world.row_counts()
    started = await asyncio.gather(
        *(stage.start(business_key=name, request_id=name) for name in names)
    )
    repeated = await stage.start(business_key=names[0], request_id=names[0])
    paying = await stage.claim()
    paid = await asyncio.gather(*(stage.report(task, Outcome.succeeded(7)) for task in paying))
    late = await stage.report(paying[0], Outcome.succeeded(8))
    shipping = await stage.claim()
    running = await stage.world.row_counts()
    shipped = await asyncio.gather(*(stage.report(task, Outcome.succeeded()) for task in shipping))
    for one in started:
        await stage.assert_whole(one.instance_id)
    return {
        "repeated": repeated.instance_id == started[0].instance_id,
        "verdicts": [one.verdict for one in (*paid, late, *shipped)],
        "statuses": [one.status for one in (*started, *paid, *shipped)],
        "running": {name: count - before.get(name, 0) for name, count in running.items()},
        "types": [await stage.types(one.instance_id) for one in started],
        "tasks": [
            (task.status_now, task.attempt, task.output)
            for one in started
            for task in await stage.tasks(one.instance_id)
        ],
    }


class TestATurnOfOneCombinationTooMany:
    async def test_is_written_as_ever_by_the_statement_of_all_parts(
        self, stage: Stage, texts: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody may notice: it is what there is once no more statements are kept prepared."""
        await stage.define(TWO_TASKS)
        # Whatever ran in this process before has made its own.
        monkeypatch.setattr(write_batch, "_known", set())
        as_ever = await lived(stage, "one", "two")
        parted = set(texts)
        texts.clear()
        monkeypatch.setattr(write_batch, "MAX_SHAPES", 0)
        monkeypatch.setattr(write_batch, "_known", set())

        whole = await lived(stage, "three", "four")

        assert as_ever == whole
        assert {write_batch.text_of(write_batch.WHOLE)} == set(texts)
        assert len(parted) > 2
        assert parted.isdisjoint(texts)
        assert [Verdict.APPLIED] * 2 == as_ever["verdicts"][:2]
        assert Verdict.DUPLICATE == as_ever["verdicts"][2]
