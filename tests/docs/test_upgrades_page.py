"""What the pages of upgrades and backups say is what happens."""

import re
import subprocess
from urllib.parse import parse_qs, urlsplit

import migrations
from control_plane.embedded.binaries import find_binaries
from migrations import expanding
from tests.docs.pages import blocks, page

UPGRADES = page("docs/upgrades.md")
BACKUPS = page("docs/backups.md")
BLOCKS = {block.word: block.text for block in blocks(BACKUPS)}


class TestThePageOfUpgrades:
    def test_shows_what_migrating_says(self) -> None:
        """The last step, as `foliot migrate` tells it."""
        (shown,) = [block.text for block in blocks(UPGRADES) if block.word == "migrate"]
        came, step = shown.splitlines()
        of_step = next(one for one in migrations.steps() if step.startswith(one.revision))

        assert re.fullmatch(r"from \d{4} to \d{4}", came)
        told, what = re.fullmatch(r"(\d{4}) · \d+\.\d\d s · (.*) …", step).groups()  # type: ignore[union-attr]  # or the test fails
        assert told == of_step.revision
        assert of_step.what.startswith(what)

    def test_tells_for_how_long_a_lock_is_waited_for(self) -> None:
        """Who watches a migration counts along."""
        words = {3.0: "3 seconds", 1.0: "a second later", 10: "ten times"}

        for value in (migrations.LOCK_TIMEOUT_S, migrations.REST_S, migrations.ATTEMPTS):
            assert words[value] in UPGRADES.replace("\n", " ")

    def test_names_migrations_as_they_must_be_named(self) -> None:
        """The pattern and its description agree."""
        for shown in re.findall(r"`NNNN_(\w+)_<what>`", UPGRADES):
            assert expanding.check_name(f"0100_{shown}_something") is None


class TestThePageOfBackups:
    def test_names_programs_and_their_options(self) -> None:
        """Each line of the shell is one of PostgreSQL's programs, as the campaign runs it."""
        beside = find_binaries().postgres.parent
        lines = [line.split() for line in BLOCKS["tools"].splitlines() if line]
        told = {program: beside / program for program, *_ in lines}

        assert {"pg_dump", "pg_dumpall", "pg_restore", "psql", "createdb", "vacuumdb"} == set(told)
        for program, *words in lines:
            helps = subprocess.run(
                [told[program], "--help"], capture_output=True, text=True, check=True
            ).stdout
            options = [word.partition("=")[0] for word in words if word.startswith("--")]
            assert all(option in helps for option in options), (program, options)

    def test_names_the_settings_of_the_campaign(self) -> None:
        """What `make test-backups` has shown is what stands here."""
        campaign = page("tests/campaigns/backups/stories.py")
        names = re.findall(r"^(\w+) = '", BLOCKS["recovery"], re.MULTILINE)

        assert ["restore_command", "recovery_target_time", "recovery_target_action"] == names
        assert all(f'"{name}"' in campaign for name in names)

    async def test_names_servers_as_the_driver_reads_them(self, migrated_url: str) -> None:
        """`foliot migrate` and the planes connect by one URL, here to who is there."""
        user, _, rest = BLOCKS["url"].strip().partition("@")
        servers, _, which = rest.partition("/foliot?")
        told: list[str] = []
        parts = urlsplit(migrated_url)
        (there,) = parse_qs(parts.query)["host"]
        hosts = f"host=/nowhere,{there}&port=5432,5432"

        url = migrated_url.partition("?")[0]
        await migrations.upgrade(f"{url}?{hosts}&{which}", tell=told.append)

        assert [f"nothing to do: the database is at {migrations.HEAD}"] == told
        assert (user, 2) == ("postgresql://foliot", len(servers.split(",")))
