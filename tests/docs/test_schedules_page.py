"""docs/schedules.md: its commands run, its rules hold, and it leaves no policy and no limit out."""

import asyncio
import json
from pathlib import Path

from control_plane.access.roles import PERMISSIONS, PLATFORM_ROLES
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.cli.schedule import schedule
from control_plane.ports.schedule_store import HELP_AFTER
from control_plane.use_cases import schedule_fields as limits
from control_plane.use_cases.carry_out_firings import ABOUT
from control_plane.use_cases.schedule_moves import MAX_CATCH_UP
from shared.postgres.tables import OVERLAPS
from tests.api.serving import client_of, serving_from
from tests.api.stories import activate
from tests.docs.pages import Block, blocks, code, page, rows, section
from tests.docs.shell import run

PAGE = page("docs/schedules.md")
BLOCKS = blocks(PAGE)
REPORT = {
    "context": {"of": {"@expr": "event.input.of"}, "day": {"@expr": "event.input.schedule.time"}},
    "initial": "open",
    "states": {"open": {"on": {"END": "closed"}}, "closed": {"type": "final"}},
}


def the(language: str, word: str) -> Block:
    (found,) = [one for one in BLOCKS if (one.language, one.word) == (language, word)]
    return found


class TestItsCommands:
    def test_preview_what_the_page_shows(self, tmp_path: Path) -> None:
        """Word for word."""
        assert the("text", "preview").text == run(the("sh", "preview").text, tmp_path)

    async def test_keep_trigger_and_forget_a_schedule(self, tmp_path: Path) -> None:
        """One after the other, as a reader types them, against a server with that definition."""
        async with serving_from(MemoryDatabase()) as serving:
            key = await serving.key()
            async with client_of(serving, key) as client:
                await activate(client, REPORT, "report")
            printed = await asyncio.to_thread(
                run,
                the("sh", "keep").text,
                tmp_path,
                FOLIOT_CONTROL_PLANE=serving.address,
                FOLIOT_KEY=key,
            )
            (instance,) = serving.database.instances.values()

        begin = printed.index("{\n")
        shown, _ = json.JSONDecoder().raw_decode(printed[begin:])
        assert ("moving to the new warehouse", str(instance.instance_id)) == (
            shown["pauseReason"],
            shown["lastInstanceId"],
        )
        assert {"of", "day"} == set(json.loads(instance.context))

    def test_are_all_there_are(self) -> None:
        """A command that the page leaves out is not found."""
        known = {
            command.name or getattr(command.callback, "__name__", "")
            for command in schedule.registered_commands
        }
        told = {
            line.split()[2]
            for block in BLOCKS
            if block.language == "sh"
            for line in block.text.splitlines()
            if line.startswith("foliot schedule")
        }

        assert known == told


class TestItsInput:
    def test_is_what_an_instance_gets(self) -> None:
        """The keys under the one that is the schedule's; tests/schedules looks at their values."""
        shown = json.loads(the("json", "input").text)

        assert {"id", "time", "local_time", "time_zone", "triggered"} == set(shown[ABOUT])


class TestItsTables:
    def test_have_every_policy(self) -> None:
        """Each with what it does."""
        told = [code(cells[0])[0] for cells in rows(section(PAGE, "## When one still runs"))]

        assert [policy.upper() for policy in OVERLAPS] == told


class TestItsLimits:
    def test_are_those_that_are_kept(self) -> None:
        """Reaching a limit is an error; nobody should first hear of it then."""
        downtime = section(PAGE, "## After a downtime")

        assert f"newest {MAX_CATCH_UP} " in downtime
        assert (10, 31, 1) == (
            limits.LEAST_CATCH_UP.total_seconds(),
            limits.MAX_CATCH_UP_WINDOW.days,
            limits.DEFAULT_CATCH_UP.days,
        )
        assert "a\nday if not set, from 10 seconds to 31 days" in downtime
        assert f"at most {limits.MAX_SCHEDULES:,} schedules" in PAGE
        assert f"{HELP_AFTER.seconds} seconds later" in PAGE

    def test_on_who_may_are_those_of_the_roles(self) -> None:
        """The page names all roles of a tenant that may keep schedules or operate them."""
        may = {
            permission: {
                role
                for role, granted in PERMISSIONS.items()
                if permission in granted and role not in PLATFORM_ROLES
            }
            for permission in ("schedule.write", "schedule.operate")
        }

        assert {
            "schedule.write": {"tenant_admin"},
            "schedule.operate": {"tenant_admin", "operator"},
        } == may
