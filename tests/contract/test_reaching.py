"""The PostgreSQL adapters without their database: one error for all, and no lasting harm."""

import asyncio
import inspect
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg
import pytest

from control_plane.adapters.postgres.claims import PostgresClaims
from control_plane.adapters.postgres.credentials import PostgresCredentials
from control_plane.adapters.postgres.definition_store import PostgresDefinitionStore
from control_plane.adapters.postgres.due import PostgresDue
from control_plane.adapters.postgres.feed import PostgresFeed
from control_plane.adapters.postgres.instance_store import PostgresInstanceStore
from control_plane.adapters.postgres.limit_store import PostgresLimitStore
from control_plane.adapters.postgres.reaching import ReachedPool, TenantsPool
from control_plane.adapters.postgres.reader import PostgresReader
from control_plane.ports.claims import Beat, HeldTask
from control_plane.ports.credentials import StoredKey
from control_plane.ports.feed import ORIGIN
from control_plane.ports.instance_store import StoreUnavailable, TaskKey, Wanted
from control_plane.ports.limit_store import TaskLimit
from control_plane.ports.reader import InstanceFilter, TaskFilter
from control_plane.ports.records import InstanceKey
from shared.errors import Unavailable
from shared.ids import DefinitionId, SessionId, new_instance_id, new_uuid7
from shared.json import digest
from shared.postgres.session import ACROSS_ROLE, CONTROL_PLANE_ROLE, open_pool
from shared.tasks import TaskType
from tests.contract.material import DEFINITION, instance, start
from tests.contract.worlds import ACME, PostgresWorld

WITHIN_S = 10.0
ANSWER_WITHIN_S = 0.3
SESSION = SessionId(new_uuid7())
INSTANCE = new_instance_id()
KEY = StoredKey(
    key_id="k",
    tenant_id=ACME,
    secret_hash=b"",
    role="viewer",
    expires_at=None,
    revoked_at=None,
)

Call = Callable[[Any], Awaitable[object]]


async def start_one(store: PostgresInstanceStore) -> None:
    read = await store.read(Wanted())
    await store.write([start(instance(read.now))])


