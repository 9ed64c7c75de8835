"""How often a tenant may call, how many streams it may have, and what guessing costs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import grpc
import pytest
from foliot.v1 import (
    admin_service_pb2,
    event_service_pb2,
    instance_service_pb2,
    quota_pb2,
)
from google.rpc import error_details_pb2

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.api.guesses import Allowance, Guesses, network_of
from control_plane.api.rate_limits import RateLimits
from control_plane.ports.quotas import QuotaKind
from control_plane.server import SERVICES, rules
from control_plane.use_cases.quotas import DEFAULTS, Quotas
from shared.errors import QuotaExceeded, Unauthenticated
from shared.ids import TenantId
from tests.api.serving import (
    TENANT,
    Client,
    Serving,
    client_of,
    detail_in,
    info_in,
    serving_from,
    status_in,
)

ACME, OTHER = TenantId("acme"), TenantId("other")
WHO = admin_service_pb2.WhoAmIRequest()
LIST = instance_service_pb2.ListInstancesRequest()


class MovedClock:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def serving(clock: MovedClock) -> AsyncIterator[Serving]:
    """A server that lets a tenant call ten times a second, by a clock that the test moves."""
    async with serving_from(
        MemoryDatabase(), monotonic=clock, quota_calls_per_second=10, quota_streams=2
    ) as started:
        yield started


def limits(clock: Callable[[], float], calls: int, **more: int) -> RateLimits:
    quotas = Quotas({**DEFAULTS, QuotaKind.CALLS_PER_SECOND: calls, QuotaKind.STREAMS: 2})
    return RateLimits(quotas, monotonic=clock, **more)


def wait_of(error: grpc.aio.AioRpcError) -> timedelta:
    """How long the server says to wait."""
    found = detail_in(status_in(error), error_details_pb2.RetryInfo)
    assert isinstance(found, error_details_pb2.RetryInfo)
    waits: timedelta = found.retry_delay.ToTimedelta()
    return waits


async def used_up(client: Client) -> grpc.aio.AioRpcError:
    """Call until the server refuses."""
    for _ in range(20):
        try:
            await client.admin.WhoAmI(WHO)
        except grpc.aio.AioRpcError as error:
            return error
    raise AssertionError("nothing was refused")


class TestATenantThatCallsTooOften:
    async def test_is_told_which_quota_it_is_and_when_to_come_back(self, client: Client) -> None:
        """A client that waits as long as it is told gets in, and no sooner."""
        refused = await used_up(client)

        failure = detail_in(status_in(refused), error_details_pb2.QuotaFailure)
        assert isinstance(failure, error_details_pb2.QuotaFailure)
        assert grpc.StatusCode.RESOURCE_EXHAUSTED == refused.code()
        assert "QUOTA_EXCEEDED" == info_in(refused).reason
        assert {"quota": "calls_per_second", "limit": "10"}.items() <= dict(
            info_in(refused).metadata
        ).items()
        assert ["tenant:acme"] == [one.subject for one in failure.violations]
        assert timedelta(milliseconds=100) == wait_of(refused)

    async def test_gets_in_again_when_it_has_waited(
        self, client: Client, clock: MovedClock
    ) -> None:
        """The hint is right to the millisecond: a moment before it is too early."""
        waits_s = wait_of(await used_up(client)).total_seconds()

        clock.now += waits_s - 0.001
        with pytest.raises(grpc.aio.AioRpcError):
            await client.admin.WhoAmI(WHO)
        clock.now += 0.002
        answer = await client.admin.WhoAmI(WHO)

        assert TENANT == answer.tenant_id

    async def test_is_in_nobody_elses_way(self, client: Client, stranger: Client) -> None:
        """That is what the bucket is for."""
        await used_up(client)

        assert (await stranger.admin.WhoAmI(WHO)).tenant_id

    async def test_is_one_tenant_by_all_its_keys(self, serving: Serving, client: Client) -> None:
        """More keys are no more calls."""
        await used_up(client)

        async with client_of(serving, await serving.key("viewer")) as another:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await another.admin.WhoAmI(WHO)
        assert "QUOTA_EXCEEDED" == info_in(refused.value).reason

    async def test_may_be_let_call_more(self, serving: Serving, client: Client) -> None:
        """A quota of its own holds from the answer on, on the server that set it."""
        await used_up(client)

        async with client_of(serving, await serving.key("platform_admin", None)) as platform:
            answer = await platform.admin.SetQuota(
                admin_service_pb2.SetQuotaRequest(
                    tenant_id=TENANT, kind=quota_pb2.QUOTA_KIND_CALLS_PER_SECOND, limit=0
                )
            )
            with pytest.raises(grpc.aio.AioRpcError) as none:
                await client.admin.WhoAmI(WHO)
            await platform.admin.RemoveQuota(
                admin_service_pb2.RemoveQuotaRequest(
                    tenant_id=TENANT, kind=quota_pb2.QUOTA_KIND_CALLS_PER_SECOND
                )
            )

        assert (0, True) == (answer.quota.limit, answer.quota.is_own)
        assert timedelta(minutes=1) == wait_of(none.value)

    async def test_is_refused_before_it_is_asked_what_it_may(self, serving: Serving) -> None:
        """What is not allowed is not free."""
        async with client_of(serving, await serving.key("human_worker")) as worker:
            reasons = []
            for _ in range(11):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await worker.instances.ListInstances(LIST)
                reasons.append(info_in(refused.value).reason)

        assert "PERMISSION_DENIED" == reasons[0]
        assert "QUOTA_EXCEEDED" == reasons[-1]

    async def test_is_none_of_the_platforms_own(self, serving: Serving) -> None:
        """Executors and operators keep everybody's work going."""
        async with client_of(serving, await serving.key("executor", None)) as executor:
            for _ in range(20):
                await executor.admin.WhoAmI(WHO)


