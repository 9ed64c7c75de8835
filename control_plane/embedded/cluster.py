"""
Makes the files of a new PostgreSQL cluster, all or nothing.

initdb works in a directory under another name, which becomes the cluster with one rename.
Killed in between, it leaves a directory that the next run throws away.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path

from control_plane.embedded.account import Account
from control_plane.embedded.binaries import Binaries
from control_plane.embedded.errors import EmbeddedError
from control_plane.embedded.launch import BARE_ENVIRONMENT, KERNEL_TELLS, guarded
from control_plane.embedded.postgres import OWNER

UNFINISHED = ".initdb."
INITDB_WITHIN_S = 120.0


async def ensure_cluster(binaries: Binaries, cluster: Path, account: Account | None) -> None:
    """Make the cluster unless it is there. The caller holds the data directory's lock."""
    _sweep(cluster.parent)
    if _is_there(cluster, account):
        return
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=cluster.parent))
    try:
        if account is not None:
            account.own(unfinished)
        await _initdb(binaries.initdb, unfinished, account)
        _finish(unfinished, cluster)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


async def _initdb(initdb: Path, directory: Path, account: Account | None) -> None:
    # initdb syncs what it wrote, for a tenth of a second: a cluster that a power cut
    # empties right after the first answer would not have kept it.
    program = [
        str(initdb),
        f"--pgdata={directory}",
        f"--username={OWNER}",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--auth-local=trust",
        "--auth-host=reject",
        "--no-instructions",
    ]
    # Where the kernel does not tell, an initdb without us ends by itself a second later.
    command = guarded(program, death_signal=signal.SIGKILL, account=account)
    process = await asyncio.create_subprocess_exec(
        *(command if KERNEL_TELLS else program),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        env=BARE_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), INITDB_WITHIN_S)
    except TimeoutError:
        raise EmbeddedError(
            f"initdb did not finish {directory.parent} within {INITDB_WITHIN_S:g} s; is the disk "
            f"that slow?"
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        raise EmbeddedError(
            f"initdb could not create a cluster in {directory.parent}. It said:\n"
            f"{output.decode('utf-8', 'replace').strip()}"
        )


def _sweep(data_dir: Path) -> None:
    for unfinished in data_dir.glob(f"{UNFINISHED}*"):
        # An initdb that is just being killed may still write; then the next run gets it.
        shutil.rmtree(unfinished, ignore_errors=True)


def _is_there(cluster: Path, account: Account | None) -> bool:
    if not cluster.exists():
        return False
    owner = cluster.stat().st_uid
    ours = os.geteuid() if account is None else account.uid
    if owner != ours:
        raise EmbeddedError(
            f"The cluster {cluster} belongs to uid {owner}, and PostgreSQL would run as uid "
            f"{ours}. Run foliot as its owner, or hand it over: chown -R {ours} '{cluster}'."
        )
    return True


def _finish(unfinished: Path, cluster: Path) -> None:
    unfinished.rename(cluster)
    parent = os.open(cluster.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
