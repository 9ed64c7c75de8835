"""Puts an executor together: the only file that names adapters."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from executor.adapters.allowed_addresses import THIS_MACHINE, AllowedAddresses
from executor.adapters.database_clock import DatabaseClock
from executor.adapters.file_email import FileEmail
from executor.adapters.file_objects import FileObjects
from executor.adapters.file_secrets import FileSecrets
from executor.adapters.grpc_connection import Connector, Introduction
from executor.adapters.grpc_control_plane import GrpcControlPlane
from executor.adapters.httpx_http import HttpxHttp
from executor.adapters.memory_secrets import MemorySecrets
from executor.adapters.postgres_task_store import PostgresTaskStore
from executor.adapters.signed_callbacks import SignedCallbacks
from executor.adapters.smtp_email import SmtpEmail
from executor.adapters.web_addresses import WebAddresses, WebRules
from executor.attempts import Attempts
from executor.functions import Functions, load_functions
from executor.functions.builtin import functions as builtin
from executor.handlers import Handler, Handlers
from executor.handlers.addresses import mailbox
from executor.handlers.email import EmailHandler
from executor.handlers.http import HttpHandler
from executor.handlers.human import HumanHandler
from executor.handlers.system import SystemHandler
from executor.handlers.timer import TimerHandler
from executor.heartbeats import Heartbeats
from executor.intake import Intake
from executor.lease import Lease
from executor.plane import ExecutorPlane
from executor.plugins import Plugins, load_plugins
from executor.ports import Adapters
from executor.ports.ai_tools import AiTools
from executor.ports.email import EmailPort, SenderRules
from executor.ports.http import HttpPort
from executor.ports.llm import LlmPort
from executor.ports.object_storage import ObjectStorage
from executor.ports.secrets import SecretPort
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
POSTGRESQL_PORT, REDIS_PORT, OWN_PORT = 5432, 6379, 7233
"""Where a URL leads that names no port."""

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
        objects = await _objects(settings, plugins, exits)
        email = await _email(settings, plugins, exits)
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
        secrets = await _secrets(settings, plugins, exits)
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


async def ai_handlers(
    settings: Settings, plugins: Plugins, connector: Connector, exits: AsyncExitStack
) -> Sequence[Handler]:
    """
    The handler of AI tasks, where models are to be had. Imported here, as it brings a lot along.

    Raises InvalidRequest where a package is missing.
    """
    llm = await _llm(settings, plugins, exits)
    if llm is None:
        return ()
    from executor.adapters.grpc_ai_desk import GrpcAiDesk
    from executor.adapters.memory_ai_tools import MemoryAiTools
    from executor.handlers.ai import AiHandler

    desk = GrpcAiDesk(connector, api_key=settings.api_key.get_secret_value())
    exits.push_async_callback(desk.close)
    tools: AiTools = MemoryAiTools({})
    if settings.ai_tools:
        if find_spec("mcp") is None:
            raise InvalidRequest(
                "FOLIOT_AI_TOOLS needs the package mcp; install foliot[ai]", field="ai_tools"
            )
        from executor.adapters.mcp_tools import McpTools

        tools = McpTools(settings.ai_tools)
    return (AiHandler(desk, llm, tools),)


async def _llm(settings: Settings, plugins: Plugins, exits: AsyncExitStack) -> LlmPort | None:
    opening = plugins.adapters.get("llm")
    if opening is not None:
        if settings.ai_providers:
            raise InvalidRequest(
                "models are reached by FOLIOT_AI_PROVIDERS and by a package in FOLIOT_PLUGINS;"
                " leave one of them out",
                field="ai_providers",
            )
        llm: LlmPort = await exits.enter_async_context(opening())
        return llm
    if not settings.ai_providers:
        return None
    from executor.adapters.routed_llm import RoutedLlm

    own = RoutedLlm(settings.ai_providers)
    exits.push_async_callback(own.close)
    return own


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


def secrets_of(settings: Settings) -> SecretPort:
    """Where secrets are looked up: in files, or else in what the environment brought."""
    if not settings.secrets_dir:
        return MemorySecrets(settings.secrets)
    if settings.secrets:
        raise InvalidRequest(
            "FOLIOT_SECRETS and FOLIOT_SECRETS_DIR are both set; keep all secrets in one of them",
            field="secrets",
        )
    return FileSecrets(settings.secrets_dir)


def web_addresses_of(settings: Settings) -> WebAddresses:
    """Where the requests of tenants may go."""
    try:
        rules = {name: WebRules.model_validate(it) for name, it in settings.http_tenants.items()}
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRequest(
            f"FOLIOT_HTTP_TENANTS is wrong at {'.'.join(map(str, first['loc']))}: {first['msg']};"
            ' write it as {"acme": {"schemes": ["https"], "hosts": ["*.example.com"]}}',
            field="http_tenants",
        ) from error
    return WebAddresses(rules)


def listeners_of(settings: Settings) -> list[tuple[str, int]]:
    """Where foliot itself listens, and what it stands on: hosts and ports."""
    control_plane = settings.control_plane
    found = []
    for url, usual in (
        (settings.database_url, POSTGRESQL_PORT),
        (settings.redis_url, REDIS_PORT),
        ("" if control_plane.startswith("unix:") else f"//{control_plane}", OWN_PORT),
    ):
        for host in urlsplit(url).netloc.rpartition("@")[2].split(","):
            parts = urlsplit(f"//{host}")
            if parts.hostname:
                found.append((parts.hostname, parts.port or usual))
    return found


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


async def _secrets(settings: Settings, plugins: Plugins, exits: AsyncExitStack) -> SecretPort:
    opening = plugins.adapters.get("secrets")
    if opening is None:
        return secrets_of(settings)
    if settings.secrets or settings.secrets_dir:
        raise InvalidRequest(
            "secrets are given by FOLIOT_SECRETS or FOLIOT_SECRETS_DIR and by a package in"
            " FOLIOT_PLUGINS; keep all secrets in one of them",
            field="secrets",
        )
    secrets: SecretPort = await exits.enter_async_context(opening())
    return secrets


def objects_of(settings: Settings) -> ObjectStorage | None:
    """Where the settings say that objects are. Raises InvalidRequest for what cannot be used."""
    url = settings.objects_url
    parts = urlsplit(url)
    if not url:
        return None
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path:
        return FileObjects(unquote(parts.path))
    if parts.scheme != "s3":
        raise InvalidRequest(
            "FOLIOT_OBJECTS_URL begins with file:/// or s3://, as file:///var/lib/foliot/objects",
            field="objects_url",
        )
    try:
        from executor.adapters.s3_objects import S3Objects
    except ImportError:
        raise InvalidRequest(
            "FOLIOT_OBJECTS_URL needs what is not installed; pip install 'foliot[s3]'",
            field="objects_url",
        ) from None
    return S3Objects(url, allow_plaintext=settings.allow_plaintext)


async def _objects(
    settings: Settings, plugins: Plugins, exits: AsyncExitStack
) -> ObjectStorage | None:
    opening = plugins.adapters.get("objects")
    if opening is None:
        return objects_of(settings)
    if settings.objects_url:
        raise InvalidRequest(
            "objects are kept by FOLIOT_OBJECTS_URL and by a package in FOLIOT_PLUGINS; leave one"
            " of them out",
            field="objects_url",
        )
    objects: ObjectStorage = await exits.enter_async_context(opening())
    return objects


def email_of(settings: Settings) -> EmailPort | None:
    """What sends mail, as the settings say. Raises InvalidRequest for what cannot be used."""
    url = settings.mail_url
    parts = urlsplit(url)
    if not url:
        return None
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path:
        return FileEmail(unquote(parts.path))
    if parts.scheme not in {"smtp", "smtps", "smtp+plaintext"}:
        raise InvalidRequest(
            "FOLIOT_MAIL_URL begins with smtps://, smtp://, smtp+plaintext:// or file:///, as"
            " smtps://user@mail.example.com",
            field="mail_url",
        )
    return SmtpEmail(
        url,
        password=_mail_password(settings),
        ca_file=settings.mail_ca_file,
        allow_plaintext=settings.allow_plaintext,
    )


def senders_of(settings: Settings) -> SenderRules:
    """From whom mail may be. Raises InvalidRequest for what is no address."""
    usual = settings.mail_from
    return SenderRules(
        default=mailbox(usual, "FOLIOT_MAIL_FROM").address if usual else "",
        by_tenant=tuple(
            (of, tuple(_sender(entry) for entry in entries))
            for of, entries in settings.mail_senders.items()
        ),
    )


def _sender(entry: str) -> str:
    """An address, or `@` and a domain, as a mail would have it."""
    if entry.startswith("@"):
        return f"@{mailbox(f'any{entry}', 'FOLIOT_MAIL_SENDERS').domain}"
    return mailbox(entry, "FOLIOT_MAIL_SENDERS").address


def _mail_password(settings: Settings) -> Callable[[], str] | None:
    own, file = settings.mail_password.get_secret_value(), settings.mail_password_file
    if own and file:
        raise InvalidRequest(
            "FOLIOT_MAIL_PASSWORD and FOLIOT_MAIL_PASSWORD_FILE are both set; set one of them",
            field="mail_password",
        )
    if not file:
        return (lambda: own) if own else None
    if not os.access(file, os.R_OK):
        raise InvalidRequest(
            f"FOLIOT_MAIL_PASSWORD_FILE is {file!r}, which cannot be read",
            field="mail_password_file",
        )
    return lambda: Path(file).read_text("utf-8").rstrip("\r\n")


async def _email(settings: Settings, plugins: Plugins, exits: AsyncExitStack) -> EmailPort | None:
    opening = plugins.adapters.get("email")
    if opening is None:
        return email_of(settings)
    if settings.mail_url:
        raise InvalidRequest(
            "mail is sent by FOLIOT_MAIL_URL and by a package in FOLIOT_PLUGINS; leave one of them"
            " out",
            field="mail_url",
        )
    email: EmailPort = await exits.enter_async_context(opening())
    return email


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
