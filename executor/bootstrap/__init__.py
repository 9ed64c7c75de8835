"""Puts an executor together. Nothing outside of this package names adapters."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from executor.adapters.allowed_addresses import THIS_MACHINE, AllowedAddresses
from executor.adapters.database_clock import DatabaseClock
from executor.adapters.grpc_connection import Connector, Introduction
from executor.adapters.grpc_control_plane import GrpcControlPlane
from executor.adapters.httpx_http import HttpxHttp
from executor.adapters.postgres_task_store import PostgresTaskStore
from executor.adapters.signed_callbacks import SignedCallbacks
from executor.attempts import Attempts
from executor.bootstrap.ai import ai_handlers
from executor.bootstrap.mail import open_email, senders_of
from executor.bootstrap.objects import open_objects
from executor.bootstrap.secrets import open_secrets
from executor.bootstrap.web import listeners_of, web_addresses_of
from executor.functions import Functions, load_functions
from executor.functions.builtin import functions as builtin
from executor.handlers import Handlers
from executor.handlers.email import EmailHandler
from executor.handlers.http import HttpHandler
from executor.handlers.human import HumanHandler
from executor.handlers.system import SystemHandler
from executor.handlers.timer import TimerHandler
from executor.heartbeats import Heartbeats
from executor.intake import Intake
from executor.lease import Lease
from executor.plane import ExecutorPlane
from executor.plugins import load_plugins
from executor.ports import Adapters
from executor.ports.http import HttpPort
from executor.runner import Runner
from shared.callbacks import CallbackKeys
from shared.doorbell import Doorbell, NoDoorbell
from shared.errors import InvalidRequest, Unavailable
from shared.failpoints import arm_from_environment
from shared.postgres.lineage import Lineage
from shared.retry import RetryPolicy, backoff
from shared.settings import Settings
from shared.telemetry.logging import Throttle, get_logger
from shared.telemetry.names import LogEvent
from shared.tls import ClientTls

MAX_THREADS = 64
MAX_NAME = 128

RETRY = RetryPolicy(initial=timedelta(milliseconds=200), cap=timedelta(seconds=5), jitter=0.5)

_log = get_logger(__name__)


@asynccontextmanager
async def executor_plane(
    settings: Settings, functions: Functions | None = None, lineage: Lineage | None = None
) -> AsyncIterator[ExecutorPlane]:
    """
    An executor with everything connected, and all of it closed afterwards. With a `lineage` it
    takes tasks from the server that it met first, and from no other.

    Waits for a database that is not up or not migrated yet, and does not wait for the
    control plane or Redis. Raises InvalidRequest for settings that cannot work.
    """
    check(settings)
    plugins = load_plugins(settings.plugins)
    registry = all_functions(settings).including(plugins.functions)
    registry = registry.including(functions or Functions())
    allowed = AllowedAddresses(
        (*settings.http_allow, *(THIS_MACHINE if settings.mode == "dev" else ()))
    )
    connector = Connector(settings.control_plane, tls_of(settings))
    async with AsyncExitStack() as exits:
        # What is configured wrong is told before the database is waited for.
        objects = await open_objects(settings, plugins, exits)
        email = await open_email(settings, plugins, exits)
        senders = senders_of(settings)
        clock = DatabaseClock()
        store = await _connected(settings.database_url, clock, lineage)
        exits.push_async_callback(store.close)
        http: HttpPort
        if (opening := plugins.adapters.get("http")) is not None:
            http = await exits.enter_async_context(opening())
        else:
            http = own = HttpxHttp(
                allowed,
                max_connections=settings.concurrency,
                addresses=web_addresses_of(settings),
                listeners=listeners_of(settings),
            )
            exits.push_async_callback(own.close)
        secrets = await open_secrets(settings, plugins, exits)
        doorbell = await _doorbell(settings, store)
        exits.push_async_callback(doorbell.close)
        threads = ThreadPoolExecutor(
            min(settings.concurrency, MAX_THREADS), thread_name_prefix="function"
        )
        # Not waited for: a thread cannot be stopped, and __main__ ends the process if need be.
        exits.callback(threads.shutdown, wait=False, cancel_futures=True)
        heartbeats = Heartbeats()
        handlers = Handlers(
            [
                HumanHandler(),
                TimerHandler(),
                HttpHandler(),
                *([] if email is None else [EmailHandler()]),
                SystemHandler(registry, threads, heartbeats),
                *await ai_handlers(settings, plugins, connector, exits),
            ],
            instead=plugins.handlers,
        )
        for plugin, brings in plugins.brings.items():
            _log.info(LogEvent.PLUGIN_LOADED, plugin=plugin, brings=list(brings))
        control_plane = GrpcControlPlane(
            connector,
            api_key=settings.api_key.get_secret_value(),
            introduction=Introduction(
                name=name_of(settings),
                queues=settings.queues,
                types=handlers.types,
            ),
            session_id=lambda: lease.session_id,
        )
        attempts = Attempts(
            Runner(
                handlers,
                Adapters(
                    callbacks=SignedCallbacks(
                        CallbackKeys([one.get_secret_value() for one in settings.callback_keys])
                    ),
                    clock=clock,
                    http=http,
                    secrets=secrets,
                    objects=objects,
                    email=email,
                    senders=senders,
                ),
            ),
            control_plane,
            heartbeats,
            concurrency=settings.concurrency,
        )
        lease = Lease(
            store, attempts, name=name_of(settings), lease=timedelta(seconds=settings.lease_s)
        )
        attempts.notify_doubt(lease.doubt)
        intake = Intake(
            store,
            lease,
            attempts,
            doorbell,
            queues=settings.queues,
            types=handlers.types,
            poll=timedelta(seconds=settings.poll_s),
        )
        yield ExecutorPlane(
            store=store,
            control_plane=control_plane,
            doorbell=doorbell,
            lease=lease,
            attempts=attempts,
            intake=intake,
            name=name_of(settings),
            queues=settings.queues,
            types=handlers.types,
            grace=timedelta(seconds=settings.drain_s),
        )


def check(settings: Settings) -> None:
    """Raises InvalidRequest for what an executor cannot work with."""
    arm_from_environment(settings.mode)
    if not settings.database_url:
        raise InvalidRequest(
            "FOLIOT_DATABASE_URL is not set; give the control plane's database",
            field="database_url",
        )
    if not settings.queues:
        raise InvalidRequest(
            "FOLIOT_QUEUES is empty; name a queue to take tasks from", field="queues"
        )


def tls_of(settings: Settings) -> ClientTls:
    """What encrypts the connection to the control plane."""
    return ClientTls(
        ca_file=settings.tls_ca_file,
        cert_file=settings.tls_client_cert_file,
        key_file=settings.tls_client_key_file,
        server_name=settings.tls_server_name,
        allow_plaintext=settings.allow_plaintext,
    )


def all_functions(settings: Settings) -> Functions:
    """The built-in functions and those that the settings name."""
    found = builtin
    for path in settings.functions:
        found = found.including(load_functions(path))
    return found


def name_of(settings: Settings) -> str:
    """What people know the executor by."""
    return (settings.executor_name or f"{socket.gethostname()}-{os.getpid()}")[:MAX_NAME]


async def _connected(
    database_url: str, clock: DatabaseClock, lineage: Lineage | None
) -> PostgresTaskStore:
    failures = 0
    complaint = Throttle()
    while True:
        try:
            return await PostgresTaskStore.connect(database_url, clock, lineage)
        except Unavailable as error:
            if error.reason == "DATABASE_TOO_OLD":
                raise
            if complaint.allows():
                _log.warning(LogEvent.DATABASE_UNAVAILABLE, error=error.message)
        failures += 1
        await asyncio.sleep(backoff(RETRY, failures).total_seconds())


async def _doorbell(settings: Settings, store: PostgresTaskStore) -> Doorbell | NoDoorbell:
    if not settings.redis_url:
        return NoDoorbell()
    failures = 0
    while True:
        try:
            return Doorbell(settings.redis_url, await store.namespace())
        except Unavailable as error:
            failures += 1
            _log.warning(LogEvent.DATABASE_UNAVAILABLE, error=error.message)
            await asyncio.sleep(backoff(RETRY, failures).total_seconds())