ADAPTERS: Mapping[Callable[..., object], Mapping[str, Call]] = {
    PostgresReader: {
        "get_instance": lambda reader: reader.get_instance(ACME, INSTANCE),
        "list_instances": lambda reader: reader.list_instances(
            ACME, InstanceFilter(), after=None, limit=1
        ),
        "get_task": lambda reader: reader.get_task(ACME, INSTANCE, 1),
        "list_tasks": lambda reader: reader.list_tasks(ACME, TaskFilter(), after=None, limit=1),
        "list_history": lambda reader: reader.list_history(ACME, INSTANCE, after_seq=0, limit=1),
        "list_comments": lambda reader: reader.list_comments(
            ACME, INSTANCE, 1, after_seq=0, limit=1
        ),
        "labelled_at": lambda reader: reader.labelled_at(
            ACME, InstanceFilter(labels=(("team", "red"),)), after=None, count=1
        ),
        "get_tasks": lambda reader: reader.get_tasks(ACME, [(INSTANCE, 1)], TaskType.HUMAN),
        "count_instances": lambda reader: reader.count_instances(ACME, InstanceFilter(), at_most=1),
        "count_tasks": lambda reader: reader.count_tasks(ACME, TaskFilter(), at_most=1),
    },
    PostgresFeed: {
        "read": lambda feed: feed.read({ACME: ORIGIN}, weight=1),
        "newest": lambda feed: feed.newest(ACME),
        "oldest": lambda feed: feed.oldest(ACME),
        "prune": lambda feed: feed.prune(timedelta(days=1), 1),
        "newer": lambda feed: feed.newer({InstanceKey(ACME, INSTANCE): 0}, 1),
    },
    PostgresDefinitionStore: {
        "create": lambda store: store.create(
            ACME, key="k", spec="{}", spec_hash=digest("{}"), description="", created_by="ada"
        ),
        "get": lambda store: store.get(ACME, DEFINITION),
        "find": lambda store: store.find(ACME, "k", None),
        "list": lambda store: store.list(ACME, key=None, status=None, after=None, limit=1),
        "set_status": lambda store: store.set_status(ACME, DefinitionId(new_uuid7()), "active"),
    },
    PostgresDue: {
        "timers": lambda due: due.timers(1),
        "ahead": lambda due: due.ahead(),
        "release_delayed": lambda due: due.release_delayed(1),
        "expired_leases": lambda due: due.expired_leases(1),
        "silent_leases": lambda due: due.silent_leases(1),
        "untried_inbox": lambda due: due.untried_inbox(1),
        "sweep": lambda due: due.sweep(),
        "forget_answers": lambda due: due.forget_answers(timedelta(days=7), 1),
    },
    PostgresLimitStore: {
        "put": lambda limits: limits.put(ACME, TaskLimit(key="bank", max_running=1), at_most=1),
        "remove": lambda limits: limits.remove(ACME, "bank"),
        "of_tenant": lambda limits: limits.of_tenant(ACME),
        "waiting": lambda limits: limits.waiting(),
        "woken": lambda limits: limits.woken(),
        "forget": lambda limits: limits.forget(),
    },
    PostgresClaims: {
        "extend": lambda claims: claims.extend(SESSION, "worker", None, timedelta(minutes=1)),
        "claim": lambda claims: claims.claim(
            SESSION, queues=["default"], types=[], max_tasks=1, after=None
        ),
        "held": lambda claims: claims.held(SESSION, 1),
        "still_held": lambda claims: claims.still_held([(ACME, HeldTask(INSTANCE, 1, 1))]),
        "beat": lambda claims: claims.beat([Beat(ACME, HeldTask(INSTANCE, 1, 1), None)]),
        "holders": lambda claims: claims.holders([TaskKey(ACME, INSTANCE, 1)]),
        "close": lambda claims: claims.close(SESSION),
    },
    PostgresCredentials: {
        "find": lambda credentials: credentials.find("k"),
        "add": lambda credentials: credentials.add(KEY, "Acme"),
    },
    PostgresInstanceStore: {
        "read": lambda store: store.read(Wanted(instances=[InstanceKey(ACME, INSTANCE)])),
        "write": start_one,
    },
}


@dataclass(slots=True)
class Line:
    """A way to the database that a test can cut, and mend. Its pools are named as in adapters."""

    pool: asyncpg.Pool
    across: asyncpg.Pool
    owner: asyncpg.Connection
    directory: Path
    sockets: Path

    async def cut(self) -> None:
        """End the connections there are, and let nobody make new ones."""
        self.directory.unlink()
        await self.owner.execute(
            """
            SELECT pg_terminate_backend(a.pid, 5000) FROM pg_stat_activity a
             WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
            """
        )

    def mend(self) -> None:
        self.directory.symlink_to(self.sockets)


