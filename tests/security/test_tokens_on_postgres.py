"""People with tokens on a real PostgreSQL: their tenant is looked up there, and their groups."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from foliot.v1 import admin_service_pb2, task_service_pb2

from tests.api.serving import Client, info_in, with_key
from tests.api.stories import LOAN, activate, start
from tests.api.test_on_postgres import OWN, inbox_of, ring
from tests.security.issuing import KeyServer, an_issuer, an_rsa_key, claims, file_of

RSA = an_rsa_key()


@asynccontextmanager
async def ring_with_tokens(database_url: str, folder: Path) -> AsyncIterator[Client]:
    """An administrator of acme, where an issuer may speak for every tenant."""
    with KeyServer().running() as keys:
        keys.serve(RSA)
        file = folder / "issuers.json"
        said = an_issuer(
            keys.url, tenants=["*"], roles={"staff": "human_worker"}, groups_claim="teams"
        )
        await asyncio.to_thread(file.write_text, file_of(said))
        own = OWN.model_copy(update={"jwt_issuers_file": str(file)})
        async with ring(database_url, own=own) as (admin, _):
            yield admin


@asynccontextmanager
async def holding(admin: Client, **said: Any) -> AsyncIterator[Client]:
    """The holder of a token at the same server."""
    token = RSA.sign(claims("https://id.tests/", **said))
    async with grpc.aio.insecure_channel(admin.address, interceptors=with_key(token)) as channel:
        yield Client(channel, token)


class TestAPersonWithAToken:
    async def test_finds_and_claims_what_their_team_is_offered(
        self, migrated_url: str, tmp_path: Path
    ) -> None:
        """Their name and their groups are the issuer's word; the task becomes theirs."""
        async with ring_with_tokens(migrated_url, tmp_path) as admin:
            await activate(admin, LOAN, "loan")
            task_id = f"{(await start(admin, 'loan')).instance_id}:1"
            async with holding(admin, teams=["underwriter", "a\0b"]) as alice:
                inbox = await inbox_of(alice)
                claimed = await alice.tasks.ClaimTask(
                    task_service_pb2.ClaimTaskRequest(task_id=task_id)
                )
            async with holding(admin, sub="bob", teams=["others"]) as bob:
                not_his = await inbox_of(bob)

        assert ([task_id], []) == (inbox, not_his)
        assert "alice" == claimed.task.assignee

    @pytest.mark.parametrize(
        "tenant", ["initech", "a\0b", "\ud800", "x" * 64, "Acme", "acme' OR true --", "☃"]
    )
    async def test_of_a_tenant_that_is_not_there_is_refused(
        self, migrated_url: str, tmp_path: Path, tenant: str
    ) -> None:
        """Whatever a signed token says, no tenant comes about by it, and nothing breaks."""
        async with (
            ring_with_tokens(migrated_url, tmp_path) as admin,
            holding(admin, tenant=tenant) as stranger,
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stranger.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())

        assert "CREDENTIAL_INVALID" == info_in(refused.value).reason