class TestABucket:
    def test_takes_a_methods_weight(self, clock: MovedClock) -> None:
        """A heavy call counts as often as it costs."""
        rates = limits(clock, 10)
        rates.take(ACME, 7)

        with pytest.raises(QuotaExceeded) as refused:
            rates.take(ACME, 5)
        rates.take(ACME, 3)

        assert timedelta(seconds=0.2) == refused.value.retry_in
        assert 10 == rates.calls(ACME)

    def test_takes_what_is_heavier_than_it_holds_and_owes_the_rest(self, clock: MovedClock) -> None:
        """It would never be let in otherwise; its share comes out right all the same."""
        rates = limits(clock, 10)
        rates.take(ACME, 30)

        with pytest.raises(QuotaExceeded) as refused:
            rates.take(ACME, 1)

        assert timedelta(seconds=2.1) == refused.value.retry_in

    def test_holds_what_a_second_brings_however_long_the_rest(self, clock: MovedClock) -> None:
        """In any time t a tenant calls no more than limit x (t + 1)."""
        rates = limits(clock, 10)
        clock.now += 3_600

        for _ in range(10):
            rates.take(ACME, 1)
        with pytest.raises(QuotaExceeded):
            rates.take(ACME, 1)

    def test_does_not_fill_by_a_clock_that_goes_back(self, clock: MovedClock) -> None:
        """Nor does it empty."""
        rates = limits(clock, 10)
        rates.take(ACME, 5)
        clock.now -= 60

        rates.take(ACME, 5)
        with pytest.raises(QuotaExceeded):
            rates.take(ACME, 1)

    def test_is_forgotten_when_others_have_called_since(self, clock: MovedClock) -> None:
        """Memory is bounded, and whoever called longest ago has a full one anyway."""
        rates = limits(clock, 10, max_buckets=2)
        for tenant in ("a", "b", "a", "c"):
            rates.take(TenantId(tenant), 10 if tenant != "a" else 1)

        assert [0, 2, 10] == [rates.calls(TenantId(one)) for one in "bac"]

    def test_is_there_for_every_method_by_its_weight(self) -> None:
        """A weight of nought would be a way round."""
        assert all(rule.weight >= 1 for rule in rules(SERVICES).values())
        assert {20} == {
            rule.weight for path, rule in rules(SERVICES).items() if "GetQueueStats" in path
        }


