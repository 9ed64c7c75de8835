"""
How a second process finds the server that runs in a data directory.

The server writes `dev.json` once it can be used, and takes it away when it stops. After a
`kill -9` the file is left, but not believed: the lock and the process id tell.
"""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from control_plane.embedded.data_directory import announcement_of, is_claimed


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running server, and the keys to it, which repr() does not show."""

    pid: int
    address: str
    tenant_id: str
    api_key: str = field(repr=False)
    executor_key: str = field(repr=False)
    database_url: str
    redis_url: str
    data_dir: str


def announce(running: Running) -> None:
    """
    Write `dev.json`, for the same user only; a reader sees all of it or nothing.
    Whoever calls this holds the directory's lock.
    """
    target = announcement_of(Path(running.data_dir))
    # mkstemp creates it 0600.
    descriptor, name = tempfile.mkstemp(prefix=".dev.json.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(running), file, ensure_ascii=False, indent=2)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def attached(data_dir: Path | str) -> Running | None:
    """The server that runs in the directory and can be used, or None. Never waits."""
    data_dir = Path(data_dir)
    if not is_claimed(data_dir):
        return None
    try:
        found = json.loads(announcement_of(data_dir).read_text(encoding="utf-8"))
        running = Running(**{key.name: found[key.name] for key in fields(Running)})
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        # Still starting, or stopping; or an older version wrote it.
        return None
    return running if _is_alive(running.pid) else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
