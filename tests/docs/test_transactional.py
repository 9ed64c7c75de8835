"""The page on SQL callers: its statements run as written, and its tables are those of the code."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from control_plane.loops.inbox import Inbox
from tests.contract.conftest import migrated_template, postgres
from tests.contract.test_callers import url_as
from tests.contract.worlds import PostgresWorld
from tests.docs.pages import ROOT, blocks, page, rows, section
from tests.orchestrator.stage import Stage

__all__ = ["migrated_template", "postgres"]

PAGE = page("docs/transactional.md")
ORDER = {
    "initial": "open",
    "context": {"total": {"@expr": "event.input.total"}},
    "states": {"open": {"on": {"PAID": "paid"}}, "paid": {"type": "final"}},
}


@asynccontextmanager
async def at_work(world: PostgresWorld) -> AsyncIterator[tuple[Stage, Inbox]]:
    """A control plane that has the page's definition."""
    stage = Stage(world)
    await stage.define(ORDER)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.orchestrator.run(stop))
        yield stage, Inbox(world.due, world.inbox, stage.orchestrator, poll_s=1.0)
        stop.set()


class TestThePage:
    async def test_lets_a_service_start_and_send_as_it_says(self, postgres: PostgresWorld) -> None:
        """Every statement, by the login that it makes, in the order of the page."""
        samples = [block for block in blocks(PAGE) if block.language == "sql"]
        for sample in samples:
            if sample.word == "owner":
                await postgres.owner.execute("DROP ROLE IF EXISTS shop")
                await postgres.owner.execute(sample.text)
        shop = await asyncpg.connect(url_as(postgres.url, "shop"))
        try:
            await shop.execute("CREATE TEMPORARY TABLE orders (order_id int, total int, paid bool)")
            async with at_work(postgres) as (stage, inbox):
                for sample in samples:
                    if sample.word == "shop":
                        await shop.execute(sample.text)
                        await inbox._apply()
            (row,) = await postgres.owner.fetch("SELECT instance_id FROM foliot.instance")
            instance = await stage.instance(row["instance_id"])
        finally:
            await shop.close()
            await postgres.owner.execute("DROP OWNED BY shop")
            await postgres.owner.execute("DROP ROLE shop")

        assert ("completed", "order-1001", "sql:shop") == (
            instance.status,
            instance.business_key,
            instance.started_by,
        )
        assert '{"total":1250}' == instance.context
        assert [] == await postgres.rejected()

    async def test_names_the_functions_with_their_arguments(self, postgres: PostgresWorld) -> None:
        """In their order."""
        found = await postgres.owner.fetch(
            """
            SELECT format('`foliot.%s(%s)`', p.proname,
                          array_to_string(p.proargnames[1:p.pronargs], ', '))
              FROM pg_proc p
             WHERE p.pronamespace = 'foliot'::regnamespace
               AND has_function_privilege('foliot_caller', p.oid, 'EXECUTE')
            """
        )

        told = {name for name, _ in rows(section(PAGE, "## The functions")) if "foliot." in name}
        assert {text for (text,) in found} == told

    def test_names_every_error(self) -> None:
        """Each of a class of its own, so that a program can tell them apart."""
        raised = {
            line.split("'FO", 1)[1].split("'", 1)[0]
            for path in Path(ROOT, "migrations", "sql").glob("*.sql")
            for line in path.read_text("utf-8").splitlines()
            if "'FO01" in line
        }

        told = {
            state.strip("`").removeprefix("FO")
            for state, _ in rows(section(PAGE, "## The functions"))
            if state.startswith("`FO")
        }
        assert raised == told