class TestATenantsStreams:
    async def test_are_counted_while_they_are_open(
        self, serving: Serving, client: Client, clock: MovedClock
    ) -> None:
        """The third of two is refused; one that has ended makes room."""
        request = event_service_pb2.WatchEventsRequest()
        streams = [client.events.WatchEvents(request) for _ in range(2)]
        for one in streams:
            await one.read()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.events.WatchEvents(request).read()

        streams[0].cancel()
        rates = serving.control_plane.rates
        async with asyncio.timeout(10):
            while rates.streams(TENANT) > 1:  # noqa: ASYNC110 - bounded
                await asyncio.sleep(0.01)
        again = client.events.WatchEvents(request)
        await again.read()

        assert "streams" == info_in(refused.value).metadata["quota"]
        assert timedelta(seconds=5) == wait_of(refused.value)
        for one in (again, streams[1]):
            one.cancel()

    def test_are_nobody_elses(self, clock: MovedClock) -> None:
        """Each tenant has its own, and the platform's are not counted."""
        rates = limits(clock, 10)
        with rates.stream(ACME), rates.stream(ACME), rates.stream(OTHER), rates.stream(None):
            with pytest.raises(QuotaExceeded), rates.stream(ACME):
                pass

            assert [2, 1] == [rates.streams(ACME), rates.streams(OTHER)]
        assert [0, 0] == [rates.streams(ACME), rates.streams(OTHER)]


class TestWhoeverGuesses:
    async def test_is_held_up_and_nobody_else_is(
        self, serving: Serving, client: Client, clock: MovedClock
    ) -> None:
        """From one address with a good key that is in use: the key works on."""
        await client.admin.WhoAmI(WHO)
        guesser = Guesser(serving)
        reasons = [await guesser.guess(f"fol_k{number}_secret") for number in range(1_010)]

        clock.now += 0.5
        assert TENANT == (await client.admin.WhoAmI(WHO)).tenant_id
        assert {"CREDENTIAL_INVALID"} == set(reasons[:1_000])
        assert {"TOO_MANY_BAD_CREDENTIALS"} == set(reasons[1_000:])
        await guesser.close()

    async def test_of_one_key_is_held_up_sooner(self, serving: Serving, clock: MovedClock) -> None:
        """And is told when it may try again, which is when one more is looked at."""
        guesser = Guesser(serving)
        reasons = [await guesser.guess(f"fol_same_{number}") for number in range(21)]
        waits = guesser.waits

        clock.now += waits.total_seconds()
        again = [await guesser.guess("fol_same_x"), await guesser.guess("fol_same_y")]

        assert {"CREDENTIAL_INVALID"} == set(reasons[:20])
        assert "TOO_MANY_BAD_CREDENTIALS" == reasons[20]
        assert timedelta(seconds=5) == waits
        assert ["CREDENTIAL_INVALID", "TOO_MANY_BAD_CREDENTIALS"] == again
        await guesser.close()