@pytest.fixture
async def line(postgres: PostgresWorld) -> AsyncIterator[Line]:
    """A pool that finds the server's socket through a link of the test's own."""
    (sockets,) = parse_qs(urlsplit(postgres.url).query)["host"]
    with tempfile.TemporaryDirectory(prefix="foliot-") as own:
        # The servers' account is another one, where tests run as root.
        directory = Path(own) / "to"
        directory.symlink_to(sockets)
        url = postgres.url.replace(sockets, str(directory))
        pool = await open_pool(url, role=CONTROL_PLANE_ROLE, max_size=2)
        across = await open_pool(url, role=ACROSS_ROLE, max_size=2)
        yield Line(pool, across, postgres.owner, directory, Path(sockets))
        await across.close()
        await pool.close()


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.__name__)
class TestAnAdapter:
    async def test_whose_database_is_gone_says_unavailable_until_it_is_back(
        self, line: Line, adapter: Callable[..., object]
    ) -> None:
        """A caller may try again; a driver's error would be a bug, told in the driver's words."""
        calls = ADAPTERS[adapter]
        made = adapter(
            **{name: getattr(line, name) for name in inspect.signature(adapter).parameters}
        )
        for call in calls.values():
            await call(made)

        await line.cut()
        said = {}
        for name, call in calls.items():
            with pytest.raises(Unavailable) as failed:
                await call(made)
            said[name] = failed.value
        line.mend()
        for call in calls.values():
            await call(made)
        if isinstance(made, PostgresInstanceStore):
            await made.close()

        assert {"OUTCOME_UNKNOWN"} == {error.reason for error in said.values()}
        assert not [error for error in said.values() if str(line.directory) in error.message]

    def test_is_tried_with_all_its_methods(self, adapter: Callable[..., object]) -> None:
        """A new method must reach the database in the same way."""
        methods = {
            name
            for name, _ in inspect.getmembers(adapter, inspect.iscoroutinefunction)
            if not name.startswith("_")
        }
        if adapter is PostgresInstanceStore:
            # It gives connections back, and asks nothing.
            methods.remove("close")

        assert methods == set(ADAPTERS[adapter])


class TestAConnectionThatIsKept:
    async def test_is_another_once_the_server_has_ended_it(self, line: Line) -> None:
        """A turn that comes after a restart is not to pay for it: not all can be asked again."""
        store = PostgresInstanceStore(line.across)
        await store.read(Wanted())
        (kept,) = store._pool._kept
        ended = kept._con
        await line.owner.execute("SELECT pg_terminate_backend($1, 5000)", kept.get_server_pid())
        async with asyncio.timeout(WITHIN_S):
            while not ended.is_closed():  # noqa: ASYNC110 - a connection has no event
                await asyncio.sleep(0)

        read = await store.read(Wanted())
        await store.close()

        assert {} == read.instances


class TestTheTimeOfAnOutcome:
    async def test_is_taken_from_the_write_before_and_is_never_behind(
        self, postgres: PostgresWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A timer that is armed by a time of the past would come early."""
        monkeypatch.setattr("control_plane.adapters.postgres.instance_store.LATELY_S", 60.0)
        await start_one(postgres.store)
        before = await postgres.now()
        with monkeypatch.context() as patched:
            patched.setattr(postgres.store._pool, "connection", None)
            told = (await postgres.store.read(Wanted(exactly_now=False))).now
        exact = (await postgres.store.read(Wanted())).now

        assert before <= told
        assert told - exact < timedelta(seconds=60)

    async def test_is_asked_for_where_the_write_is_not_from_just_now(
        self, postgres: PostgresWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Clocks drift, and the database's may be set."""
        monkeypatch.setattr("control_plane.adapters.postgres.instance_store.LATELY_S", -1.0)
        await start_one(postgres.store)
        await postgres.owner.execute("UPDATE foliot.clock SET moved_by = interval '1 hour'")

        told = (await postgres.store.read(Wanted(exactly_now=False))).now

        assert await postgres.now() - told < timedelta(minutes=1)


class TestAStatementUnderWay:
    async def test_that_the_server_ends_is_unavailable_and_runs_the_next_time(
        self, line: Line, postgres: PostgresWorld
    ) -> None:
        """A restart of the server meets statements in their middle."""
        reader = PostgresReader(line.pool)
        locking = await asyncpg.connect(postgres.url)
        try:
            async with asyncio.timeout(WITHIN_S):
                await locking.execute("BEGIN; LOCK TABLE foliot.instance")
                reading = asyncio.create_task(reader.get_instance(ACME, INSTANCE))
                while not await _is_waiting_for_a_lock(postgres.owner):
                    assert not reading.done()
                await _end_waiting(postgres.owner)

                with pytest.raises(StoreUnavailable):
                    await reading
        finally:
            locking.terminate()

        assert await reader.get_instance(ACME, INSTANCE) is None


class TestAValueThatFitsNoParameter:
    async def test_is_a_bug_and_no_outage(self, postgres: PostgresWorld) -> None:
        """Tried again, it would fail again for ever, and look like the database's fault."""
        with pytest.raises(asyncpg.DataError):
            await postgres.credentials.find(7)  # type: ignore[arg-type]  # that is the bug


async def _is_waiting_for_a_lock(connection: asyncpg.Connection) -> bool:
    waiting: int = await connection.fetchval(
        """
        SELECT count(*) FROM pg_stat_activity a
         WHERE a.datname = current_database() AND a.wait_event_type = 'Lock'
        """
    )
    return waiting > 0


async def _end_waiting(connection: asyncpg.Connection) -> None:
    await connection.execute(
        """
        SELECT pg_terminate_backend(a.pid, 5000) FROM pg_stat_activity a
         WHERE a.datname = current_database() AND a.wait_event_type = 'Lock'
        """
    )


class Silence:
    """
    A network in front of the server that a test can make swallow whatever is sent.

    Neither side is told: their connections stay open, and new ones are accepted.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._passes = asyncio.Event()
        self._passes.set()
        self._clients: list[asyncio.StreamWriter] = []

    def say(self, message: bytes) -> None:
        """To each client, in the server's place."""
        for client in self._clients:
            client.write(message)

    def begin(self) -> None:
        self._passes.clear()

    def end(self) -> None:
        self._passes.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self._socket)
        self._clients.append(writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, to_server))
                group.create_task(self._pass_on(from_server, writer))
        finally:
            to_server.close()
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self._passes.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@dataclass(slots=True)
class SilentLine:
    pool: asyncpg.Pool
    reached: ReachedPool
    silence: Silence


