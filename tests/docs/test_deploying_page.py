"""The page on deploying: what it types exists, and the numbers are those of what is deployed."""

import json
import re
import shlex
from typing import Any

import asyncpg
import pytest
import yaml
from typer.testing import CliRunner

from control_plane import bootstrap
from control_plane.api.gate import MAX_DEADLINE_S
from control_plane.cli.app import app
from control_plane.settings import ControlPlaneSettings
from control_plane.use_cases.watch_instance import BOOKMARK_S
from executor.adapters import postgres_task_store
from executor.plane import FLUSH_WITHIN
from shared.postgres.session import ACROSS_ROLE, CONTROL_PLANE_ROLE, EXECUTOR_ROLE
from shared.rpc import KEEPALIVE_TIME_S, MAX_CONNECTIONS, MAX_METADATA_BYTES, MAX_RPCS
from tests.campaigns.topology.calling import SERVICE_CONFIG
from tests.deploy.test_balancer import ENVOY
from tests.deploy.test_chart import CHART, VALUES
from tests.docs.pages import ROOT, blocks, page

PAGE = page("docs/deploying.md")
BLOCKS = {block.word: block.text for block in blocks(PAGE)}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
RELEASE = "a_release"


def typed(word: str) -> list[list[str]]:
    """The commands of a block, in words."""
    return [shlex.split(line) for line in BLOCKS[word].splitlines()]


def offers(values: Any, offered: Any) -> bool:
    """Whether a file of values sets only what the chart has."""
    if not isinstance(values, dict) or not isinstance(offered, dict) or not offered:
        return True
    return all(name in offered and offers(one, offered[name]) for name, one in values.items())


class TestTheCommandsOfCompose:
    def test_are_given_what_the_file_asks_for(self) -> None:
        """Each secret that it will not do without, and what it can be told besides."""
        asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text("utf-8")))
        given = {word.partition("=")[0] for line in typed("compose") for word in line[1:2]}

        assert asked == {name for name in given if name.startswith("FOLIOT_")}
        assert ["export", "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317"] == typed("observe")[
            0
        ]
        assert "observe" in SERVICES["collector"]["profiles"]

    def test_name_services_and_commands_that_there_are(self) -> None:
        """No engine runs here to say so."""
        lines = [line for line in typed("compose") if line[:2] == ["docker", "compose"]]
        (run,) = [line for line in lines if line[2] == "run"]
        scaled = [word for line in lines for word in line if re.fullmatch(r"[\w-]+=\d+", word)]
        service, program, *words = run[4:]

        assert ["up", "run", "up"] == [line[2] for line in lines]
        assert {one.partition("=")[0] for one in scaled} <= set(SERVICES)
        assert service in SERVICES
        assert "foliot" == program
        assert 0 == CliRunner().invoke(app, [*words[:2], "--help"]).exit_code
        assert "127.0.0.1:7233" in SERVICES["balancer"]["ports"][0]


class TestTheCommandsOfHelm:
    def test_make_the_secrets_that_the_chart_names(self) -> None:
        """By the names that its values have when nobody changes them."""
        made = {
            (line[4], word.removeprefix("--from-literal=").partition("=")[0])
            for line in typed("helm")
            if line[0] == "kubectl"
            for word in line[5:]
            if word.startswith("--from-literal=")
        }

        assert {(one["name"], one["key"]) for one in VALUES["secrets"].values()} == made

    def test_set_values_that_it_has(self) -> None:
        """One that is misspelt would be ignored."""
        (install,) = [line for line in typed("helm") if line[0] == "helm"]

        assert (CHART / "Chart.yaml").samefile(ROOT / install[4] / "Chart.yaml")
        assert offers(yaml.safe_load(BLOCKS["values.yaml"]), VALUES)


