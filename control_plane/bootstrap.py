"""Puts a control plane together: the only file that names adapters."""

import asyncio
import importlib.metadata
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from control_plane.access.certificates import CertificateRing
from control_plane.access.issuers import Issuer, read_issuers
from control_plane.access.principal import Principal
from control_plane.access.roles import PLATFORM_ADMIN
from control_plane.adapters.file_archive import FileArchive
from control_plane.adapters.key_sources import FileKeySource, HttpKeySource
from control_plane.adapters.postgres.ai_desk import PostgresAiDesk
from control_plane.adapters.postgres.ai_policies import PostgresAiPolicies
from control_plane.adapters.postgres.ai_records import PostgresAiRecords
from control_plane.adapters.postgres.audit_log import PostgresAuditLog
from control_plane.adapters.postgres.claims import PostgresClaims
from control_plane.adapters.postgres.credentials import PostgresCredentials
from control_plane.adapters.postgres.definition_store import PostgresDefinitionStore
from control_plane.adapters.postgres.doctor import PostgresDoctor
from control_plane.adapters.postgres.due import PostgresDue
from control_plane.adapters.postgres.feed import PostgresFeed
from control_plane.adapters.postgres.inbox import PostgresInbox
from control_plane.adapters.postgres.instance_store import PostgresInstanceStore
from control_plane.adapters.postgres.key_store import PostgresKeyStore
from control_plane.adapters.postgres.limit_store import PostgresLimitStore
from control_plane.adapters.postgres.outbox import PostgresOutbox
from control_plane.adapters.postgres.queues import PostgresQueues
from control_plane.adapters.postgres.quotas import PostgresQuotas
from control_plane.adapters.postgres.reader import PostgresReader
from control_plane.adapters.postgres.retention import PostgresRetention
from control_plane.adapters.postgres.schedule_store import PostgresScheduleStore
from control_plane.adapters.postgres.tenant_store import PostgresTenantStore
from control_plane.adapters.postgres.vitals import PostgresVitalSigns
from control_plane.api.admin_servicer import AdminServicer
from control_plane.api.admission import Admission
from control_plane.api.ai_servicer import AiServicer
from control_plane.api.alpha_definition_servicer import AlphaDefinitionServicer
from control_plane.api.capacity_servicer import Capacity
from control_plane.api.definition_servicer import DefinitionServicer
from control_plane.api.event_servicer import EventServicer
from control_plane.api.event_streams import EventStreams
from control_plane.api.executor_ports import ExecutorPorts
from control_plane.api.executor_servicer import ExecutorServicer
from control_plane.api.guesses import Guesses
from control_plane.api.instance_servicer import InstanceServicer
from control_plane.api.listening import Listening
from control_plane.api.rate_limits import RateLimits
from control_plane.api.schedule_servicer import ScheduleServicer
from control_plane.api.task_servicer import TaskServicer
from control_plane.api.tenant_servicer import TenantServicer
from control_plane.loops.after_commit import AfterCommit
from control_plane.loops.bells import Bells
from control_plane.loops.courier import Courier
from control_plane.loops.database_clock import DatabaseTime
from control_plane.loops.delayed import Delayed
from control_plane.loops.feed_pruner import FeedPruner
from control_plane.loops.housekeeping import Housekeeping
from control_plane.loops.inbox import Inbox
from control_plane.loops.limits import Limits
from control_plane.loops.queue_pauses import QueuePauses
from control_plane.loops.quotas import QuotaNews
from control_plane.loops.recalls import Recalls
from control_plane.loops.rescuer import Rescuer
from control_plane.loops.retention import Retention
from control_plane.loops.schedules import Schedules
from control_plane.loops.tailer import Tailer
from control_plane.loops.tallies import Tallies
from control_plane.loops.timers import Timers
from control_plane.meters.readiness import Readiness
from control_plane.meters.samples import ControlPlaneVitals, Pool, UnderWay
from control_plane.meters.turns import MeasuredStore, TurnMeter
from control_plane.orchestrator import Hands, Machines, Orchestrator, Turn
from control_plane.ports.ai_desk import AiDesk
from control_plane.ports.ai_policies import AiPolicyStore
from control_plane.ports.ai_records import AiRecords
from control_plane.ports.archive import Archive
from control_plane.ports.audit import AuditLog
from control_plane.ports.claims import Claims
from control_plane.ports.credentials import Credentials, StoredKey
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.doctor import DATABASE_CHECKS, Doctor
from control_plane.ports.due import Due
from control_plane.ports.feed import Feed
from control_plane.ports.inbox import InboxRows
from control_plane.ports.instance_store import InstanceStore
from control_plane.ports.key_source import KeySource
from control_plane.ports.key_store import KeyStore
from control_plane.ports.limit_store import LimitStore
from control_plane.ports.outbox import Outbox
from control_plane.ports.queues import QueueStore
from control_plane.ports.quotas import QuotaKind, QuotaStore
from control_plane.ports.reader import Reader
from control_plane.ports.retention import RetentionStore
from control_plane.ports.schedule_store import ScheduleStore
from control_plane.ports.tenant_store import TenantStore
from control_plane.ports.vitals import VitalSigns
from control_plane.server import Server, Servicers
from control_plane.settings import ControlPlaneSettings
from control_plane.startup import (
    check_durability,
    check_schema,
    pool_of,
    two_pools,
    until_usable,
    warn_of_skew,
)
from control_plane.use_cases.admit_definitions import AdmittedDefinitions
from control_plane.use_cases.admit_starts import AdmittedStarts
from control_plane.use_cases.authenticate import KeyRing
from control_plane.use_cases.authenticate_callback import CallbackRing
from control_plane.use_cases.authenticate_token import TokenRing
from control_plane.use_cases.identify import identify
from control_plane.use_cases.quotas import Quotas
from control_plane.use_cases.run_doctor import Surgery
from control_plane.use_cases.standing import Standing
from migrations import HEAD
from shared import doorbell as queues
from shared.callbacks import CallbackKeys
from shared.clock import Clock, SystemClock
from shared.doorbell import Doorbell, NoDoorbell, Ring
from shared.errors import InvalidRequest, PreconditionFailed
from shared.failpoints import arm_from_environment
from shared.ids import TenantId
from shared.postgres.lineage import Lineage, replaced
from shared.postgres.namespace import read_namespace
from shared.postgres.session import (
    ACROSS_ROLE,
    CONTROL_PLANE_ROLE,
    HOT_PLANS,
    close_pool,
)
from shared.settings import Settings
from shared.telemetry.endpoint import Endpoint
from shared.telemetry.logging import get_logger
from shared.telemetry.metrics import TENANTS, introduce
from shared.telemetry.names import LogEvent

