"""
The image and the compose file, read: both are pinned, closed, and run what exists.

The one-shot that makes a key is run for real, on the database of the tests.
"""

import ast
import asyncio
import json
import os
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml
from pydantic_settings import BaseSettings
from typer.testing import CliRunner

from control_plane.access.keys import is_secret_of, parse
from control_plane.cli.app import app
from control_plane.ports.credentials import StoredKey
from control_plane.settings import ControlPlaneSettings
from executor.plane import FLUSH_WITHIN
from shared.settings import Settings
from tests.architecture.tree import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OF_FOLIOT = {name: service for name, service in SERVICES.items() if "build" in service}

EXACT_TAG = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?(@sha256:[0-9a-f]{64})?")
PEPPER = "a pepper"
KEY_FOLDER = "/var/lib/foliot"


def settings_of(*tables: type[BaseSettings]) -> set[str]:
    """The variables that planes read."""
    return {f"FOLIOT_{field}".upper() for table in tables for field in table.model_fields}


class TestTheImage:
    def test_has_a_pinned_base(self) -> None:
        """`latest`, or a mere 3.13, is another image every month."""
        (base,) = re.findall(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE)

        assert EXACT_TAG.fullmatch(base)
        assert {"${PYTHON}"} == set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))

    def test_installs_only_what_is_locked_by_hash(self) -> None:
        """One package by name only would be whatever the index gives on that day."""
        installs = re.findall(r"pip install ([^\n\\]+)", DOCKERFILE)

        assert [
            "--require-hashes --requirement requirements/image.lock",
            "--no-deps --no-build-isolation . ",
        ] == installs

    def test_has_no_embedded_servers(self) -> None:
        """They are for one machine; in production they would be 60 MB that may have holes."""
        lock = (ROOT / "requirements" / "image.lock").read_text("utf-8")
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        embedded = [
            re.split(r"[>=]", need)[0] for need in project["optional-dependencies"]["embedded"]
        ]

        assert embedded
        assert [] == [name for name in embedded if f"\n{name}==" in lock]

    def test_holds_the_versions_that_were_tested(self) -> None:
        """The image and .venv have the same releases as the tests, less what they leave out."""
        versions = {
            name: set(
                re.findall(
                    r"^([\w.-]+==\S+)",
                    (ROOT / "requirements" / f"{name}.lock").read_text("utf-8"),
                    re.MULTILINE,
                )
            )
            for name in ("image", "run", "dev")
        }

        assert versions["image"] < versions["dev"]
        assert versions["run"] < versions["dev"]

    def test_does_not_run_as_root(self) -> None:
        """By number, so that Kubernetes can see that it is not."""
        assert ["10001:10001"] == re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)

    def test_says_which_release_it_holds(self) -> None:
        """A registry shows its labels, and nobody starts it to find out."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        tags = {service["image"] for service in OF_FOLIOT.values()}

        assert f'image.version="{project["version"]}"' in DOCKERFILE
        assert f'image.licenses="{project["license"]}"' in DOCKERFILE
        assert {f"foliot:{project['version']}"} == tags

    def test_is_probed_by_python_that_compiles(self) -> None:
        """At the port at which it tells of itself."""
        (probe,) = re.findall(r"^  CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
        program = json.loads(probe)
        (port,) = re.findall(r"FOLIOT_METRICS_LISTEN=0\.0\.0\.0:(\d+)", DOCKERFILE)

        assert ast.parse(program[-1]).body
        assert f"127.0.0.1:{port}/readyz" in program[-1]
        assert f"EXPOSE 7233 {port}" in DOCKERFILE

    def test_copies_what_the_build_may_see(self) -> None:
        """A path that .dockerignore keeps out ends the build, on somebody else's machine."""
        allowed = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
        copied = [
            path
            for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
            for path in sources.split()
        ]

        assert set(allowed) == set(copied)
        assert [] == [path for path in copied if not (ROOT / path).exists()]


