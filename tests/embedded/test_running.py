"""How a second process finds the server of a data directory, and when it does not."""

import json
import stat
from dataclasses import asdict
from pathlib import Path

from control_plane.embedded import Embedded, Running, attached
from tests.embedded.processes import keep, kept, serving

KEYS = {"tenant_id": "t", "api_key": "secret-1", "executor_key": "secret-2"}


class TestARunningServer:
    async def test_is_found_once_announced_and_not_after_it_stopped(self, tmp_path: Path) -> None:
        """Whoever attaches can use what he finds."""
        async with Embedded(tmp_path / "data") as embedded:
            assert attached(tmp_path / "data") is None
            running = embedded.announce(address="127.0.0.1:7", **KEYS)
            assert running == attached(tmp_path / "data")

        assert attached(tmp_path / "data") is None
        assert not (tmp_path / "data" / "dev.json").exists()

    async def test_is_found_by_another_process_with_all_it_takes(self, open_dir: Path) -> None:
        """The addresses in the file are those of the servers."""
        with serving(open_dir / "data") as served:
            running = attached(open_dir / "data")
            assert running is not None
            await keep(running.database_url, 1)

            assert served.process.pid == running.pid
            assert [1] == await kept(served.running.database_url)

    async def test_is_not_believed_to_live_after_it_was_killed(self, open_dir: Path) -> None:
        """The file is left behind; the lock is not."""
        with serving(open_dir / "data") as served:
            served.kill()

            assert (open_dir / "data" / "dev.json").exists()
            assert attached(open_dir / "data") is None

    async def test_keeps_its_keys_to_its_user(self, tmp_path: Path) -> None:
        """They open every door of the server."""
        async with Embedded(tmp_path / "data") as embedded:
            running = embedded.announce(address="127.0.0.1:7", **KEYS)
            announcement = tmp_path / "data" / "dev.json"

            assert 0o600 == stat.S_IMODE(announcement.stat().st_mode)
            assert asdict(running) == json.loads(announcement.read_text("utf-8"))
            assert "secret" not in repr(running)

    async def test_with_an_unreadable_announcement_is_not_found(self, tmp_path: Path) -> None:
        """Another version wrote it, perhaps; the file is no reason to fail."""
        async with Embedded(tmp_path / "data"):
            for text in ("", "[]", "{}", '{"pid": 1}'):
                (tmp_path / "data" / "dev.json").write_text(text, "utf-8")

                assert attached(tmp_path / "data") is None


class TestADirectoryWithoutAServer:
    def test_has_none_to_attach_to(self, tmp_path: Path) -> None:
        """Neither a missing directory nor an empty one is an error."""
        assert attached(tmp_path / "missing") is None
        assert attached(tmp_path) is None

    def test_has_none_even_if_a_file_says_so(self, tmp_path: Path) -> None:
        """Without the lock it is a leaving."""
        running = Running(pid=1, address="a", database_url="d", redis_url="r", data_dir="x", **KEYS)
        (tmp_path / "dev.json").write_text(json.dumps(asdict(running)), "utf-8")
        (tmp_path / "lock").touch()

        assert attached(tmp_path) is None
