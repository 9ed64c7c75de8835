"""
A whole foliot to be tormented: PostgreSQL and Valkey, two control planes, four executors, and
a link between any two of them.
"""

import asyncio
import json
import os
import random
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

import migrations
from control_plane.access.keys import mint
from control_plane.bootstrap import let_in
from control_plane.embedded import Embedded, RestartLimit, Supervisor
from shared.doorbell import ORCHESTRATOR, TIMERS, Doorbell, task_runner
from shared.ids import TenantId
from shared.postgres.namespace import read_namespace
from shared.postgres.session import CONTROL_PLANE_ROLE, EXECUTOR_ROLE
from tests.campaigns.chaos.dealings import BRIEF, PROVIDER, VOTERS, coin
from tests.campaigns.chaos.elsewhere import Taken, serving
from tests.campaigns.chaos.logs import CLIENT, EFFECTS, FAULTS, FEED, WATCHERS, Log
from tests.campaigns.chaos.network import Link, free_port, to_one_of, to_socket
from tests.campaigns.chaos.plane import BUG, LOGS
from tests.campaigns.chaos.planes import Plane, Planes, nursing
from tests.campaigns.chaos.planted import plant_in_database
from tests.campaigns.chaos.shop import LOGIN, let_shop_in
from tests.campaigns.chaos.workload import FAR, LEASE_S, LONG, LONG_SHARE
from tests.executor.providers import Provider
from tests.executor.providers import serving as providing

PREFIX = "foliot-chaos-"
TENANT = TenantId("chaos")
CONTROL_PLANES = 2
EXECUTORS = 4
QUEUES = (ORCHESTRATOR, TIMERS, task_runner("default"), task_runner(FAR))
_MIGRATING = asyncio.Lock()
"""Several stages of one process: Alembic has one context for all."""

HARDLY_KEPT = """
INSERT INTO foliot.retention (tenant_id, definition_key, keep, archives, updated_at)
VALUES ($1, $2, interval '1 second', false, foliot.now())
"""
"""Shorter than anybody may ask for: else nothing would be removed within a run."""