class Guesser:
    """Somebody without a key, on one connection."""

    def __init__(self, serving: Serving) -> None:
        self._channel = grpc.aio.insecure_channel(serving.address)
        self._call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            "/foliot.v1.AdminService/WhoAmI"
        )
        self.waits = timedelta(0)

    async def guess(self, key: str) -> str:
        """Why it was refused."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await self._call(b"", metadata=(("authorization", f"Bearer {key}"),))
        reason: str = info_in(refused.value).reason
        if reason == "TOO_MANY_BAD_CREDENTIALS":
            self.waits = wait_of(refused.value)
        return reason

    async def close(self) -> None:
        await self._channel.close()


class Credentials:
    """What is good, and how often anything was looked at."""

    def __init__(self, *good: str) -> None:
        self.good = set(good)
        self.looks = 0

    async def authenticate(self, credential: str) -> str:
        self.looks += 1
        if credential == "broken":
            raise OSError
        if credential not in self.good:
            raise Unauthenticated("not good")
        return credential


async def looked(
    guesses: Guesses, credentials: Credentials, credential: str, peer: str = "ipv4:10.0.0.1:5"
) -> str:
    """How it ended."""
    try:
        return await guesses.look(credential, lambda: peer, credentials.authenticate)
    except (QuotaExceeded, Unauthenticated, OSError) as error:
        return type(error).__name__


def few(clock: Callable[[], float], **more: int) -> Guesses:
    return Guesses(
        monotonic=clock,
        per_key=Allowance(2, 1),
        per_peer=Allowance(4, 1),
        in_all=Allowance(6, 1),
        **more,
    )


class TestACredential:
    async def test_that_was_good_of_late_is_looked_at_always(self, clock: MovedClock) -> None:
        """Behind a load balancer everybody comes from one address."""
        guesses, credentials = few(clock), Credentials("fol_a_good")
        await looked(guesses, credentials, "fol_a_good")
        for number in range(10):
            await looked(guesses, credentials, f"fol_{number}_bad")

        assert "fol_a_good" == await looked(guesses, credentials, "fol_a_good")
        assert 6 == credentials.looks

    async def test_that_is_not_good_any_more_counts_again(self, clock: MovedClock) -> None:
        """A revoked key is one more guess."""
        guesses, credentials = few(clock), Credentials("fol_a_good")
        await looked(guesses, credentials, "fol_a_good")
        credentials.good.clear()

        ends = [await looked(guesses, credentials, "fol_a_good") for _ in range(4)]

        assert ["Unauthenticated"] * 3 + ["QuotaExceeded"] == ends

    async def test_from_elsewhere_is_looked_at_by_the_same_key_id(self, clock: MovedClock) -> None:
        """A key's id is no secret: knowing it must not be enough to shut its holder out."""
        guesses, credentials = few(clock), Credentials("fol_a_good")
        for number in range(4):
            await looked(guesses, credentials, f"fol_a_{number}")

        assert "fol_a_good" == await looked(guesses, credentials, "fol_a_good", "ipv4:10.0.0.2:5")

    async def test_is_held_up_where_everybody_guesses(self, clock: MovedClock) -> None:
        """From however many addresses: in all it is so many, and no look-up more."""
        guesses, credentials = few(clock), Credentials()
        ends = [
            await looked(guesses, credentials, f"fol_{n}_x", f"ipv4:10.0.0.{n}:5") for n in range(8)
        ]

        assert ["Unauthenticated"] * 6 + ["QuotaExceeded"] * 2 == ends
        assert 6 == credentials.looks

    async def test_that_could_not_be_looked_at_counts_for_nothing(self, clock: MovedClock) -> None:
        """That the database was away is not its sender's doing."""
        guesses, credentials = few(clock), Credentials()

        assert {"OSError"} == {await looked(guesses, credentials, "broken") for _ in range(10)}

    async def test_counts_once_where_it_comes_in_many_calls_at_once(
        self, clock: MovedClock
    ) -> None:
        """A client that starts with a hundred calls has one credential."""
        guesses, credentials = few(clock), Credentials("fol_a_good")
        ends = await asyncio.gather(
            *[looked(guesses, credentials, "fol_a_good") for _ in range(100)]
        )

        assert {"fol_a_good"} == set(ends)

    async def test_is_forgotten_within_bounds(self, clock: MovedClock) -> None:
        """Neither the good nor the bad ones fill the memory."""
        guesses, credentials = few(clock, max_good=2, max_buckets=5), Credentials("a", "b", "c")
        for one in "abc":
            await looked(guesses, credentials, one)
            clock.now += 10
        for number in range(9):
            await looked(guesses, credentials, f"fol_{number}_x", f"ipv4:10.0.0.{number}:5")
            clock.now += 10

        assert 2 == len(guesses._good)
        assert 5 >= len(guesses._buckets)

    async def test_is_not_known_to_be_good_for_ever(self, clock: MovedClock) -> None:
        """What nobody has used for an hour is a stranger's again."""
        guesses, credentials = few(clock), Credentials("fol_a_good")
        await looked(guesses, credentials, "fol_a_good")
        clock.now += 3_601
        for number in range(4):
            await looked(guesses, credentials, f"fol_{number}_bad")

        assert "QuotaExceeded" == await looked(guesses, credentials, "fol_a_good")


class TestAPeer:
    @pytest.mark.parametrize(
        ("peer", "network"),
        [
            ("ipv4:10.0.0.7:5150", "ipv4:10.0.0.7"),
            ("ipv6:%5B::ffff:10.0.0.7%5D:5150", "ipv4:10.0.0.7"),
            ("ipv6:%5B2001:db8:1:2:3::4%5D:5150", "ipv6:20010db800010002"),
            ("ipv6:[2001:db8:1:2:ffff::9]:1", "ipv6:20010db800010002"),
            ("ipv6:%5Bfe80::1%25eth0%5D:1", "ipv6:fe80000000000000"),
            ("ipv6:%5Bnonsense%5D:1", "ipv6:nonsense"),
            ("unix:/run/foliot", "unix:/run/foliot"),
        ],
    )
    def test_is_whoever_has_its_address_whatever_the_port(self, peer: str, network: str) -> None:
        """And of IPv6 whoever has its network: one machine has all of it."""
        assert network == network_of(peer)