class TestTheStatementsOfTheDatabase:
    async def test_make_logins_that_become_what_they_have_to(self, migrated_url: str) -> None:
        """A login that is no member of its role does not get beyond the first connection."""
        connection = await asyncpg.connect(migrated_url)
        became = []
        try:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(BLOCKS["after"])
            for login, role in (
                ("foliot_server", CONTROL_PLANE_ROLE),
                ("foliot_server", ACROSS_ROLE),
                ("foliot_worker", EXECUTOR_ROLE),
            ):
                await connection.execute(f"SET LOCAL SESSION AUTHORIZATION {login}")
                await connection.execute(f"SET LOCAL ROLE {role}")
                became.append(await connection.fetchval("SELECT current_user"))
                await connection.execute("RESET SESSION AUTHORIZATION")
            await transaction.rollback()
        finally:
            await connection.close()

        assert [CONTROL_PLANE_ROLE, ACROSS_ROLE, EXECUTOR_ROLE] == became

    async def test_make_a_database_for_whoever_migrates(self, migrated_url: str) -> None:
        """tests/migrations/test_plain_owner.py migrates as such a login."""
        login, database = f"{RELEASE}_migrator", f"{RELEASE}_database"
        statements = BLOCKS["before"].replace("foliot_migrator", login)
        statements = statements.replace("DATABASE foliot", f"DATABASE {database}")
        connection = await asyncpg.connect(migrated_url)
        try:
            for statement in statements.strip().splitlines():
                await connection.execute(statement)
            owner = await connection.fetchval(
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", database
            )
        finally:
            await connection.execute(f"DROP DATABASE IF EXISTS {database}")
            await connection.execute(f"DROP ROLE IF EXISTS {login}")
            await connection.close()

        assert login == owner


class TestThePage:
    def test_shows_the_config_that_is_tried(self) -> None:
        """`make e2e-topology` gives it to its callers."""
        assert json.loads(SERVICE_CONFIG.read_text("utf-8")) == json.loads(BLOCKS["service-config"])

    def test_counts_the_connections_that_planes_make(self) -> None:
        """A database that has too few refuses the last process of a roll."""
        pool = ControlPlaneSettings.model_fields["pool_size"].default
        more = (
            bootstrap.TURN_CONNECTIONS
            + bootstrap.LOOP_CONNECTIONS
            + bootstrap.TAIL_CONNECTIONS
            + bootstrap.FEED_CONNECTIONS
        )
        executors = postgres_task_store.MAX_CONNECTIONS

        assert f"| control plane | `FOLIOT_POOL_SIZE` ({pool}) + {more} |" in PAGE
        assert f"| executor | {executors} |" in PAGE
        assert f"is {pool + more} for each control plane and {executors} for each" in PAGE

    @pytest.mark.parametrize(
        "told",
        [
            f"foliot ends calls after {MAX_DEADLINE_S:g} s at most",
            f"pings every {KEEPALIVE_TIME_S:g} s",
            f"watchers hear a bookmark every {BOOKMARK_S:g} s",
            f"| {MAX_RPCS:,} and {MAX_CONNECTIONS:,} |",
            f"| {MAX_METADATA_BYTES // 1024} KiB |",
            f"up to {FLUSH_WITHIN.total_seconds():g} s until its outcomes",
            f"compose has {SERVICES['executor']['stop_grace_period'].removesuffix('s')} s",
            f"the chart {VALUES['controlPlane']['terminationGracePeriodSeconds']} s",
            f"{SERVICES['control-plane']['environment']['FOLIOT_DRAIN_DELAY_S']} s behind",
        ],
    )
    def test_tells_numbers_that_are_so(self, told: str) -> None:
        """Whoever sets up another balancer copies them."""
        assert told in PAGE.replace("\n", " ")

    def test_tells_the_time_limit_of_the_balancer(self) -> None:
        """The one number of the table that is not foliot's."""
        [listener] = ENVOY["static_resources"]["listeners"]

        assert "| 310 s; streams none |" in PAGE
        assert "timeout': '310s'" in str(listener)
