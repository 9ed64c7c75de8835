"""A whole executor on a real database and a real Redis, with a listening control plane."""

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus

import asyncpg
import pytest
import structlog
from pydantic import SecretStr

from executor.bootstrap import executor_plane
from executor.functions import Functions, TaskContext
from executor.plane import ExecutorPlane, Farewell
from shared.doorbell import Doorbell, task_runner
from shared.json import Json, dump, load
from shared.postgres.namespace import read_namespace
from shared.settings import Settings
from shared.tasks import TaskType
from shared.telemetry.logging import configure_logging
from tests.executor.eventually import eventually
from tests.executor.listening import ListeningControlPlane, assigning, listening
from tests.executor.work import a_task, ask, make_ready
from tests.servers import Servers


@pytest.fixture
async def control_plane(tmp_path: Path) -> AsyncIterator[ListeningControlPlane]:
    """A control plane that acknowledges everything."""
    async with listening(ListeningControlPlane(), tmp_path) as serving:
        yield serving


@pytest.fixture
def settings(migrated: str, control_plane: ListeningControlPlane, servers: Servers) -> Settings:
    """An executor's configuration for these servers."""
    return Settings(
        database_url=migrated,
        redis_url=servers.redis_url,
        control_plane=control_plane.address,
        mode="dev",
        poll_s=60,
    )


@dataclass(frozen=True, kw_only=True)
class Worker:
    """An executor at work."""

    plane: ExecutorPlane
    running: "asyncio.Future[Farewell | None]"
    stop: asyncio.Event

    def end(self) -> "asyncio.Future[Farewell | None]":
        """Tell it to end; tells how it did."""
        self.stop.set()
        return self.running


@asynccontextmanager
async def working(settings: Settings, functions: Functions | None = None) -> AsyncIterator[Worker]:
    """An executor, for as long as the block."""
    stop = asyncio.Event()
    async with executor_plane(settings, functions) as plane:
        worker = Worker(plane=plane, running=asyncio.ensure_future(plane.run(stop)), stop=stop)
        await eventually(lambda: plane.lease.is_valid)
        try:
            yield worker
        finally:
            await worker.end()


class TestAnExecutor:
    async def test_carries_out_a_system_task_that_is_ready(
        self, settings: Settings, migrated: str, control_plane: ListeningControlPlane
    ) -> None:
        """The whole way: a row in the database becomes an outcome on the stream."""
        instance_id = await make_ready(migrated, function="greet", input={"name": "Ada"})
        async with working(settings):
            await eventually(lambda: control_plane.outcomes)
        [outcome] = control_plane.outcomes

        assert (f"{instance_id}:1", 1) == (outcome.task_id, outcome.epoch)
        assert {"greeting": "Hello, Ada!"} == load(outcome.succeeded.output.json)

    async def test_is_woken_by_the_doorbell(
        self,
        settings: Settings,
        migrated: str,
        control_plane: ListeningControlPlane,
        servers: Servers,
    ) -> None:
        """Its poll is a minute away; the task is not."""
        connection = await asyncpg.connect(migrated)
        doorbell = Doorbell(servers.redis_url, await read_namespace(connection))
        await connection.close()
        async with working(settings):
            await make_ready(migrated)
            await doorbell.ring(task_runner("default"), ["a:1"])
            await eventually(lambda: control_plane.outcomes)
        await doorbell.close()

        assert 1 == len(control_plane.outcomes)

    async def test_works_without_a_doorbell(
        self, settings: Settings, migrated: str, control_plane: ListeningControlPlane
    ) -> None:
        """Redis is for latency and for nothing else."""
        alone = settings.model_copy(update={"redis_url": "", "poll_s": 0.05})
        async with working(alone):
            await make_ready(migrated)
            await eventually(lambda: control_plane.outcomes)

        assert 1 == len(control_plane.outcomes)

    @pytest.mark.parametrize(
        ("type_", "result"),
        [
            (TaskType.HUMAN, "awaiting"),
            (TaskType.TIMER, "succeeded"),
            (TaskType.EMAIL, "failed"),
        ],
    )
    async def test_carries_out_the_other_types(
        self,
        tmp_path: Path,
        settings: Settings,
        migrated: str,
        control_plane: ListeningControlPlane,
        type_: TaskType,
        result: str,
    ) -> None:
        """Each by its own handler."""
        await make_ready(migrated, type=type_, function=None)
        mailing = settings.model_copy(update={"mail_url": (tmp_path / "mail").as_uri()})
        async with working(mailing):
            await eventually(lambda: control_plane.outcomes)

        assert result == control_plane.outcomes[0].WhichOneof("result")

    async def test_does_not_claim_types_it_has_no_handler_for(
        self, settings: Settings, migrated: str, control_plane: ListeningControlPlane
    ) -> None:
        """They are left for executors that have one."""
        await make_ready(migrated, type=TaskType.AI, function=None)
        await make_ready(migrated, type=TaskType.EMAIL, function=None)
        await make_ready(migrated)
        async with working(settings):
            await eventually(lambda: control_plane.outcomes)

        assert 2 == await ask(migrated, "SELECT count(*) FROM foliot.ready")

    async def test_beside_another_runs_no_task_twice(
        self, settings: Settings, migrated: str, control_plane: ListeningControlPlane
    ) -> None:
        """Two executors, 200 tasks, 200 runs."""
        runs: list[str] = []
        functions = Functions()

        @functions.register("count")
        async def count(_: Json, context: TaskContext) -> Json:
            await asyncio.sleep(0)
            runs.append(context.task_id)
            return None

        small = settings.model_copy(update={"concurrency": 7})
        await make_ready(migrated, 200, function="count")
        async with working(small, functions), working(small, functions):
            await eventually(lambda: len(control_plane.outcomes) == 200)

        assert (200, 200) == (len(runs), len(set(runs)))