TURN_CONNECTIONS = 6
"""For reading and writing turns; there are never more under way than the orchestrator has."""

LOOP_CONNECTIONS = 4
"""For the loops, the claims and the look-ups of keys: none of them is of one tenant."""

TAIL_CONNECTIONS = 1
"""For the tailer and for who removes what is old."""

FEED_CONNECTIONS = 2
"""For watchers who are behind: they wait for each other and for nobody else."""

STREAMS_LEAVE_WITHIN = timedelta(seconds=5)
"""How long executors have to connect elsewhere once they were told to."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """All that a control plane stands on."""

    store: InstanceStore
    definitions: DefinitionStore
    reader: Reader
    feed: Feed
    due: Due
    inbox: InboxRows
    outbox: Outbox
    retention: RetentionStore
    archive: Archive | None
    schedules: ScheduleStore
    claims: Claims
    limits: LimitStore
    quotas: QuotaStore
    queues: QueueStore
    ai_policies: AiPolicyStore
    ai_desk: AiDesk
    ai_records: AiRecords
    doctor: Doctor
    credentials: Credentials
    keys: KeyStore
    tenants: TenantStore
    audit: AuditLog
    signs: VitalSigns
    doorbell: Doorbell | NoDoorbell
    clock: Clock
    monotonic: Callable[[], float] = time.monotonic
    pools: Mapping[str, Pool] = field(default_factory=dict)
    """What it connects by, to be told of."""


class ControlPlane:
    """
    Assembled and at rest; `run` serves until it is told to stop. `admission` has the counts,
    `server` what is offered to callers.
    """

    def __init__(self, adapters: Adapters, settings: Settings, own: ControlPlaneSettings) -> None:
        """Raises MethodWithoutAuth if a method does not say who may call it."""
        self.address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.executor_address = ""
        self._listening = listening_of(settings, own)
        self.admission = Admission()
        self._doorbell = adapters.doorbell
        tailer = Tailer(adapters.feed)
        bells = Bells(adapters.doorbell)
        self._machines = Machines(adapters.definitions)
        limits = Limits(adapters.limits, bells, settings.poll_s)
        pauses = QueuePauses(adapters.queues, bells, settings.poll_s)
        self._hands = Hands(limits.has_any, pauses.has)
        self._orchestrator = Orchestrator(
            MeasuredStore(adapters.store), self._machines, self._committed, hands=self._hands
        )
        self._meter = TurnMeter()
        quotas = Quotas(defaults_of(own))
        self._tallies = Tallies(adapters.quotas, quotas, monotonic=adapters.monotonic)
        self._admitting = AdmittedStarts(self._orchestrator, self._tallies)
        self._timers = Timers(adapters.due, self._orchestrator, settings.poll_s)
        self._time = DatabaseTime(
            self._timers.clock, adapters.clock, asyncio.get_running_loop().time
        )
        self._delayed = Delayed(adapters.due, bells, settings.poll_s)
        self._inbox = Inbox(adapters.due, adapters.inbox, self._orchestrator, settings.poll_s)
        recalls = Recalls(adapters.claims, self._hands)
        courier = Courier(adapters.outbox, self._orchestrator, settings.poll_s)
        self._loops: list[Callable[[asyncio.Event], Awaitable[None]]] = [
            self._timers.run,
            self._delayed.run,
            self._inbox.run,
            courier.run,
            limits.run,
            pauses.run,
            QuotaNews(adapters.quotas, quotas, settings.poll_s).run,
            self._tallies.run,
            recalls.run,
            Schedules(adapters.schedules, self._admitting, settings.poll_s).run,
            Rescuer(adapters.due, self._orchestrator).run,
            Housekeeping(
                adapters.due,
                adapters.audit,
                adapters.ai_records,
                keep_audit=timedelta(days=own.audit_days),
                keep_answers=timedelta(days=own.answer_days),
            ).run,
            Retention(adapters.retention, adapters.archive).run,
            FeedPruner(adapters.feed, timedelta(days=own.feed_days)).run,
            tailer.run,
            bells.run,
            self._listen_to_bells,
        ]
        self._after_commit = AfterCommit(
            self._hands, recalls, bells, self._timers, self._delayed, tailer, courier, limits
        )
        self.rates = RateLimits(quotas, monotonic=adapters.monotonic)
        capacity = Capacity(
            tenants=adapters.tenants,
            store=adapters.quotas,
            quotas=quotas,
            rates=self.rates,
            queues=adapters.queues,
            queues_changed=pauses.wake,
            surgery=Surgery(
                adapters.doctor,
                adapters.definitions,
                adapters.clock,
                # In dev mode commits may be lost, and time may be moved.
                checks=[
                    one
                    for one in DATABASE_CHECKS
                    if settings.mode != "dev" or one not in {"durability", "clock"}
                ],
            ),
        )
        self.server = self._make_server(adapters, tailer, capacity, settings, own)
        self.vitals = ControlPlaneVitals(
            adapters.signs,
            adapters.queues,
            UnderWay(
                calls=lambda: self.admission.calls,
                waiting=lambda: self._orchestrator.waiting,
                feed_lag_s=tailer.lag_s,
                is_draining=self.admission.leaving.is_set,
            ),
            pools=adapters.pools,
            revision=HEAD,
            monotonic=adapters.monotonic,
        )
        self._loops.append(Readiness(self.vitals, self.server.set_ready).run)

    async def run(self, stop: asyncio.Event) -> None:
        """
        Serve until `stop`, then go away in order: callers first, then loops, then turns.

        `address` tells where, as soon as it serves, and `executor_address` where executors with
        certificates do. Raises Unavailable if one is taken.
        """
        address, self.executor_address = await self.server.bind(self._listening)
        loops_stop, turns_stop = asyncio.Event(), asyncio.Event()
        async with aclosing(self.server), asyncio.TaskGroup() as turns:
            turns.create_task(self._orchestrator.run(turns_stop))
            async with asyncio.TaskGroup() as loops:
                for loop in self._loops:
                    loops.create_task(_as_coroutine(loop, loops_stop))
                # Until then nobody here could say whose key or callback is good.
                await _first_of(stop, self._timers.looked)
                await self.server.start()
                self.address.set_result(address)
                _log.info(
                    LogEvent.SERVER_SERVING,
                    address=address,
                    executor_address=self.executor_address,
                    version=version(),
                )
                await stop.wait()
                _log.info(LogEvent.SERVER_DRAINING, address=address)
                await self.server.drain()
                loops_stop.set()
            turns_stop.set()
        _log.info(LogEvent.SERVER_STOPPED, address=address)

    def _make_server(
        self,
        adapters: Adapters,
        tailer: Tailer,
        capacity: Capacity,
        settings: Settings,
        own: ControlPlaneSettings,
    ) -> Server:
        admission = self.admission
        orchestrator, reader = self._admitting, adapters.reader
        executor = ExecutorPorts(
            orchestrator=self._orchestrator,
            hands=self._hands,
            claims=adapters.claims,
            reader=reader,
            ai=adapters.ai_desk,
            admission=admission,
            lease=timedelta(seconds=settings.lease_s),
            drain=min(STREAMS_LEAVE_WITHIN, timedelta(seconds=settings.drain_s)),
            version=version(),
        )
        ring = KeyRing(adapters.credentials, self._time, own.pepper.get_secret_value())
        callbacks = CallbackRing(
            CallbackKeys([one.get_secret_value() for one in settings.callback_keys]),
            self._time,
        )
        known: Callable[[str], Awaitable[Principal]] = partial(
            _let_in,
            Standing(adapters.tenants),
            partial(identify, ring, _tokens(adapters, own), callbacks),
        )
        return Server(
            Servicers(
                definition=DefinitionServicer(
                    AdmittedDefinitions(adapters.definitions, adapters.quotas, capacity.quotas),
                    reader,
                    adapters.ai_policies,
                ),
                instance=InstanceServicer(
                    orchestrator,
                    reader,
                    adapters.definitions,
                    adapters.store,
                    self._machines,
                    tailer.instances,
                    admission.draining,
                    adapters.limits,
                ),
                task=TaskServicer(orchestrator, reader, adapters.ai_records),
                event=EventServicer(
                    orchestrator,
                    adapters.store,
                    reader,
                    EventStreams(reader, adapters.feed, tailer.instances, tailer.feed, admission),
                ),
                schedule=ScheduleServicer(
                    adapters.schedules, adapters.definitions, adapters.store, orchestrator, reader
                ),
                tenant=TenantServicer(
                    adapters.tenants, adapters.keys, self._time, own.pepper.get_secret_value()
                ),
                admin=AdminServicer(
                    adapters.clock,
                    version(),
                    adapters.limits,
                    adapters.retention,
                    adapters.audit,
                    adapters.tenants,
                    capacity,
                ),
                ai=AiServicer(adapters.ai_policies, adapters.ai_records, reader, adapters.tenants),
                executor=ExecutorServicer(executor),
                alpha_definition=AlphaDefinitionServicer(adapters.definitions),
            ),
            known,
            admission,
            certified=(
                CertificateRing(own.tls_executors, adapters.clock).authenticate
                if own.executor_listen
                else None
            ),
            rates=capacity.rates,
            guesses=Guesses(monotonic=adapters.monotonic),
            drain_s=settings.drain_s,
            drain_delay_s=own.drain_delay_s,
            max_connection_age_s=own.max_connection_age_s,
        )

    def _committed(self, turn: Turn) -> None:
        self._tallies.committed(turn.kept)
        self._meter.committed(turn)
        self._after_commit(turn)

    async def _listen_to_bells(self, stop: asyncio.Event) -> None:
        await self._doorbell.listen([queues.TIMERS, queues.ORCHESTRATOR], self._rung, stop)

    async def _rung(self, ring: Ring) -> None:
        if ring.queue == queues.TIMERS:
            self._timers.wake()
            self._delayed.wake()
        else:
            self._inbox.wake()


async def serve(settings: Settings, own: ControlPlaneSettings | None = None) -> None:
    """
    Serve until SIGTERM or SIGINT, then drain.

    Raises a FoliotError that says what to do if the settings or the database will not do.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    lineage = Lineage(stop.set)
    TENANTS.limit = settings.metrics_tenants
    introduce(version(), "control plane")
    try:
        async with (
            Endpoint(settings.metrics_listen) as endpoint,
            connected(settings, own or ControlPlaneSettings(), lineage) as control_plane,
        ):
            endpoint.vitals = control_plane.vitals
            await control_plane.run(stop)
        if lineage.is_replaced:
            _log.warning(LogEvent.DATABASE_REPLACED)
            raise replaced()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def connected(
    settings: Settings, own: ControlPlaneSettings, lineage: Lineage | None = None
) -> AsyncIterator[ControlPlane]:
    """
    A control plane on PostgreSQL and, where it is configured, Redis. With a `lineage` it connects
    to the server that it met first, and to no other.
    """
    check(settings, own)
    async with AsyncExitStack() as exits:
        pool = await until_usable(settings.database_url, own.pool_size, own.startup_wait_s, lineage)
        exits.push_async_callback(close_pool, pool)
        await warn_of_skew(pool)
        if settings.mode != "dev":
            await check_durability(pool)
        across, turns, tail, feeds = [
            await exits.enter_async_context(
                pool_of(settings.database_url, role, size, plans, lineage)
            )
            for role, size, plans in (
                (ACROSS_ROLE, LOOP_CONNECTIONS, None),
                (ACROSS_ROLE, TURN_CONNECTIONS, HOT_PLANS),
                (ACROSS_ROLE, TAIL_CONNECTIONS, HOT_PLANS),
                (CONTROL_PLANE_ROLE, FEED_CONNECTIONS, HOT_PLANS),
            )
        ]
        doorbell: Doorbell | NoDoorbell = NoDoorbell()
        if settings.redis_url:
            doorbell = Doorbell(settings.redis_url, await read_namespace(pool))
        exits.push_async_callback(doorbell.close)
        store = PostgresInstanceStore(turns)
        exits.push_async_callback(store.close)
        yield ControlPlane(
            Adapters(
                store=store,
                definitions=PostgresDefinitionStore(pool),
                reader=PostgresReader(pool),
                feed=PostgresFeed(feeds, tail),
                due=PostgresDue(across),
                inbox=PostgresInbox(across),
                outbox=PostgresOutbox(across),
                retention=PostgresRetention(pool, across),
                archive=archive_in(Path(own.archive_dir) if own.archive_dir else None),
                schedules=PostgresScheduleStore(pool, across),
                claims=PostgresClaims(across),
                limits=PostgresLimitStore(pool, across),
                quotas=PostgresQuotas(pool, across),
                queues=PostgresQueues(pool, across),
                ai_policies=PostgresAiPolicies(pool, across),
                ai_desk=PostgresAiDesk(pool),
                ai_records=PostgresAiRecords(pool, across),
                doctor=PostgresDoctor(pool, across),
                credentials=PostgresCredentials(across),
                tenants=PostgresTenantStore(pool, across),
                keys=PostgresKeyStore(pool, across),
                audit=PostgresAuditLog(pool, across),
                signs=PostgresVitalSigns(pool, across),
                doorbell=doorbell,
                clock=SystemClock(),
                pools={
                    "requests": pool,
                    "loops": across,
                    "turns": turns,
                    "tailer": tail,
                    "feeds": feeds,
                },
            ),
            settings,
            own,
        )


