"""What the pages of upgrades and backups say is what happens."""

import re

import migrations
from control_plane.embedded.binaries import find_binaries
from migrations import expanding
from tests.docs.pages import blocks, page

UPGRADES = page("docs/upgrades.md")
BACKUPS = page("docs/backups.md")
SETTINGS = re.compile(r"^    (\w+) = '(.*)'$", re.MULTILINE)


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
    def test_names_programs_that_there_are(self) -> None:
        """Each line of a shell begins with one of PostgreSQL's."""
        beside = find_binaries().postgres.parent
        lines = re.findall(r"^    ([a-z_]+) -{0,2}", BACKUPS, re.MULTILINE)
        programs = {word for word in lines if word not in dict(SETTINGS.findall(BACKUPS))}

        assert {"pg_dump", "pg_dumpall", "pg_restore", "psql", "createdb", "vacuumdb"} == programs
        assert all((beside / program).exists() for program in programs)

    def test_names_the_settings_that_the_campaign_recovers_with(self) -> None:
        """What `make test-backups` has shown is what stands here."""
        campaign = page("tests/campaigns/backups/stories.py")
        names = set(dict(SETTINGS.findall(BACKUPS)))

        assert {"restore_command", "recovery_target_time", "recovery_target_action"} == names
        assert all(f'"{name}"' in campaign for name in names)
