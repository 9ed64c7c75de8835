"""The archive as a directory: gzipped files of one instance a line, a folder for each tenant."""

import asyncio
import gzip
import os
from collections.abc import Sequence
from pathlib import Path

from control_plane.ports.archive import ArchiveUnavailable
from shared.ids import TenantId

SUFFIX = ".jsonl.gz"
UNFINISHED = ".part"
LEVEL = 6


class FileArchive:
    """
    A file appears under its name when it is complete and on the disk, and never changes then.

    Files that end in `.part` are of writers that died, and may be removed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def keep(self, tenant_id: TenantId, name: str, lines: Sequence[str]) -> None:
        # In a thread: a disk may take its time, and compressing takes the processor's.
        try:
            await asyncio.to_thread(self._keep, tenant_id, name, lines)
        except (OSError, EOFError) as error:
            raise ArchiveUnavailable(
                f"the archive {self._directory} cannot be written: {error}; nothing was removed"
            ) from error

    def _keep(self, tenant_id: TenantId, name: str, lines: Sequence[str]) -> None:
        folder = self._directory / tenant_id
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"{name}{SUFFIX}"
        unfinished = folder / f"{name}.{os.getpid()}{UNFINISHED}"
        text = "".join(f"{line}\n" for line in lines).encode()
        with unfinished.open("wb") as file:
            # Without the time, so that the same lines are the same bytes.
            file.write(gzip.compress(text, LEVEL, mtime=0))
            file.flush()
            os.fsync(file.fileno())
        if gzip.decompress(unfinished.read_bytes()) != text:
            raise ArchiveUnavailable(
                f"{unfinished} does not hold what was written to it; nothing was removed"
            )
        unfinished.replace(place)
        for written in (folder, self._directory):
            _sync(written)


def _sync(folder: Path) -> None:
    """A name is durable once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
