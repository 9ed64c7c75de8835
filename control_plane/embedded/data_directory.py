"""
The directory that one server keeps everything in, and the lock that makes it one server.

    lock          held for as long as the server lives; says the holder's process id
    dev.json      how to reach the running server (see running.py)
    postgres-18/  the cluster
    logs/         one file a process
"""

import fcntl
import os
import time
from pathlib import Path

from control_plane.embedded.binaries import POSTGRES_MAJOR
from control_plane.embedded.errors import DataDirectoryInUse, EmbeddedError

# Asking whether the lock is held takes it for a moment, so a refusal is looked at again.
LOCK_WITHIN_S = 0.3
LOCK_RETRY_S = 0.02


class DataDirectory:
    """
    A claimed data directory. Whoever has one is the only server in it, until `release` or
    the end of the process, however that comes about.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def claim(cls, path: Path) -> "DataDirectory":
        """Create the directory if need be and lock it, or raise `DataDirectoryInUse`."""
        # Root's servers run as somebody else, who has to get through, though not to look.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            path.mkdir(mode=mode, parents=True, exist_ok=True)
            path = path.resolve(strict=True)
            (path / "logs").mkdir(mode=0o700, exist_ok=True)
            # Not through a link: root may serve a directory that belongs to somebody else.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            lock = os.open(path / "lock", flags, 0o600)
        except OSError as error:
            raise EmbeddedError(
                f"The data directory {path} cannot be used: {error}. "
                f"Choose one that uid {os.geteuid()} may write to."
            ) from error
        if not _locked(lock):
            holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            raise DataDirectoryInUse(
                f"{path} is in use by the running server with process id {holder}. Attach to "
                f"it, stop it, or choose another data directory."
            )
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode("ascii"), 0)
        directory = cls(path, lock)
        # Whatever it says is about a server that is gone.
        directory.announcement.unlink(missing_ok=True)
        return directory

    @property
    def announcement(self) -> Path:
        return announcement_of(self.path)

    @property
    def cluster(self) -> Path:
        return self.path / f"postgres-{POSTGRES_MAJOR}"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def release(self) -> None:
        """Let somebody else have the directory. Twice is once."""
        if self._lock >= 0:
            self.announcement.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1


def announcement_of(data_dir: Path) -> Path:
    """Where the server of a data directory says how to reach it."""
    return data_dir / "dev.json"


def is_claimed(data_dir: Path) -> bool:
    """Does a live process serve from the directory?"""
    try:
        lock = os.open(data_dir / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _locked(lock: int) -> bool:
    deadline = time.monotonic() + LOCK_WITHIN_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOCK_RETRY_S)
        else:
            return True