@pytest.fixture
async def silent_line(postgres: PostgresWorld) -> AsyncIterator[SilentLine]:
    """One connection over TCP, through a network that a test can silence."""
    url = urlsplit(postgres.url)
    options = parse_qs(url.query)
    port = options.get("port", ["5432"])[0]
    silence = Silence(Path(options["host"][0]) / f".s.PGSQL.{port}")
    server = await asyncio.start_server(silence.serve, "127.0.0.1", 0)
    netloc = f"{url.username}@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    address = urlunsplit(url._replace(netloc=netloc, query=""))
    pool = await open_pool(address, role=CONTROL_PLANE_ROLE, max_size=1)
    yield SilentLine(pool, ReachedPool(pool, answer_within_s=ANSWER_WITHIN_S), silence)
    silence.end()
    pool.terminate()
    server.close()


async def in_a_transaction(reached: ReachedPool) -> None:
    async with reached.transaction() as connection:
        await connection.execute("SELECT 1")


async def on_a_connection(reached: ReachedPool) -> None:
    async with reached.connection() as connection:
        await connection.execute("SELECT 1")


ASKING: Mapping[str, Callable[[ReachedPool], Awaitable[object]]] = {
    "fetch": lambda reached: reached.fetch("SELECT 1"),
    "fetchrow": lambda reached: reached.fetchrow("SELECT 1"),
    "fetchval": lambda reached: reached.fetchval("SELECT 1"),
    "execute": lambda reached: reached.execute("SELECT 1"),
    "connection": on_a_connection,
    "transaction": in_a_transaction,
}


