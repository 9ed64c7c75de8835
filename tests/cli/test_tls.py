"""Commands and a server with a certificate, over real sockets."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control_plane.adapters.memory.database import MemoryDatabase
from tests.api.serving import serving_from
from tests.cli.conftest import Foliot
from tests.security.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Signs for this test."""
    return Authority(tmp_path)


@pytest.fixture
async def encrypted(authority: Authority, tmp_path: Path) -> AsyncIterator[Foliot]:
    """A control plane that has a certificate."""
    files = authority.server()
    async with serving_from(
        MemoryDatabase(), tls_cert_file=str(files.cert), tls_key_file=str(files.key)
    ) as serving:
        yield Foliot(serving, tmp_path / "config")


class TestAServerWithACertificate:
    async def test_is_reached_by_who_believes_its_authority(
        self, encrypted: Foliot, authority: Authority
    ) -> None:
        """By an option, by a variable, or by a profile."""
        ca_file = str(authority.file)
        kept = await encrypted.run("profile", "set", "safe", "--ca-file", ca_file)

        asked = [
            await encrypted.run("server", "info", "--ca-file", ca_file),
            await encrypted.run("server", "info", environment={"FOLIOT_TLS_CA_FILE": ca_file}),
            await encrypted.run("server", "info", "--profile", "safe"),
        ]

        assert 0 == kept.exit_code
        assert [(0, True)] * 3 == [
            (one.exit_code, "encrypted   yes" in one.stdout) for one in asked
        ]

    async def test_is_not_reached_otherwise_and_it_is_said_how(
        self, encrypted: Foliot, tmp_path: Path
    ) -> None:
        """Neither in the open, nor by who believes others."""
        other = Authority(tmp_path, "others")

        open_ = await encrypted.run("whoami")
        wrong = await encrypted.run("whoami", "--ca-file", str(other.file))

        assert (5, True) == (open_.exit_code, "--ca-file" in open_.stderr)
        assert (5, True) == (wrong.exit_code, "--ca-file" in wrong.stderr)

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (("--ca-file", "/nowhere/ca.pem"), "/nowhere/ca.pem"),
            (("--ca-file", __file__), "no certificate in PEM"),
            (("--client-cert", __file__), "go together"),
        ],
    )
    async def test_is_not_asked_with_files_that_would_not_do(
        self, encrypted: Foliot, options: tuple[str, ...], says: str
    ) -> None:
        """They are named."""
        refused = await encrypted.run("whoami", *options)

        assert (1, True) == (refused.exit_code, says in refused.stderr)
