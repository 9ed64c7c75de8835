"""
Secrets in files, `<folder>/<tenant>/<name>`, as Kubernetes mounts them: read at each use, so
that a renewed one is used at once.
"""

import asyncio
import os
import stat
from pathlib import Path

from executor.ports.secrets import MAX_SECRET_BYTES, SecretMissing, SecretsUnavailable
from shared.errors import InvalidRequest
from shared.ids import TenantId


class FileSecrets:
    """
    A file is a secret of a tenant if it lies, all links followed, in the tenant's own folder, and
    that one in `folder`. A line end after the value is not part of it.
    """

    def __init__(self, folder: str) -> None:
        """Raises InvalidRequest if there is no such folder."""
        self._folder = Path(folder)
        if not self._folder.is_dir():
            raise InvalidRequest(
                f"FOLIOT_SECRETS_DIR is {folder!r}, which is no folder; make it, with a folder for"
                " each tenant and in that a file for each secret",
                field="secrets_dir",
            )

    async def resolve(self, tenant_id: TenantId, name: str) -> str:
        return await asyncio.to_thread(self._read, tenant_id, name)

    def _read(self, tenant_id: TenantId, name: str) -> str:
        try:
            written = _content(self._place(tenant_id, name))
        except (FileNotFoundError, NotADirectoryError):
            raise _missing(name, "is not there") from None
        except OSError as error:
            raise SecretsUnavailable(
                f"the file of the secret {name!r} cannot be read ({os.strerror(error.errno or 0)});"
                " let the executor's user read it"
            ) from error
        if written is None or len(written) > MAX_SECRET_BYTES:
            raise _missing(name, f"is no file of at most {MAX_SECRET_BYTES} bytes")
        try:
            return written.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise _missing(name, "is not in UTF-8") from None

    def _place(self, tenant_id: TenantId, name: str) -> Path:
        """Where the file is, without links. They may lead about in a tenant's folder, not out."""
        whole = Path(os.path.realpath(self._folder, strict=True))
        own = Path(os.path.realpath(whole / tenant_id, strict=True))
        place = Path(os.path.realpath(own / name, strict=True))
        if own.name != tenant_id or not own.is_relative_to(whole) or not place.is_relative_to(own):
            raise _missing(name, "leads out of the tenant's folder")
        return place


def _content(place: Path) -> bytes | None:
    """At most a byte more than allowed; None for what is no file. Waits for nobody's pipe."""
    descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return file.read(MAX_SECRET_BYTES + 1)


def _missing(name: str, why: str) -> SecretMissing:
    return SecretMissing(
        f"the file of the secret {name!r} {why}; it belongs into FOLIOT_SECRETS_DIR, in the folder"
        " with the tenant's name"
    )