class TestTheComposeFile:
    @pytest.mark.parametrize("name", sorted(SERVICES))
    def test_pins_its_images(self, name: str) -> None:
        """What ran yesterday runs tomorrow."""
        assert EXACT_TAG.fullmatch(SERVICES[name]["image"])

    @pytest.mark.parametrize("name", sorted(OF_FOLIOT))
    def test_gives_foliot_no_more_than_it_needs(self, name: str) -> None:
        """Nothing to write to but /tmp, no capability, and no way to get one."""
        service = OF_FOLIOT[name]

        assert service["read_only"]
        assert ["ALL"] == service["cap_drop"]
        assert ["no-new-privileges:true"] == service["security_opt"]

    @pytest.mark.parametrize("name", sorted(OF_FOLIOT))
    def test_runs_commands_that_exist(self, name: str) -> None:
        """A renamed command is found here, and not by whoever deploys."""
        scripts_of_ours = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
            "scripts"
        ]
        command = " ".join(OF_FOLIOT[name]["command"])
        (called,) = re.findall(r"(?<![/\w])(foliot(?:-executor)?)(?: (\w+))?", command)
        program, subcommand = called

        assert program in scripts_of_ours
        if program == "foliot":
            assert 0 == CliRunner().invoke(app, [subcommand, "--help"]).exit_code

    @pytest.mark.parametrize("name", sorted(OF_FOLIOT))
    def test_sets_variables_that_are_read(self, name: str) -> None:
        """A misspelt variable is no error anywhere else: its default takes over silently."""
        read = settings_of(Settings, ControlPlaneSettings)
        set_here = {
            *(one for one in OF_FOLIOT[name]["environment"] if not one.startswith("OTEL_")),
            *re.findall(r"FOLIOT_\w+", " ".join(OF_FOLIOT[name]["command"])),
        }

        assert set() == set_here - read

    def test_holds_no_secret(self) -> None:
        """Each comes from the environment, and there is no default to forget."""
        text = (ROOT / "docker-compose.yml").read_text("utf-8")
        interpolated = re.findall(r"\$\{(\w+)(:\?|)", text)

        secrets = set(interpolated) - {("OTEL_EXPORTER_OTLP_ENDPOINT", "")}
        assert {("FOLIOT_PEPPER", ":?"), ("FOLIOT_POSTGRES_PASSWORD", ":?")} == secrets

    def test_publishes_nothing_beyond_this_machine(self) -> None:
        """The ports speak no TLS."""
        published = [port for service in SERVICES.values() for port in service.get("ports", [])]

        assert {"127.0.0.1:7233:7233", "127.0.0.1:9090:9090"} == set(published)

    @pytest.mark.parametrize("name", sorted(OF_FOLIOT))
    def test_gives_a_plane_longer_to_end_than_it_takes(self, name: str) -> None:
        """The kill would come in the middle of what it has promised to finish."""
        service = OF_FOLIOT[name]
        grace_s = int(service["stop_grace_period"].removesuffix("s"))
        delay_s = float(service["environment"].get("FOLIOT_DRAIN_DELAY_S", 0))
        drain_s = float(service["environment"]["FOLIOT_DRAIN_S"])

        assert delay_s + drain_s + FLUSH_WITHIN.total_seconds() <= grace_s

    def test_has_two_of_each_plane(self) -> None:
        """What there is one of, nobody can replace without being noticed."""
        replicas = {
            name: service["deploy"]["replicas"]
            for name, service in SERVICES.items()
            if "deploy" in service
        }

        assert {"control-plane": 2, "executor": 2} == replicas

    def test_mounts_what_is_there(self) -> None:
        """A file that is missing is made a folder, by Docker, without a word."""
        mounted = [
            volume.split(":")[0]
            for service in SERVICES.values()
            for volume in service.get("volumes", [])
            if volume.startswith("./")
        ]

        assert mounted
        assert [] == [path for path in mounted if not (ROOT / path).is_file()]

    async def test_gives_executors_a_key_that_is_let_in(
        self, migrated_url: str, tmp_path: Path
    ) -> None:
        """`up` runs the one-shot each time, and an executor that runs keeps its key."""
        keys = []
        for _ in range(2):
            await _run_in_shell(OF_FOLIOT["key"]["command"], tmp_path, migrated_url)
            keys.append((tmp_path / "executor").read_text().strip())
        presented = parse(keys[0])
        stored = await _stored(migrated_url, presented.key_id)

        assert keys[0] == keys[1]
        assert stored.role == "executor"
        assert is_secret_of(stored, presented, PEPPER)
        assert {OF_FOLIOT[name]["volumes"][0].split(":")[1] for name in ("key", "executor")} == {
            KEY_FOLDER
        }


async def _run_in_shell(command: Sequence[str], folder: Path, database_url: str) -> None:
    ran = await asyncio.create_subprocess_exec(
        *(word.replace(KEY_FOLDER, str(folder)) for word in command),
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "FOLIOT_DATABASE_URL": database_url,
            "FOLIOT_PEPPER": PEPPER,
        },
    )
    assert 0 == await ran.wait()


async def _stored(database_url: str, key_id: str) -> StoredKey:
    connection = await asyncpg.connect(database_url)
    try:
        row = await connection.fetchrow(
            "SELECT key_id, tenant_id, secret_hash, role, expires_at, revoked_at"
            " FROM foliot.api_key WHERE key_id = $1",
            key_id,
        )
    finally:
        await connection.close()
    return StoredKey(**dict(row))
