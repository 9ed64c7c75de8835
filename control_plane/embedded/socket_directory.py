"""
The short private directory that the servers' sockets are in.

A socket's path may have about a hundred bytes, and a data directory any number, so the
sockets are not kept in it: they are below the system's temporary directory, under a name
made of the uid and a digest of the data directory. Anybody may write there, hence the care:
what is found under that name is used only if it is ours and closed to others. Reaching the
sockets is all it takes to be the database's owner, so this directory is the authentication.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from control_plane.embedded.account import Account
from control_plane.embedded.errors import EmbeddedError

LENGTH_LIMIT = 60  # bytes; leaves the sockets' own names room on every system
SHORT_TEMPORARY = Path("/tmp")  # noqa: S108 - guarded below, and shorter than any TMPDIR
DIGEST_LENGTH = 12


class SocketDirectory:
    """A directory for sockets, empty when created and gone when removed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, data_dir: Path, account: Account | None) -> "SocketDirectory":
        """
        The directory for this data directory, cleared of what an earlier run left. The
        caller holds the data directory's lock, so nobody is using it.
        """
        path = _temporary_directory() / f"foliot-{os.geteuid()}-{digest_of(data_dir)}"
        directory = cls(path)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            _refuse_unless_private(path)
            directory.remove()
            path.mkdir(mode=0o700)
        if account is not None:
            # The owner stays root, so that the next run recognises it.
            os.chown(path, -1, account.gid)
            path.chmod(0o770)
        return directory

    @property
    def redis_socket(self) -> Path:
        return self.path / "valkey.sock"

    def remove(self) -> None:
        """Remove it with all sockets. Twice is once."""
        shutil.rmtree(self.path, ignore_errors=True)


def digest_of(data_dir: Path) -> str:
    """A short name for a data directory, the same by whatever path it was reached."""
    real = os.fsencode(data_dir.resolve())
    return hashlib.sha256(real).hexdigest()[:DIGEST_LENGTH]


def _temporary_directory() -> Path:
    chosen = Path(tempfile.gettempdir())
    name = len(f"/foliot-{os.geteuid()}-") + DIGEST_LENGTH
    # Root's servers run as somebody else, who must get there.
    is_open = os.geteuid() != 0 or all(
        step.stat().st_mode & stat.S_IXOTH for step in (chosen, *chosen.resolve().parents)
    )
    if is_open and len(os.fsencode(chosen)) + name <= LENGTH_LIMIT:
        return chosen
    return SHORT_TEMPORARY


def _refuse_unless_private(path: Path) -> None:
    status = path.lstat()
    # Root grants it to the servers' group; nobody grants it to others.
    is_private = status.st_mode & stat.S_IRWXO == 0
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or not is_private:
        raise EmbeddedError(
            f"{path} is not a private directory of uid {os.geteuid()}, so somebody else could "
            f"listen in its place. Remove it, and find out who made it."
        )