async def let_in(database_url: str, keys: Sequence[StoredKey], tenant_name: str) -> None:
    """Store keys, and the tenants they are of under that name. Repeating replaces the keys."""
    async with pool_of(database_url, ACROSS_ROLE, 1) as across:
        credentials = PostgresCredentials(across)
        for key in keys:
            await credentials.add(key, tenant_name)


async def let_in_first(
    database_url: str, key: StoredKey, tenant_name: str, *, another: bool
) -> None:
    """
    Store a key of a system that has nobody yet to ask for one. Raises PreconditionFailed where
    somebody has a good key of a platform_admin, unless it is to be `another`.
    """
    async with two_pools(database_url) as (pool, across):
        await check_schema(pool)
        if not another and await PostgresKeyStore(pool, across).has_good(PLATFORM_ADMIN):
            raise PreconditionFailed(
                f"there is a good key of a {PLATFORM_ADMIN} already: with it, `foliot key create`"
                " makes others. If it is lost, `foliot key first --another` makes one beside it;"
                " revoke the lost one then"
            )
        await PostgresCredentials(across).add(key, tenant_name)


@asynccontextmanager
async def examining(database_url: str) -> AsyncIterator[tuple[Doctor, DefinitionStore]]:
    """What an examination of a database needs. Raises Unavailable and PreconditionFailed."""
    async with two_pools(database_url) as (pool, across):
        await check_schema(pool)
        yield PostgresDoctor(pool, across), PostgresDefinitionStore(pool)


