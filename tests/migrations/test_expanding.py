"""What a migration may do once something runs: each rule refuses what it is for, and no more."""

from importlib import resources

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from migrations import steps, upgrade
from migrations.expanding import SINCE, check_name, check_statements

EXPAND, CONTRACT = "0014_expand_x", "0014_contract_x"
RAISES_FLOOR = "UPDATE foliot.release_floor SET revision = '0014'"


class TestAMigration:
    @pytest.mark.parametrize("name", ["0014_expand_priority", "0015_contract_old_claim"])
    def test_says_by_its_name_whether_it_adds_or_removes(self, name: str) -> None:
        """Who deploys reads it there."""
        assert check_name(name) is None

    @pytest.mark.parametrize("name", ["0014_priority", "14_expand_priority", "0014_expand_"])
    def test_of_another_name_is_refused(self, name: str) -> None:
        """Nobody would know when to run it."""
        assert check_name(name) is not None

    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE INDEX a ON foliot.task (name)",
            "CREATE UNIQUE INDEX a ON foliot.task (name)",
            "DROP INDEX foliot.a",
            "ALTER TABLE foliot.task ALTER COLUMN name TYPE varchar(9)",
            "ALTER TABLE foliot.task ALTER COLUMN name SET NOT NULL",
            "ALTER TABLE foliot.task ADD CONSTRAINT a CHECK (name <> '')",
            "ALTER TABLE foliot.task ADD CONSTRAINT a FOREIGN KEY (name) REFERENCES foliot.b",
            "ALTER TABLE foliot.task ADD CONSTRAINT a UNIQUE (name)",
            "ALTER TABLE foliot.task ADD COLUMN a uuid DEFAULT gen_random_uuid()",
            "LOCK TABLE foliot.task",
            "UPDATE foliot.task SET name = ''",
        ],
    )
    @pytest.mark.parametrize("name", [EXPAND, CONTRACT])
    def test_does_not_hold_up_those_who_work(self, name: str, statement: str) -> None:
        """A table's lock that lasts is an outage, whatever the migration is for."""
        assert check_statements(name, [statement, RAISES_FLOOR]) != []

    @pytest.mark.parametrize(
        "statement",
        [
            "DROP TABLE foliot.task",
            "ALTER TABLE foliot.task DROP COLUMN name",
            "ALTER TABLE foliot.task DROP CONSTRAINT a",
            "ALTER TABLE foliot.task RENAME COLUMN name TO title",
            "ALTER TABLE foliot.task ADD COLUMN a text NOT NULL",
            "ALTER TYPE foliot.turn_change ADD ATTRIBUTE a text",
            "DROP FUNCTION foliot.claim(uuid, text[], text[], integer, text)",
            "REVOKE SELECT ON foliot.task FROM foliot_control_plane",
            RAISES_FLOOR,
        ],
    )
    def test_that_expands_takes_nothing_away(self, statement: str) -> None:
        """The release before still uses it."""
        assert check_statements(EXPAND, [statement]) != []

    @pytest.mark.parametrize(
        "statement",
        [
            "ALTER TABLE foliot.task ADD COLUMN a text",
            "ALTER TABLE foliot.task ADD COLUMN a boolean DEFAULT false NOT NULL",
            "ALTER TABLE foliot.task ADD CONSTRAINT a CHECK (name <> '') NOT VALID",
            "ALTER TABLE foliot.task VALIDATE CONSTRAINT a",
            "CREATE INDEX CONCURRENTLY a ON foliot.task (name)",
            "CREATE TYPE foliot.turn_change_2 AS (tenant_id text)",
            "CREATE OR REPLACE FUNCTION foliot.claim() RETURNS void LANGUAGE sql AS ''",
            "REVOKE ALL ON FUNCTION foliot.claim_2() FROM PUBLIC",
            "GRANT SELECT ON foliot.task TO foliot_across",
        ],
    )
    def test_that_expands_may_add(self, statement: str) -> None:
        """Or nobody could write one."""
        assert check_statements(EXPAND, [statement]) == []

    def test_does_with_a_table_of_its_own_what_it_likes(self) -> None:
        """Nobody waits for a table that nobody knows."""
        made = [
            "CREATE TABLE foliot.badge (name text)",
            "CREATE INDEX badge_name_idx ON foliot.badge (name)",
            "ALTER TABLE foliot.badge ADD CONSTRAINT a CHECK (name <> '')",
        ]

        assert check_statements(EXPAND, made) == []

    def test_that_contracts_says_which_releases_it_leaves_behind(self) -> None:
        """They must not start on what it leaves."""
        removes = "ALTER TABLE foliot.task DROP COLUMN name"

        assert check_statements(CONTRACT, [removes]) != []
        assert check_statements(CONTRACT, [removes, RAISES_FLOOR]) == []


class TestTheMigrationsOfThisRelease:
    async def test_keep_the_rules_since_they_are_asked_for(self, database_url: str) -> None:
        """Each is looked at by what it executes, however that was written."""
        executed: dict[str, list[str]] = {}
        now: list[str] = []

        def note(*args: object) -> None:
            now.append(str(args[2]))

        def next_one(line: str) -> None:
            executed[line.partition(" ")[0]] = now.copy()
            now.clear()

        event.listen(Engine, "before_cursor_execute", note)
        try:
            await upgrade(database_url, tell=next_one)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        names = {
            file.name.split("_")[0]: file.name.removesuffix(".py")
            for file in resources.files("migrations").joinpath("versions").iterdir()
            if file.name.endswith(".py")
        }
        later = [step.revision for step in steps() if step.revision > SINCE]
        bad = [check_name(names[one]) for one in later]
        for one in later:
            bad += check_statements(names[one], executed[one])

        assert [] == [one for one in bad if one is not None]
        assert any(
            "CREATE TABLE foliot.lineage" in " ".join(one.split()) for one in executed[SINCE]
        )
