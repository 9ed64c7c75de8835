"""The archive of files: what it has kept is on the disk, whole, under one name."""

import asyncio
import gzip
from pathlib import Path

import pytest

from control_plane.adapters.file_archive import FileArchive
from control_plane.ports.archive import ArchiveUnavailable
from tests.contract.worlds import ACME

LINES = ['{"a":1}', '{"ä":"\\n"}']


class TestAnArchive:
    async def test_keeps_a_file_for_each_name_in_the_tenants_folder(self, tmp_path: Path) -> None:
        """One instance a line, compressed; nothing else lies there."""
        await FileArchive(tmp_path / "new").keep(ACME, "2026-01-01-abc", LINES)

        (file,) = (tmp_path / "new").rglob("*.*")
        assert tmp_path / "new" / "acme" / "2026-01-01-abc.jsonl.gz" == file
        assert LINES == gzip.decompress(file.read_bytes()).decode().splitlines()

    async def test_keeps_the_same_again_as_the_same_bytes(self, tmp_path: Path) -> None:
        """After a crash nobody knows whether it was written."""
        archive = FileArchive(tmp_path)
        await archive.keep(ACME, "x", LINES)
        before = (tmp_path / "acme" / "x.jsonl.gz").read_bytes()

        await archive.keep(ACME, "x", LINES)

        assert before == (tmp_path / "acme" / "x.jsonl.gz").read_bytes()

    async def test_says_so_where_it_cannot_write(self, tmp_path: Path) -> None:
        """And whoever asked removes nothing."""
        (tmp_path / "acme").write_text("in the way")

        with pytest.raises(ArchiveUnavailable):
            await FileArchive(tmp_path).keep(ACME, "x", LINES)

    async def test_says_so_where_what_is_there_is_not_what_was_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A disk that lies is found out before the database forgets."""
        monkeypatch.setattr(Path, "read_bytes", lambda _: gzip.compress(b"something else"))

        with pytest.raises(ArchiveUnavailable):
            await FileArchive(tmp_path).keep(ACME, "x", LINES)

        assert not await asyncio.to_thread((tmp_path / "acme" / "x.jsonl.gz").exists)