class TestAnAnswerThatNeverComes:
    @pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
    async def test_is_waited_for_no_longer_than_the_limit(
        self, silent_line: SilentLine, ask: Callable[[ReachedPool], Awaitable[object]]
    ) -> None:
        """A host that vanished closes nothing; whoever waits for it would wait for ever."""
        await ask(silent_line.reached)
        silent_line.silence.begin()

        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(StoreUnavailable):
                await ask(silent_line.reached)

    async def test_costs_the_connection_and_not_its_place_in_the_pool(
        self, silent_line: SilentLine
    ) -> None:
        """The pool has room for one: a place that leaked would be missed at once."""
        silent_line.silence.begin()
        for _ in range(2):
            async with asyncio.timeout(WITHIN_S):
                with pytest.raises(StoreUnavailable):
                    await silent_line.reached.fetchval("SELECT 1")

        silent_line.silence.end()

        assert 1 == await silent_line.reached.fetchval("SELECT 1")

    async def test_does_not_keep_a_caller_that_is_cancelled(self, silent_line: SilentLine) -> None:
        """The driver asks the server to cancel, and waits for what it says to that."""
        before = await silent_line.reached.fetchval("SELECT pg_backend_pid()")
        silent_line.silence.begin()
        asking = asyncio.create_task(silent_line.reached.fetchval("SELECT pg_backend_pid()"))
        async with asyncio.timeout(WITHIN_S):
            while silent_line.pool.get_idle_size() != 0:  # noqa: ASYNC110 - a pool has no event
                await asyncio.sleep(0)
        asking.cancel()
        ended, _ = await asyncio.wait([asking], timeout=WITHIN_S)
        silent_line.silence.end()

        assert {asking} == ended
        assert asking.cancelled()
        assert before != await silent_line.reached.fetchval("SELECT pg_backend_pid()")


def message(kind: bytes, **fields: str) -> bytes:
    """An error or a notice as PostgreSQL sends it: each field is a letter, a text and a zero."""
    body = b"".join(f"{letter}{text}".encode() + b"\0" for letter, text in fields.items()) + b"\0"
    return kind + (4 + len(body)).to_bytes(4, "big") + body


NOTICE = message(b"N", S="WARNING", V="WARNING", C="01000", M="the end is near")
ENDED = message(b"E", S="FATAL", V="FATAL", C="57P01", M="this is the end")


class TestAServerThatEndsAConnection:
    async def test_is_unavailable_to_who_asks_between_its_word_and_the_end(
        self, silent_line: SilentLine
    ) -> None:
        """It says so, and closes after that: the driver takes its word for an answer under way."""
        before = await silent_line.reached.fetchval("SELECT pg_backend_pid()")

        with pytest.raises(StoreUnavailable):
            await self.ask_after_the_word(silent_line)

        assert before != await silent_line.reached.fetchval("SELECT pg_backend_pid()")

    async def ask_after_the_word(self, line: SilentLine) -> None:
        heard = asyncio.Event()

        def hear(*_: object) -> None:
            heard.set()

        async with line.reached.connection() as connection:
            connection.add_log_listener(hear)
            line.silence.say(NOTICE + ENDED)
            async with asyncio.timeout(WITHIN_S):
                await heard.wait()
            connection.remove_log_listener(hear)
            await connection.fetchval("SELECT 1")


class TestAConnectionThatCannotBeRolledBack:
    async def test_is_ended_and_hides_no_error(self, silent_line: SilentLine) -> None:
        """A statement is under way still: nobody may get the transaction that it belongs to."""
        pool = silent_line.reached.of(ACME)
        before = await pool.fetchval("SELECT pg_backend_pid()")

        with pytest.raises(ZeroDivisionError):
            await self.fail_beside_a_statement(pool)

        assert before != await pool.fetchval("SELECT pg_backend_pid()")

    async def fail_beside_a_statement(self, pool: TenantsPool) -> None:
        async with pool.transaction() as connection:
            sleeping = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
            sleeping.add_done_callback(asyncio.Task.exception)
            await asyncio.sleep(0)
            raise ZeroDivisionError


class TestWaitingForAConnection:
    async def test_counts_towards_the_limit(self, silent_line: SilentLine) -> None:
        """Behind a pool that is used up there is no answer either."""
        async with silent_line.pool.acquire():
            async with asyncio.timeout(WITHIN_S):
                with pytest.raises(StoreUnavailable):
                    await silent_line.reached.fetchval("SELECT 1")
