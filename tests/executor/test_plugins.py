"""What packages bring to an executor: the example's, installed; and those that are refused."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from executor.bootstrap import executor_plane
from executor.handlers import Handlers
from executor.plugins import load_plugins
from executor.ports.http import HttpResponse
from executor.runner import Runner
from shared.errors import InvalidRequest
from shared.json import Json, load
from shared.settings import Settings
from shared.tasks import Outcome, TaskType
from tests.docs.pages import ROOT
from tests.executor.eventually import eventually
from tests.executor.listening import ListeningControlPlane, listening
from tests.executor.ports import CannedWeb, canned
from tests.executor.work import a_task, make_ready
from tests.servers import Servers

EXAMPLE = "foliot-example"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The example's package, built and installed into a folder of its own, from here alone."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"),
            *("--no-index", "--no-build-isolation", "--no-deps", "--target", str(folder)),
            str(ROOT / "examples" / "plugin"),
        ],
        check=True,
        timeout=100,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield


class Packages:
    """Packages as installers leave them behind: a module, and what is said about it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, entries: Mapping[str, str], code: str = "") -> None:
        """A package with these entry points, one a group, into its one module."""
        module = name.replace("-", "_")
        (self._folder / f"{module}.py").write_text(PREAMBLE + code, "utf-8")
        about = self._folder / f"{module}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n", "utf-8")
        told = [f"[{group}]\nit = {module}:{what}\n" for group, what in entries.items()]
        (about / "entry_points.txt").write_text("".join(told), "utf-8")


PREAMBLE = """
from executor.functions import Functions
functions = Functions({"price": lambda *_: 1})
class Handler:
    def can_handle(self, type): return type == "HUMAN"
    async def execute(self, task, ports): return "no outcome"
class Idle(Handler):
    def can_handle(self, type): return False
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    """Nothing installed yet; and forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield Packages(tmp_path)
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", "") == str(tmp_path / f"{name}.py"):
            del sys.modules[name]


