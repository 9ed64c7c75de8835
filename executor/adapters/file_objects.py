"""
Objects in files, `<folder>/<tenant>/<first two digits>/<sha256>`: for one machine, or for several
that have one folder mounted.
"""

import asyncio
import contextlib
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from executor.ports.object_storage import (
    ObjectMissing,
    ObjectsUnavailable,
    ObjectTooLarge,
    Stored,
)
from shared.errors import InvalidRequest
from shared.ids import TenantId

Answer = TypeVar("Answer")

# Never through a link, and never waiting for somebody's pipe.
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FileObjects:
    """
    A file has its name once all of it is on the disk, so that there is never half an object.
    Only the user who writes them can read them.
    """

    def __init__(self, folder: str) -> None:
        """Makes the folder. Raises InvalidRequest if that cannot be, or it cannot be written."""
        self._folder = Path(folder)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_usable = os.access(self._folder, os.R_OK | os.W_OK | os.X_OK)
        except OSError:
            is_usable = False
        if not is_usable:
            raise InvalidRequest(
                f"FOLIOT_OBJECTS_URL names {folder!r}, which is no folder that can be written;"
                " make it, and give it to the executor's user",
                field="objects_url",
            )

    async def put(
        self, tenant_id: TenantId, sha256: str, content: bytes, content_type: str
    ) -> None:
        del content_type  # It stands in the reference; a file has none.
        place = self._place(tenant_id, sha256)
        await _in_thread(lambda: _write(self._folder, place, content))

    async def get(self, tenant_id: TenantId, sha256: str, max_bytes: int) -> bytes:
        place = self._place(tenant_id, sha256)
        return await _in_thread(lambda: _read(place, max_bytes))

    async def stat(self, tenant_id: TenantId, sha256: str) -> Stored:
        found = await _in_thread(lambda: os.lstat(self._place(tenant_id, sha256)))
        if not stat.S_ISREG(found.st_mode):
            raise _missing(sha256)
        return Stored(size=found.st_size, stored_at=datetime.fromtimestamp(found.st_mtime, UTC))

    async def delete(self, tenant_id: TenantId, sha256: str) -> None:
        with contextlib.suppress(ObjectMissing):
            await _in_thread(self._place(tenant_id, sha256).unlink)

    def _place(self, tenant_id: TenantId, sha256: str) -> Path:
        return self._folder / tenant_id / sha256[:2] / sha256


async def _in_thread(work: Callable[[], Answer]) -> Answer:
    try:
        return await asyncio.to_thread(work)
    except (FileNotFoundError, NotADirectoryError):
        raise ObjectMissing("there is no such object of this tenant") from None
    except OSError as error:
        raise ObjectsUnavailable(
            f"the folder of the objects cannot be used ({os.strerror(error.errno or 0)}); look at"
            " its disk, and whether the executor's user may write there"
        ) from error


def _write(folder: Path, place: Path, content: bytes) -> None:
    """Beside its place first; then its name is exchanged, and the folder's list of names kept."""
    _make_folders(folder, place.parent)
    beside = place.with_name(f".{place.name}.{uuid4().hex}")
    descriptor = os.open(beside, _WRITING, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    _keep_names(place.parent)


def _make_folders(folder: Path, own: Path) -> None:
    """The folders on the way, each kept before anything stands in it."""
    for made in (own.parent, own):
        try:
            made.mkdir(mode=0o700)
        except FileExistsError:
            if made.is_symlink():
                raise PermissionError(1, "a link in the folder of the objects") from None
        else:
            _keep_names(folder if made is own.parent else made.parent)


def _keep_names(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(place: Path, max_bytes: int) -> bytes:
    try:
        descriptor = os.open(place, _READING)
    except OSError:
        if place.is_symlink():
            raise _missing(place.name) from None
        raise
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _missing(place.name)
        if found.st_size > max_bytes:
            raise ObjectTooLarge(f"the object has more than {max_bytes} bytes")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ObjectTooLarge(f"the object has more than {max_bytes} bytes")
    return content


def _missing(sha256: str) -> ObjectMissing:
    return ObjectMissing(f"there is no object {sha256} of this tenant")