class TestAnExecutorThatIsToldToEnd:
    async def test_finishes_what_it_runs_and_leaves_nothing(
        self, settings: Settings, migrated: str, control_plane: ListeningControlPlane
    ) -> None:
        """The outcome is acknowledged, the session is over."""
        began, go_on = asyncio.Event(), asyncio.Event()

        async def slow(_: Json, __: TaskContext) -> Json:
            began.set()
            await go_on.wait()
            return "done"

        await make_ready(migrated, function="slow")
        async with working(settings, Functions({"slow": slow})) as worker:
            await asyncio.wait_for(began.wait(), 10)
            ended = worker.end()
            await make_ready(migrated)
            go_on.set()
            farewell = await ended

        assert Farewell(unacknowledged=0, abandoned=0) == farewell
        assert ['"done"'] == [one.succeeded.output.json for one in control_plane.outcomes]
        assert 0 == await ask(migrated, "SELECT count(*) FROM foliot.executor_session")
        assert control_plane.messages[-1].HasField("goodbye")

    async def test_gives_back_what_it_has_not_begun(
        self, settings: Settings, migrated: str, control_plane: ListeningControlPlane
    ) -> None:
        """As if it had never been claimed, so that the attempt does not count."""
        began, go_on = asyncio.Event(), asyncio.Event()

        async def slow(_: Json, __: TaskContext) -> Json:
            began.set()
            await go_on.wait()
            return None

        one_by_one = settings.model_copy(update={"concurrency": 1})
        instance_id = await make_ready(migrated, 2, function="slow")
        async with working(one_by_one, Functions({"slow": slow})) as worker:
            await asyncio.wait_for(began.wait(), 10)
            await eventually(lambda: control_plane.streams)
            session_id = control_plane.hellos[0].session_id
            # What an eager hand-back does: claim for the session, then assign.
            claimed = await ask(
                migrated,
                "SELECT ordinal FROM foliot.claim($1::text::uuid, '{default}', '{SYSTEM}', 1, '')",
                session_id,
            )
            await control_plane.tell(
                assigning(a_task(instance_id=instance_id, ordinal=int(str(claimed))))
            )
            await eventually(lambda: worker.plane.attempts._waiting)
            ended = worker.end()
            await eventually(lambda: worker.plane.attempts._is_draining)
            go_on.set()
            await ended

        assert 1 == len(control_plane.outcomes)
        assert "0|1" == await ask(
            migrated, "SELECT string_agg(attempt || '|' || epoch, ',') FROM foliot.ready"
        )

    async def test_does_not_wait_for_what_takes_too_long(
        self, settings: Settings, migrated: str, control_plane: ListeningControlPlane
    ) -> None:
        """It is cancelled, not reported, and free for others as the session is closed."""
        began = asyncio.Event()

        async def endless(_: Json, __: TaskContext) -> Json:
            began.set()
            await asyncio.Event().wait()
            return None

        hasty = settings.model_copy(update={"drain_s": 0.05})
        await make_ready(migrated, function="endless")
        async with working(hasty, Functions({"endless": endless})) as worker:
            await asyncio.wait_for(began.wait(), 10)
            farewell = await worker.end()

        assert (Farewell(unacknowledged=0, abandoned=0), []) == (farewell, control_plane.outcomes)
        assert 0 == await ask(migrated, "SELECT count(*) FROM foliot.executor_session")


class TestASecretOfATenant:
    @pytest.fixture
    def logged(self, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
        """Everything there is to log, as in production; and as it was afterwards."""
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        configure_logging("json", "debug")
        yield
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()

    async def test_is_in_nothing_that_is_kept_or_written(
        self,
        logged: None,
        settings: Settings,
        migrated: str,
        control_plane: ListeningControlPlane,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """A server tells back whatever it was told, in each way in which it can be told."""
        canary = 'canary "of" acme/+'
        heard: list[bytes] = []

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            sent = head + await reader.readexactly(int(re.findall(rb"(?i)length: (\d+)", head)[0]))
            heard.append(sent)
            status = b"200 OK" if b"/well" in head else b"400 No"
            writer.write(
                b"HTTP/1.1 %s\r\nconnection: close\r\nx-request-id: %s\r\n\r\n%s"
                % (status, b64encode(canary.encode()), sent + quote_plus(canary).encode())
            )
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        secret: Json = {"$secret": "canary"}
        with_secrets = settings.model_copy(
            update={"secrets": {"acme": {"canary": SecretStr(canary)}}, "poll_s": 0.05}
        )
        async with server, working(with_secrets):
            for path in ("/well", "/ill"):
                asked: Json = {
                    "url": url + path,
                    "method": "POST",
                    "auth": {"user": "me", "password": secret},
                    "json": {"key": secret},
                }
                await make_ready(migrated, type=TaskType.HTTP, function=None, input=asked)
            await eventually(lambda: len(control_plane.outcomes) == 2)
        reported = b"".join(one.SerializeToString() for one in control_plane.outcomes)
        rows = str(await ask(migrated, "SELECT json_agg(t)::text FROM foliot.task t"))
        written = capsys.readouterr().err

        # Parts of it too, which stay as they are however often it is quoted.
        forms = {"acme/+", "acme%2F", b64encode(canary.encode())[:16].decode()} | {
            b64encode(f"me:{canary}".encode()).decode()
        }
        assert 2 == len([one for one in heard if dump(canary).encode() in one])
        kept = reported.decode(errors="replace") + rows + written
        assert 2 == kept.count("http.status") + kept.count('"status":200')
        assert [] == [form for form in forms if form in kept]
