"""`foliot dev`: two of them, one attached, none left over, and on servers of one's own."""

import asyncio
from pathlib import Path

from control_plane.embedded import attached
from tests.e2e.commands import named, running, wait_for
from tests.servers import Servers, drop_database, new_database

ORPHANS_WITHIN_S = 3.0


class TestFoliotDev:
    def test_says_how_to_reach_it_and_stops_on_control_c(self, tmp_path: Path) -> None:
        """Address, tenant, key and data directory; and an orderly end without leftovers."""
        with running("dev", "--data-dir", str(tmp_path / "data")) as dev:
            dev.until("is serving")
            server = attached(tmp_path / "data")
            assert server is not None

            status = dev.interrupt()

            assert 0 == status, dev.output
            for shown in (server.address, server.tenant_id, server.api_key, "foliot demo"):
                assert shown in dev.output
            assert [] == dev.survivors()
            assert attached(tmp_path / "data") is None

    def test_runs_twice_in_two_directories(self, tmp_path: Path) -> None:
        """Each has its own port and its own data."""
        with (
            running("dev", "--data-dir", str(tmp_path / "one")) as one,
            running("dev", "--data-dir", str(tmp_path / "two")) as two,
        ):
            one.until("is serving")
            two.until("is serving")
            servers = [attached(tmp_path / name) for name in ("one", "two")]

            assert 2 == len({server.address for server in servers if server is not None})
            assert [0, 0] == [one.interrupt(), two.interrupt()]

    def test_started_again_in_its_directory_shows_the_one_that_runs(self, tmp_path: Path) -> None:
        """The second tells how to reach the first, and ends; the first goes on."""
        with running("dev", "--data-dir", str(tmp_path / "data")) as first:
            first.until("is serving")
            with running("dev", "--data-dir", str(tmp_path / "data")) as second:
                assert 0 == second.wait(), second.output
                assert "already runs here" in second.output
            assert attached(tmp_path / "data") is not None
            assert first.process.poll() is None

    def test_killed_leaves_no_orphan_and_starts_again(self, tmp_path: Path) -> None:
        """`kill -9` of the supervisor takes everything with it; what was committed is there."""
        with running("dev", "--data-dir", str(tmp_path / "data")) as first:
            first.until("is serving")
            first.family()
            key = getattr(attached(tmp_path / "data"), "api_key", None)
            first.process.kill()
            first.wait()
            wait_for(lambda: not first.survivors(), ORPHANS_WITHIN_S)

        with running("dev", "--data-dir", str(tmp_path / "data")) as second:
            second.until("is serving")

            assert key == getattr(attached(tmp_path / "data"), "api_key", None)

    def test_uses_servers_of_ones_own(self, servers: Servers, tmp_path: Path) -> None:
        """The same path through the code; no server is started beside them."""
        url = asyncio.run(new_database(servers))
        environment = {"FOLIOT_DATABASE_URL": url, "FOLIOT_REDIS_URL": servers.redis_url}
        try:
            with running("demo", "--data-dir", str(tmp_path), environment=environment) as demo:
                demo.until("is active")
                servers_below = [
                    *named(demo.family(), "postgres"),
                    *named(demo.family(), "valkey"),
                ]

                assert 0 == demo.wait(), demo.output
                assert [] == servers_below
        finally:
            asyncio.run(drop_database(servers, url))