@pytest.mark.usefixtures("installed")
class TestTheExamplesPackage:
    async def test_works_in_a_whole_executor(
        self,
        migrated: str,
        servers: Servers,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Installed and named, nothing else: a task in the database is carried out by it."""
        (tmp_path / "secrets.toml").write_text('[acme]\ntracker-token = "swordfish"\n', "utf-8")
        monkeypatch.setenv("EXAMPLE_SECRETS", str(tmp_path / "secrets.toml"))
        problems: Json = [
            {"tracker": "https://example.com", "title": "a crack"},
            {"tracker": "https://example.com", "title": "a fire", "urgency": 5},
        ]
        await make_ready(migrated, function="tickets.triage", input=problems)
        async with listening(ListeningControlPlane(), tmp_path) as control_plane:
            settings = Settings(
                database_url=migrated,
                redis_url=servers.redis_url,
                control_plane=control_plane.address,
                mode="dev",
                plugins=[EXAMPLE],
            )
            async with executor_plane(settings) as plane:
                stop = asyncio.Event()
                running = asyncio.ensure_future(plane.run(stop))
                await eventually(lambda: control_plane.outcomes)
                stop.set()
                await running
            [outcome] = control_plane.outcomes

        assert ["a fire", "a crack"] == load(outcome.succeeded.output.json)
        assert TaskType.EMAIL in plane.types

    async def test_has_a_handler_that_reaches_its_provider(self) -> None:
        """By the ports alone: with the tenant's secrets, and the task's idempotency key."""
        web = CannedWeb(HttpResponse(status=202, headers={}, body=b'{"id":"m-1"}'))
        own = {"mail-url": "https://mail.example.com/send", "mail-token": "swordfish"}
        adapters = canned(web=web, secrets={"acme": own})
        mail: Json = {"to": ["ada@example.com"], "subject": "s", "text": "t"}
        handlers = Handlers([], instead=load_plugins([EXAMPLE]).handlers)
        outcome = await handlers.execute(
            a_task(TaskType.EMAIL, input=mail), adapters.of(a_task().tenant_id)
        )
        [sent] = web.sent

        assert Outcome.succeeded({"id": "m-1"}) == outcome
        assert (
            "https://mail.example.com/send",
            "Bearer swordfish",
            str(a_task().idempotency_key),
        ) == (
            sent.url,
            sent.headers["authorization"],
            sent.headers["idempotency-key"],
        )

    async def test_does_not_share_its_port_with_the_settings(
        self, migrated: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Which of two places of secrets holds is not left to chance."""
        settings = Settings(database_url=migrated, plugins=[EXAMPLE], secrets_dir="/nowhere")

        with pytest.raises(InvalidRequest, match="keep all secrets in one of them"):
            async with executor_plane(settings):
                pass


class TestAPackage:
    def test_that_nobody_named_is_not_looked_at(self, packages: Packages) -> None:
        """Being installed is not enough: not a line of it runs."""
        packages.add("one", {"foliot.functions": "functions"}, "\n1 / 0\n")
        plugins = load_plugins([])

        assert ([], (), {}) == (list(plugins.functions), plugins.handlers, plugins.adapters)
        assert "one" not in sys.modules

    @pytest.mark.parametrize(
        ("entries", "says"),
        [
            ({}, "brings nothing for an executor"),
            ({"foliot.function": "functions"}, "did you mean 'foliot.functions'"),
            ({"foliot.colours": "functions"}, "there are foliot.functions, "),
            ({"foliot.functions": "Handler"}, "not executor.functions.Functions"),
            ({"foliot.functions": "nothing"}, "cannot be imported"),
            ({"foliot.handlers": "PREAMBLE"}, "cannot be imported"),
            ({"foliot.handlers": "object"}, "cannot be imported"),
            ({"foliot.handlers": "functions"}, "nothing that makes one"),
            ({"foliot.handlers": "Functions"}, "no execute"),
            ({"foliot.handlers": "Idle"}, "handles none of HUMAN, "),
            ({"foliot.adapters.secrets": "functions"}, "nothing to call"),
            ({"foliot.adapters.secret": "Handler"}, "did you mean 'foliot.adapters.secrets'"),
        ],
    )
    def test_that_cannot_work_is_refused_at_the_start(
        self, packages: Packages, entries: Mapping[str, str], says: str
    ) -> None:
        """With what to do about it."""
        packages.add("one", entries)

        with pytest.raises(InvalidRequest) as refused:
            load_plugins(["one"])
        assert says in refused.value.message

    @pytest.mark.parametrize("name", ["not-installed-at-all", "", "../etc"])
    def test_that_is_not_installed_is_refused(self, name: str) -> None:
        """A typing error would leave its tasks to nobody."""
        with pytest.raises(InvalidRequest, match="take it out of the list"):
            load_plugins([name])

    def test_that_breaks_when_it_is_imported_is_refused(self, packages: Packages) -> None:
        """An executor without what it was given is none."""
        packages.add("one", {"foliot.functions": "functions"}, "\n1 / 0\n")

        with pytest.raises(InvalidRequest, match="ZeroDivisionError"):
            load_plugins(["one"])

    @pytest.mark.parametrize(
        ("group", "what", "says"),
        [
            ("foliot.functions", "functions", "'price', one.<lambda> and the-other"),
            ("foliot.handlers", "Handler", "'one' and 'the-other' in FOLIOT_PLUGINS"),
            ("foliot.adapters.secrets", "Handler", "for the port secrets"),
        ],
    )
    def test_that_brings_what_another_brings_is_refused(
        self, packages: Packages, group: str, what: str, says: str
    ) -> None:
        """Which of them worked would depend on the order of names."""
        packages.add("one", {group: what})
        packages.add("the-other", {group: what})

        with pytest.raises(InvalidRequest) as refused:
            load_plugins(["one", "the-other"])
        assert says.replace("-", "_") in refused.value.message.replace("-", "_")

    def test_that_is_named_twice_is_taken_once(self, packages: Packages) -> None:
        """Names of packages have several spellings."""
        packages.add("one-more", {"foliot.functions": "functions"})

        assert ["price"] == list(load_plugins(["one-more", "One_More"]).functions)

    async def test_may_put_its_handler_in_the_place_of_ours(self, packages: Packages) -> None:
        """That is what naming it says; and what is no outcome is a failure of the attempt."""
        packages.add("one", {"foliot.handlers": "Handler"})
        runner = Runner(Handlers([], instead=load_plugins(["one"]).handlers), canned())
        report = await runner.run(a_task(TaskType.HUMAN), runner.begin())
        assert report.outcome.failure is not None

        assert "the handler gave a str" in report.outcome.failure.message