NO_LIMIT = RestartLimit(restarts=100_000, first_delay_s=0.05, longest_delay_s=0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that a run works with. `owner_url` leads straight to the database."""

    directory: Path
    owner_url: str
    redis_url: str
    api_key: str
    executor_key: str
    voters: Mapping[str, str]
    """The keys of the people of the panel."""
    taken: Taken
    """What the service elsewhere has yet to answer."""
    elsewhere: str
    shop_url: str
    supervisor: Supervisor
    planes: Planes
    links: dict[str, Link]
    doorbell: Doorbell
    client: Log
    watchers: Log
    feed: Log
    faults: Log
    effects: Log

    async def restart_postgres(self) -> None:
        """As `pg_ctl -m immediate` does: no checkpoint, and recovery at the next start."""
        pid = self.supervisor.pid_of("postgres")
        if pid is not None:
            # It may be down from the last time, and its supervisor not know yet.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)

    def bells(self) -> list[str]:
        """The keys in Valkey of all that can be rung."""
        return [f"{self.doorbell._prefix}{queue}" for queue in QUEUES]

    def addresses(self) -> list[str]:
        """Where clients reach the control planes."""
        return [
            f"127.0.0.1:{self.links[f'client→control-plane-{number}'].port}"
            for number in range(1, CONTROL_PLANES + 1)
        ]


@asynccontextmanager
async def staged(
    dice: random.Random,
    *,
    bug: str = "",
    has_failpoints: bool,
    executors: int = EXECUTORS,
    long_share: float = LONG_SHARE,
) -> AsyncIterator[Stage]:
    """All of it, at work; gone with the block, but for the directory of a run that failed."""
    directory = _new_directory()
    async with AsyncExitStack() as exits:
        embedded = Embedded(directory / "data").prepare()
        embedded.supervisor = Supervisor(directory / "data" / "logs", limit=NO_LIMIT)
        exits.push_async_callback(embedded.stop)
        planes = await exits.enter_async_context(nursing(dice, has_failpoints=has_failpoints))
        await embedded.start()
        async with _MIGRATING:
            await migrations.upgrade(embedded.database_url)
        pepper = secrets.token_hex(16)
        key = mint(tenant_id=TENANT, role="tenant_admin", pepper=pepper)
        executor_key = mint(tenant_id=None, role="executor", pepper=pepper)
        voters = {
            user: mint(tenant_id=TENANT, role="operator", pepper=pepper, user=user)
            for user in VOTERS
        }
        known = [key, executor_key, *voters.values()]
        await let_in(embedded.database_url, [one.stored for one in known], "Chaos")
        owner = await asyncpg.connect(embedded.database_url)
        await let_shop_in(owner, TENANT)
        await owner.execute(HARDLY_KEPT, TENANT, BRIEF)
        if bug:
            await plant_in_database(bug, owner)
        await owner.close()
        effects = Log(directory / EFFECTS)
        taken: Taken = asyncio.Queue()
        service = await exits.enter_async_context(serving(effects, dice, taken))
        model = Provider(kind="openai", behave=lambda _: coin(dice))
        await exits.enter_async_context(providing(model))
        elsewhere = Link("executors→elsewhere", to_one_of(lambda: service))
        await elsewhere.open()
        exits.push_async_callback(elsewhere.close)
        shop = Link("shop→postgres", to_socket(_socket_of(embedded.database_url)))
        await shop.open()
        exits.push_async_callback(shop.close)
        async with asyncpg.create_pool(embedded.database_url, min_size=1, max_size=1) as pool:
            doorbell = Doorbell(embedded.redis_url, await read_namespace(pool))
        exits.push_async_callback(doorbell.close)
        stage = Stage(
            directory=directory,
            owner_url=embedded.database_url,
            redis_url=embedded.redis_url,
            api_key=key.text,
            executor_key=executor_key.text,
            voters={user: one.text for user, one in voters.items()},
            taken=taken,
            elsewhere=f"http://127.0.0.1:{elsewhere.port}/",
            supervisor=embedded.supervisor,
            planes=planes,
            shop_url=f"postgresql://{LOGIN}@127.0.0.1:{shop.port}/foliot",
            links={link.name: link for link in (elsewhere, shop)},
            doorbell=doorbell,
            client=Log(directory / CLIENT),
            watchers=Log(directory / WATCHERS),
            feed=Log(directory / FEED),
            faults=Log(directory / FAULTS),
            effects=effects,
        )
        exits.callback(_close_logs, stage)
        common = {
            "FOLIOT_MODE": "dev",
            "FOLIOT_LEASE_S": str(LEASE_S),
            "FOLIOT_POLL_S": "0.3",
            "FOLIOT_LOG_LEVEL": "info",
            LOGS: str(directory),
            BUG: bug,
            LONG: str(long_share),
            "FOLIOT_CALLBACK_KEYS": json.dumps([secrets.token_hex(32)]),
            "FOLIOT_AI_PROVIDERS": json.dumps(
                {PROVIDER: {"kind": "openai", "base_url": f"{model.url}/v1", "needs_key": False}}
            ),
        }
        await _start_planes(stage, exits, common, pepper, executor_key.text, executors)
        yield stage
    shutil.rmtree(directory / "data", ignore_errors=True)


def _new_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    # As root, the servers' account has to get through.
    directory.chmod(0o711)
    return directory


async def _start_planes(
    stage: Stage,
    exits: AsyncExitStack,
    common: dict[str, str],
    pepper: str,
    executor_key: str,
    executors: int,
) -> None:
    dice = stage.planes.dice
    ports = [free_port() for _ in range(CONTROL_PLANES)]

    async def link(name: str, target: str) -> int:
        dial = {
            "postgres": to_socket(_socket_of(stage.owner_url)),
            "valkey": to_socket(stage.redis_url.removeprefix("unix://")),
            "any": to_one_of(lambda: dice.choice(ports)),
        }.get(target) or to_one_of(lambda: int(target))
        made = stage.links[name] = Link(name, dial)
        await made.open()
        exits.push_async_callback(made.close)
        return made.port

    for number, port in enumerate(ports, start=1):
        name = f"control-plane-{number}"
        database = await link(f"{name}→postgres", "postgres")
        redis = await link(f"{name}→valkey", "valkey")
        await link(f"client→{name}", str(port))
        environment = {
            **common,
            "FOLIOT_DATABASE_URL": f"postgresql://{CONTROL_PLANE_ROLE}@127.0.0.1:{database}/foliot",
            "FOLIOT_REDIS_URL": f"redis://127.0.0.1:{redis}",
            "FOLIOT_PEPPER": pepper,
            "FOLIOT_LISTEN": f"127.0.0.1:{port}",
        }
        output = stage.directory / f"{name}.log"
        await stage.planes.start(Plane(name, "control-plane", environment, output))
    for number in range(1, executors + 1):
        name = f"executor-{number}"
        database = await link(f"{name}→postgres", "postgres")
        redis = await link(f"{name}→valkey", "valkey")
        home = await link(f"{name}→control-plane", "any")
        environment = {
            **common,
            "FOLIOT_DATABASE_URL": f"postgresql://{EXECUTOR_ROLE}@127.0.0.1:{database}/foliot",
            "FOLIOT_REDIS_URL": f"redis://127.0.0.1:{redis}",
            "FOLIOT_CONTROL_PLANE": f"127.0.0.1:{home}",
            "FOLIOT_API_KEY": executor_key,
            "FOLIOT_EXECUTOR_NAME": name,
            "FOLIOT_FUNCTIONS": json.dumps(["tests.campaigns.chaos.workload:functions"]),
        }
        output = stage.directory / f"{name}.log"
        await stage.planes.start(Plane(name, "executor", environment, output))


def _socket_of(database_url: str) -> str:
    directory = database_url.split("host=")[1].split("&", maxsplit=1)[0].replace("%2F", "/")
    return f"{directory}/.s.PGSQL.5432"


def _close_logs(stage: Stage) -> None:
    for log in (stage.client, stage.watchers, stage.feed, stage.faults, stage.effects):
        log.close()
