"""The doctor over the API: a message a check, as soon as it has ended."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import grpc
import pytest
from foliot.v1 import admin_service_pb2 as pb
from foliot.v1 import doctor_pb2
from google.protobuf.duration_pb2 import Duration

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.memory.definition_store import MemoryDefinitionStore
from control_plane.adapters.memory.doctor import MemoryDoctor
from control_plane.ports.doctor import DATABASE_CHECKS, INVARIANTS, REMEDIES
from control_plane.use_cases.run_doctor import Asked, Check, Surgery, Verdict
from shared.clock import SystemClock
from shared.errors import Overloaded
from shared.ids import TenantId
from tests.api.serving import OTHER_TENANT, TENANT, Client, Serving, client_of, info_in
from tests.api.stories import activate, start

GOOD, BAD = doctor_pb2.DOCTOR_VERDICT_GOOD, doctor_pb2.DOCTOR_VERDICT_BAD


@pytest.fixture
async def platform(serving: Serving) -> AsyncIterator[Client]:
    """An operator of the platform."""
    async with client_of(serving, await serving.key("platform_admin", None)) as made:
        yield made


async def run(caller: Client, **asked: object) -> Sequence[pb.RunDoctorResponse]:
    return [one async for one in caller.admin.RunDoctor(pb.RunDoctorRequest(**asked))]  # type: ignore[arg-type]  # as given


def broken(serving: Serving) -> None:
    """Every history of the tenant loses its last entry."""
    for entries in serving.database.history.values():
        entries.pop()


class TestTheDoctor:
    async def test_says_what_each_check_came_to(
        self, client: Client, stranger: Client, platform: Client
    ) -> None:
        """The database first, then tenant by tenant, and how many there are in all."""
        await activate(client)
        await start(client, "approval")

        checks = await run(platform)

        names = [f"tenant {one}" for one in (TENANT, OTHER_TENANT)]
        assert [*["partitions", "executors"], *names] == [one.name for one in checks]
        assert [(n, 4) for n in range(1, 5)] == [(one.number, one.total) for one in checks]
        assert {GOOD} == {one.verdict for one in checks}
        assert [0, 0, 1, 0] == [one.instance_count for one in checks]

    async def test_says_what_is_broken_where_and_what_to_do(
        self, serving: Serving, client: Client, platform: Client
    ) -> None:
        """A finding names the promise, the instance, and the way on."""
        await activate(client)
        instance = await start(client, "approval")
        broken(serving)

        (check,) = await run(platform, tenant_id=TENANT)

        assert BAD == check.verdict
        assert {instance.instance_id} == {one.instance_id for one in check.findings}
        found = {one.invariant: one for one in check.findings}
        assert INVARIANTS["I11"] == found["I11"].promise
        assert REMEDIES["I11"] == found["I11"].remedy
        assert TENANT == found["I11"].tenant_id

    async def test_goes_on_where_a_stream_broke(
        self, client: Client, stranger: Client, platform: Client
    ) -> None:
        """By the same numbers, and without what was told of."""
        (check,) = await run(platform, after_tenant_id=TENANT)

        assert (f"tenant {OTHER_TENANT}", 4, 4) == (check.name, check.number, check.total)

    async def test_is_the_platforms_to_run(self, client: Client) -> None:
        """It looks at everybody's data."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await run(client)

        assert "PERMISSION_DENIED" == info_in(refused.value).reason

    async def test_knows_the_tenants_there_are(self, platform: Client) -> None:
        """As everywhere."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await run(platform, tenant_id="nobody")

        assert "TENANT_NOT_FOUND" == info_in(refused.value).reason

    @pytest.mark.parametrize(
        ("field", "seconds"),
        [
            ("ends_within", 0),
            ("ends_within", 3_601),
            ("overdue_after", -1),
            ("overdue_after", 86_401),
        ],
    )
    async def test_takes_no_time_there_cannot_be(
        self, platform: Client, field: str, seconds: int
    ) -> None:
        """Bounded, and the field is named."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await run(platform, **{field: Duration(seconds=seconds)})

        assert field == info_in(refused.value).metadata["field"]


class TestThePromises:
    def test_have_a_remedy_each(self) -> None:
        """A finding without a way on is half an answer."""
        assert {*INVARIANTS, *DATABASE_CHECKS} == REMEDIES.keys()


class TestTheSurgery:
    def surgery(self, *tenants: str) -> Surgery:
        database = MemoryDatabase(tenants={TenantId(one): one for one in tenants})
        self.now = 0.0

        def monotonic() -> float:
            self.now += 1
            return self.now

        return Surgery(
            MemoryDoctor(database),
            MemoryDefinitionStore(database),
            SystemClock(),
            checks=["clock"],
            monotonic=monotonic,
        )

    async def test_ends_when_the_time_is_up(self) -> None:
        """The numbers say how much was not looked at."""
        asked = Asked(time_limit=timedelta(seconds=6))
        checks = [one async for one in self.surgery("a", "b", "c", "d").run(asked)]

        assert ["clock", "tenant a"] == [one.name for one in checks]
        assert {5} == {one.total for one in checks}

    async def test_says_which_check_was_not_finished(self) -> None:
        """What was found until then stands; nothing found is not the same as good."""
        surgery = self.surgery("a")
        check = Check(name="tenant a", number=1, total=1)
        examined = await surgery._tenant(
            check,
            TenantId("a"),
            begun=-100,
            asked=replace(Asked(), time_limit=timedelta(seconds=1)),
        )

        assert Verdict.UNFINISHED is examined.verdict

    async def test_sees_one_after_the_other(self) -> None:
        """Two at once would only be in each other's way; the second may come when it has ended."""
        surgery = self.surgery("a")
        first = surgery.run(Asked())
        await anext(first)

        with pytest.raises(Overloaded):
            await anext(surgery.run(Asked()))
        await first.aclose()

        assert 2 == len([one async for one in surgery.run(Asked())])
