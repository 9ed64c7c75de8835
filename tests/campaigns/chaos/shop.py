"""A service that buys and starts in one transaction of its own, or does neither."""

import asyncio
import random
from dataclasses import dataclass

import asyncpg

from shared.ids import TenantId
from tests.campaigns.chaos.workload import WORDS

LOGIN = "shop"
OWN = "own-"
"""How the business keys of what it starts begin."""

UNDONE_SHARE = 0.25
GIVES_UP_SHARE = 0.3
WITHIN_S = 3.0
AGAIN_AFTER_S = (0.05, 0.5)

SCHEMA = """
CREATE ROLE shop LOGIN;
GRANT foliot_caller TO shop;
CREATE SCHEMA shop AUTHORIZATION shop;
CREATE TABLE shop.purchase (key text PRIMARY KEY);
GRANT SELECT, INSERT ON shop.purchase TO shop
"""
MAY_ACT = "INSERT INTO foliot.caller_tenant (tenant_id, role_name) VALUES ($1, 'shop')"
BUY = "INSERT INTO shop.purchase (key) VALUES ($1) ON CONFLICT DO NOTHING"
START = "SELECT foliot.start_instance($1, $2, $3, p_request_id => $3)"
SEND = "SELECT foliot.enqueue_event($1, $2, $3, 'WORD', jsonb_build_object('word', $3::text))"
BOUGHT = "SELECT key FROM shop.purchase"


class Undone(Exception):
    """It changed its mind before the commit."""


@dataclass(frozen=True, slots=True)
class Shop:
    """`url` is that of the database, as its login."""

    url: str
    tenant_id: TenantId
    dice: random.Random

    async def buy(self, key: str, kind: str) -> None:
        """
        Until it is bought, or given up. After a connection that broke, whether it was is not
        known: what can be seen of it must be all or nothing.
        """
        while True:
            try:
                connection = await asyncpg.connect(
                    self.url, timeout=WITHIN_S, command_timeout=WITHIN_S
                )
                try:
                    async with connection.transaction():
                        await self._buy(connection, key, kind)
                finally:
                    connection.terminate()
            except Undone:
                return
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                if self.dice.random() < GIVES_UP_SHARE:
                    return
                await asyncio.sleep(self.dice.uniform(*AGAIN_AFTER_S))
            else:
                return

    async def _buy(self, connection: asyncpg.Connection, key: str, kind: str) -> None:
        await connection.execute(BUY, key)
        instance_id = await connection.fetchval(START, self.tenant_id, kind, key)
        if kind == "talk":
            for number in range(1, WORDS + 1):
                await connection.execute(SEND, self.tenant_id, instance_id, f"w{number}")
        if self.dice.random() < UNDONE_SHARE:
            raise Undone


async def let_shop_in(owner: asyncpg.Connection, tenant_id: TenantId) -> None:
    """Its login, its table, and its tenant."""
    await owner.execute(SCHEMA)
    await owner.execute(MAY_ACT, tenant_id)