@asynccontextmanager
async def removing(
    database_url: str, archive_dir: Path | None, *, share: float = 1.0
) -> AsyncIterator[Retention]:
    """What removes instances past their retention, without a server, for this share of the time."""
    async with two_pools(database_url) as (pool, across):
        await check_schema(pool)
        yield Retention(PostgresRetention(pool, across), archive_in(archive_dir), share=share)


def archive_in(directory: Path | None) -> Archive | None:
    """The archive of a directory, which is made when it is needed; None for no directory."""
    return None if directory is None else FileArchive(directory)


def defaults_of(own: ControlPlaneSettings) -> dict[QuotaKind, int]:
    """What a tenant may have for which nothing else was set."""
    return {
        QuotaKind.OPEN_INSTANCES: own.quota_open_instances,
        QuotaKind.OPEN_TASKS: own.quota_open_tasks,
        QuotaKind.DEFINITIONS: own.quota_definitions,
        QuotaKind.STREAMS: own.quota_streams,
        QuotaKind.CALLS_PER_SECOND: own.quota_calls_per_second,
    }


def check(settings: Settings, own: ControlPlaneSettings) -> None:
    """Raises InvalidRequest for what a control plane cannot work with."""
    arm_from_environment(settings.mode)
    listening_of(settings, own).check()
    if not settings.database_url:
        raise InvalidRequest(
            "FOLIOT_DATABASE_URL is not set; give a PostgreSQL, or run `foliot dev`, which brings"
            " its own",
            field="database_url",
        )
    if settings.mode != "dev" and not own.pepper.get_secret_value():
        raise InvalidRequest(
            "FOLIOT_PEPPER is not set; make one with `openssl rand -base64 32`, and keep it: every"
            " API key depends on it",
            field="pepper",
        )


def listening_of(settings: Settings, own: ControlPlaneSettings) -> Listening:
    """Where to serve, and what encrypts it."""
    return Listening(
        address=settings.listen,
        executor_address=own.executor_listen,
        cert_file=own.tls_cert_file,
        key_file=own.tls_key_file,
        client_ca_file=own.tls_client_ca_file,
        allow_plaintext=settings.allow_plaintext,
    )


def _tokens(adapters: Adapters, own: ControlPlaneSettings) -> TokenRing | None:
    """Whose tokens are let in; None for nobody's. Raises InvalidRequest for a bad file."""
    if not own.jwt_issuers_file:
        return None
    issuers = read_issuers(Path(own.jwt_issuers_file))

    async def is_tenant(tenant_id: TenantId) -> bool:
        return await adapters.tenants.get(tenant_id) is not None

    return TokenRing([(one, _keys_of(one)) for one in issuers], is_tenant, adapters.clock)


def _keys_of(issuer: Issuer) -> KeySource:
    if issuer.keys.startswith(("https://", "http://")):
        return HttpKeySource(issuer.keys, issuer.keys_ca_file)
    return FileKeySource(issuer.keys)


def version() -> str:
    """The software's."""
    return importlib.metadata.version("foliot")


async def _let_in(
    standing: Standing, identify: Callable[[str], Awaitable[Principal]], text: str
) -> Principal:
    """Who shows a credential, if its tenant is not suspended."""
    return await standing.check(await identify(text))


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _as_coroutine(
    loop: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event
) -> None:
    await loop(stop)
