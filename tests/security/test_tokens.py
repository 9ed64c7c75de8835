"""Tokens of an issuer, shown to a real server that reads its keys over real HTTP."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from foliot.v1 import admin_service_pb2, event_service_pb2
from structlog.testing import capture_logs

from control_plane.access.roles import PERMISSIONS
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.memory.tenant_store import MemoryTenantStore
from control_plane.api.call_metadata import MAX_CREDENTIAL_LENGTH
from shared.ids import TenantId
from shared.telemetry.names import LogEvent
from tests.api.serving import WITHIN_S, Serving, client_of, info_in, serving_from
from tests.api.stories import activate
from tests.api.stories import start as start_instance
from tests.api.test_executors import connected, ended
from tests.security.issuing import (
    KeyServer,
    SigningKey,
    an_ec_key,
    an_ed_key,
    an_issuer,
    an_rsa_key,
    by_hand,
    claims,
    file_of,
    in_base64,
)
from tests.security.reaching import end_of

ISSUER = "https://id.tests/"
RSA = an_rsa_key()


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    """Serves the issuer's keys."""
    with KeyServer().running() as server:
        server.serve(RSA, an_ec_key(), an_ed_key())
        yield server


@asynccontextmanager
async def serving_tokens(folder: Path, *issuers: dict[str, Any]) -> AsyncIterator[Serving]:
    """A control plane that believes issuers, with the tenants acme and globex."""
    file = folder / "issuers.json"
    file.write_text(file_of(*issuers))
    database = MemoryDatabase()
    for tenant in ("acme", "globex"):
        await MemoryTenantStore(database).create(TenantId(tenant), tenant)
    async with serving_from(database, jwt_issuers_file=str(file)) as serving:
        yield serving


@pytest.fixture
async def serving(keys: KeyServer, tmp_path: Path) -> AsyncIterator[Serving]:
    """One that believes the issuer for acme."""
    async with serving_tokens(tmp_path, an_issuer(keys.url)) as started:
        yield started


async def who(serving: Serving, token: str) -> admin_service_pb2.WhoAmIResponse:
    """Who the server takes the holder of a token for."""
    async with client_of(serving, token) as client:
        return await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)


def role_of(found: admin_service_pb2.WhoAmIResponse) -> str:
    """The role that grants what the caller may do."""
    (role,) = [
        role for role, grants in PERMISSIONS.items() if sorted(grants) == list(found.permissions)
    ]
    return role


async def refusal(serving: Serving, token: str) -> tuple[str, str]:
    """The reason on the wire, and why it was, as the log says it."""
    with capture_logs() as logs, pytest.raises(grpc.aio.AioRpcError) as refused:
        await who(serving, token)
    told = [one["why"] for one in logs if one["event"] == LogEvent.CREDENTIAL_REFUSED]
    return info_in(refused.value).reason, "".join(told)


def now() -> int:
    return int(datetime.now(UTC).timestamp())


class TestAToken:
    @pytest.mark.parametrize("key", [RSA, an_ec_key(), an_ed_key()], ids=lambda key: key.algorithm)
    async def test_says_who_its_holder_is(self, serving: Serving, key: SigningKey) -> None:
        """Name, tenant and role follow from its claims, and from the file."""
        found = await who(serving, key.sign(claims(ISSUER)))

        assert ("alice", "acme", "viewer") == (found.principal, found.tenant_id, role_of(found))

    @pytest.mark.parametrize(
        ("jti", "credential"),
        [
            ("7f3a", "jti:7f3a"),
            (None, f"kid:{RSA.kid} sub:alice"),
            ("\x1b[2J", f"kid:{RSA.kid} sub:alice"),
            (5, ""),
        ],
    )
    async def test_is_what_the_audit_log_names(
        self, serving: Serving, jti: object, credential: str
    ) -> None:
        """Of several tokens of one person it was this one; of one without an id, this key's."""
        said = claims(ISSUER, groups=["admins"], jti=jti)
        async with client_of(serving, RSA.sign(said)) as client:
            if not credential:
                with pytest.raises(grpc.aio.AioRpcError):
                    await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())
                return
            await client.admin.SetTaskLimit(
                admin_service_pb2.SetTaskLimitRequest(limit_key="bank", max_running=1)
            )
            found = await client.admin.ListAuditEntries(admin_service_pb2.ListAuditEntriesRequest())

        assert [("alice", credential)] == [
            (one.principal, one.credential_id) for one in found.entries
        ]

    @pytest.mark.parametrize(
        ("said", "role"),
        [
            ({"groups": "staff"}, "viewer"),
            ({"groups": ["starters", "staff", "admins"]}, "tenant_admin"),
            ({"groups": ["starters", "staff"]}, "viewer"),
            ({"tenant": None}, "viewer"),
            ({"aud": ["others", "foliot"]}, "viewer"),
        ],
    )
    async def test_may_say_so_in_several_ways(
        self, serving: Serving, said: dict[str, Any], role: str
    ) -> None:
        """A claim is a string or a list; the file's order decides; an only tenant needs no word."""
        found = await who(serving, RSA.sign(claims(ISSUER, **said)))

        assert ("acme", role) == (found.tenant_id, role_of(found))

    async def test_reads_roles_from_inside_of_objects(
        self, keys: KeyServer, tmp_path: Path
    ) -> None:
        """Some issuers nest them."""
        issuer = an_issuer(keys.url, roles_claim="realm.roles")
        token = RSA.sign(claims(ISSUER, realm={"roles": ["staff"]}))

        async with serving_tokens(tmp_path, issuer) as serving:
            found = await who(serving, token)

        assert "viewer" == role_of(found)

    async def test_is_good_within_the_leeway(self, keys: KeyServer, tmp_path: Path) -> None:
        """Clocks differ; by how much is said, and 60 s is the most."""
        late = claims(ISSUER, exp=now() - 5, nbf=now() + 5)

        async with serving_tokens(tmp_path, an_issuer(keys.url, leeway_s=30)) as serving:
            found = await who(serving, RSA.sign(late))

        assert "alice" == found.principal

    async def test_of_a_key_that_is_new_is_good_at_once(
        self, serving: Serving, keys: KeyServer
    ) -> None:
        """The issuer rotates its keys, and tells nobody."""
        new = an_rsa_key("r2")
        keys.serve(RSA, new)

        found = await who(serving, new.sign(claims(ISSUER)))

        assert "alice" == found.principal

    async def test_for_an_executor_takes_an_issuer_of_the_platforms(
        self, keys: KeyServer, tmp_path: Path
    ) -> None:
        """A role that works across tenants is given only where the file says so twice."""
        issuer = an_issuer(keys.url, platform=True, roles={"workers": "executor"})

        async with (
            serving_tokens(tmp_path, issuer) as serving,
            client_of(serving, RSA.sign(claims(ISSUER, groups=["workers"]))) as client,
            connected(client) as (_, session_id),
        ):
            pass

        assert session_id

    async def test_is_told_from_a_key_by_its_form(self, serving: Serving) -> None:
        """Both are let in, side by side."""
        found = await who(serving, await serving.key())

        assert found.principal.startswith("key:")


def unsigned(said: dict[str, Any]) -> str:
    return by_hand({"alg": "none", "kid": "r1"}, said)


def unsigned_in_capitals(said: dict[str, Any]) -> str:
    return by_hand({"alg": "NONE", "kid": "r1"}, said)


def without_its_signature(said: dict[str, Any]) -> str:
    return RSA.sign(said).rpartition(".")[0] + "."


def signed_with_the_public_key(said: dict[str, Any]) -> str:
    """The public key is no secret: taken for one, it would let anybody sign."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = RSA.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned_text = by_hand({"alg": "HS256", "kid": "r1"}, said).rpartition(".")[0]
    signature = hmac.new(public, unsigned_text.encode(), hashlib.sha256).digest()
    return by_hand({"alg": "HS256", "kid": "r1"}, said, signature)


def signed_by_another(said: dict[str, Any]) -> str:
    return an_rsa_key("evil").sign(said, kid="r1")


def bringing_its_own_key(said: dict[str, Any]) -> str:
    evil = an_rsa_key("evil")
    return evil.sign(said, kid="r1", jwk=evil.public(kid="r1"))


def changed(said: dict[str, Any]) -> str:
    header, _, signature = RSA.sign(said).split(".")
    other = RSA.sign({**said, "groups": ["admins"]}).split(".")[1]
    return f"{header}.{other}.{signature}"


def with_another_algorithm_of_the_same_key(said: dict[str, Any]) -> str:
    return SigningKey("r1", "PS256", RSA.private).sign(said)


def with_the_key_of_another_kind(said: dict[str, Any]) -> str:
    return an_ec_key().sign(said, kid="r1")


def asking_for_an_extension(said: dict[str, Any]) -> str:
    return RSA.sign(said, crit=["exp"], exp=1)


def with_a_kid_that_is_a_path(said: dict[str, Any]) -> str:
    return RSA.sign(said, kid="../../../../dev/null")


def with_a_kid_that_is_sql(said: dict[str, Any]) -> str:
    return RSA.sign(said, kid="r1' OR '1'='1")


def with_a_kid_that_is_no_string(said: dict[str, Any]) -> str:
    return by_hand({"alg": "RS256", "kid": ["r1"]}, said, b"x" * 256)


def without_a_kid(said: dict[str, Any]) -> str:
    """There is one key of its kind, but it was signed with another."""
    return by_hand({"alg": "RS256"}, said, b"x" * 256)


class TestAForgery:
    @pytest.mark.parametrize(
        "forge",
        [
            unsigned,
            unsigned_in_capitals,
            without_its_signature,
            signed_with_the_public_key,
            signed_by_another,
            bringing_its_own_key,
            changed,
            with_another_algorithm_of_the_same_key,
            with_the_key_of_another_kind,
            asking_for_an_extension,
            with_a_kid_that_is_a_path,
            with_a_kid_that_is_sql,
            with_a_kid_that_is_no_string,
            without_a_kid,
        ],
    )
    async def test_is_refused(
        self, serving: Serving, forge: Callable[[dict[str, Any]], str]
    ) -> None:
        """However it is made, and with claims that would be good."""
        await who(serving, RSA.sign(claims(ISSUER)))

        reason, why = await refusal(serving, forge(claims(ISSUER)))

        assert "CREDENTIAL_INVALID" == reason
        assert why

    @pytest.mark.parametrize("header", ["jku", "x5u"])
    async def test_cannot_say_where_its_keys_are(
        self, serving: Serving, keys: KeyServer, header: str
    ) -> None:
        """Whoever makes the token would name a server of their own, or one of ours inside."""
        evil = an_rsa_key("evil")
        with KeyServer().running() as theirs:
            theirs.serve(evil)
            reason, _ = await refusal(serving, evil.sign(claims(ISSUER), **{header: theirs.url}))

        assert ("CREDENTIAL_INVALID", 0) == (reason, theirs.asked)


class TestAnHonestTokenThatIsNotGoodHere:
    @pytest.mark.parametrize(
        ("said", "why"),
        [
            ({"iss": "https://evil.tests/"}, "its issuer is not in the file"),
            ({"iss": "https://id.tests"}, "its issuer is not in the file"),
            ({"iss": "HTTPS://id.tests/"}, "its issuer is not in the file"),
            ({"iss": None}, "no string"),
            ({"aud": "others"}, "InvalidAudienceError"),
            ({"aud": "foliot2"}, "InvalidAudienceError"),
            ({"aud": None}, "MissingRequiredClaimError"),
            ({"exp": None}, "MissingRequiredClaimError"),
            ({"exp": 1}, "ExpiredSignatureError"),
            ({"exp": "soon"}, "DecodeError"),
            ({"exp": 1e300}, "OverflowError"),
            ({"nbf": now() + 3_600}, "ImmatureSignatureError"),
            ({"iat": now() + 3_600}, "ImmatureSignatureError"),
            ({"sub": None}, "MissingRequiredClaimError"),
            ({"sub": ""}, "its sub"),
            ({"sub": "a" * 201}, "its sub"),
            ({"sub": "alice\nadmin"}, "its sub"),
            ({"sub": "key:dev"}, "the name of another credential"),
            ({"sub": "certificate:spiffe://x"}, "the name of another credential"),
            ({"tenant": "globex"}, "its tenant"),
            ({"tenant": "ACME"}, "its tenant"),
            ({"tenant": ["acme"]}, "its tenant"),
            ({"tenant": ""}, "its tenant"),
            ({"groups": ["nobody"]}, "names no role"),
            ({"groups": None}, "names no role"),
            ({"groups": {"staff": True}}, "names no role"),
        ],
        ids=lambda value: "".join(value) if isinstance(value, dict) else "",
    )
    async def test_is_refused(self, serving: Serving, said: dict[str, Any], why: str) -> None:
        """The caller is told that it is not good, the log why."""
        reason, told = await refusal(serving, RSA.sign(claims(ISSUER, **said)))

        assert "CREDENTIAL_INVALID" == reason
        assert why in told

    async def test_is_refused_for_a_tenant_that_there_is_not(
        self, keys: KeyServer, tmp_path: Path
    ) -> None:
        """An issuer makes no tenants, also one that may speak for every one."""
        async with serving_tokens(tmp_path, an_issuer(keys.url, tenants=["*"])) as serving:
            known = await who(serving, RSA.sign(claims(ISSUER, tenant="globex")))
            reason, why = await refusal(serving, RSA.sign(claims(ISSUER, tenant="initech")))

        assert "globex" == known.tenant_id
        assert ("CREDENTIAL_INVALID", "its tenant is unknown here") == (reason, why)

    async def test_is_refused_with_the_key_of_another_issuer(
        self, keys: KeyServer, tmp_path: Path
    ) -> None:
        """What one issuer signs is not believed of another, and so not of its tenants."""
        theirs = an_rsa_key("theirs")
        with KeyServer().running() as other:
            other.serve(theirs)
            globex = an_issuer(
                other.url, issuer="https://globex.tests/", tenants=["globex"], name_prefix="g:"
            )
            async with serving_tokens(tmp_path, an_issuer(keys.url), globex) as serving:
                own = await who(
                    serving, theirs.sign(claims("https://globex.tests/", tenant="globex"))
                )
                as_acme, _ = await refusal(serving, theirs.sign(claims(ISSUER)))
                for_acme, _ = await refusal(
                    serving, theirs.sign(claims("https://globex.tests/", tenant="acme"))
                )

        assert ("g:alice", "globex") == (own.principal, own.tenant_id)
        assert ("CREDENTIAL_INVALID", "CREDENTIAL_INVALID") == (as_acme, for_acme)


RS256 = in_base64(b'{"alg":"RS256"}')


def deep(levels: int) -> Any:
    """Lists within lists."""
    return json.loads("[" * levels + "]" * levels)


class TestTextThatIsNoToken:
    @pytest.mark.parametrize(
        "text",
        [
            "..",
            "a.b.c",
            "a.b.c.d",
            "eyJhbGciOiJSUzI1NiJ9..",
            by_hand({"alg": "RS256"}, {})[:-1] + "!!",
            by_hand(
                {"alg": "RS256", "kid": "r1"},
                {"iss": ISSUER, "deep": json.loads("[" * 500 + "]" * 500)},
            ),
            "e30." + "W1tb" * 1_500 + ".",
            "fol_x.y.z",
            f"{RS256}.{in_base64(b'[' * 2_500 + b']' * 2_500)}.x",
            in_base64(b"[" * 2_500 + b"]" * 2_500) + "." + in_base64(b"{}") + ".x",
            in_base64(b'{"alg":"RS256"}')
            + "."
            + in_base64(b'{"iss":1' + b"0" * 5_000 + b"}")
            + ".",
            in_base64(b'{"alg":"RS256"}') + "." + in_base64(b'{"iss":"\xff"}') + ".",
            in_base64(b'{"alg":"RS256"}') + "." + in_base64(b'{"iss":"\\ud800"}') + ".",
        ],
        ids=lambda text: text[:12],
    )
    async def test_is_refused(self, serving: Serving, text: str) -> None:
        """Whatever is sent, the answer is the same, and no bug."""
        reason, _ = await refusal(serving, text)

        assert "CREDENTIAL_INVALID" == reason

    async def test_that_is_too_long_is_not_looked_at(self, serving: Serving) -> None:
        """Reading it costs the more the longer it is."""
        token = RSA.sign(claims(ISSUER, filler="x" * MAX_CREDENTIAL_LENGTH))

        reason, why = await refusal(serving, token)

        assert "CREDENTIAL_INVALID" == reason
        assert "longer than" in why


class TestATokenThatHasRunOut:
    async def test_does_not_shut_out_others_however_often_it_is_sent(
        self, serving: Serving
    ) -> None:
        """A client that forgot to renew its token shares its address with those that did."""
        old = RSA.sign(claims(ISSUER, exp=1))
        reasons = set()
        async with client_of(serving, old) as client:
            for _ in range(40):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())
                reasons.add(info_in(refused.value).reason)

        found = await who(serving, RSA.sign(claims(ISSUER)))

        assert {"CREDENTIAL_INVALID", "TOO_MANY_BAD_CREDENTIALS"} == reasons
        assert "alice" == found.principal


class TestTheIssuersKeys:
    async def test_are_not_asked_for_by_each_token_with_an_unknown_one(
        self, serving: Serving, keys: KeyServer
    ) -> None:
        """Whoever sends such tokens must not be able to use us against the issuer."""
        await who(serving, RSA.sign(claims(ISSUER)))
        evil = an_rsa_key("evil")
        async with client_of(serving, None) as client:
            for number in range(100):
                token = evil.sign(claims(ISSUER), kid=f"unknown {number}")
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await client.admin.WhoAmI(
                        admin_service_pb2.WhoAmIRequest(),
                        metadata=(("authorization", f"Bearer {token}"),),
                    )
                assert "CREDENTIAL_INVALID" == info_in(refused.value).reason

        assert keys.asked <= 2

    async def test_are_not_asked_for_by_tokens_of_others(
        self, serving: Serving, keys: KeyServer
    ) -> None:
        """An issuer that is not in the file, or an algorithm that is not, is refused before."""
        await refusal(serving, RSA.sign(claims("https://evil.tests/")))
        await refusal(serving, unsigned(claims(ISSUER)))

        assert 0 == keys.asked

    async def test_are_read_once_for_many_calls_at_once(
        self, serving: Serving, keys: KeyServer
    ) -> None:
        """A restart under load must not become a storm."""
        token = RSA.sign(claims(ISSUER))

        found = await asyncio.gather(*(who(serving, token) for _ in range(20)))

        assert (20, 1) == (len(found), keys.asked)

    async def test_that_cannot_be_had_are_not_the_callers_fault(
        self, serving: Serving, keys: KeyServer
    ) -> None:
        """UNAVAILABLE, so that a good token is sent again and not thrown away."""
        keys.status = 500

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await who(serving, RSA.sign(claims(ISSUER)))

        assert grpc.StatusCode.UNAVAILABLE == refused.value.code()
        assert "OVERLOADED" == info_in(refused.value).reason

    async def test_in_a_file_do_as_well(self, keys: KeyServer, tmp_path: Path) -> None:
        """For an issuer that cannot be reached from here."""
        file = tmp_path / "keys.json"
        file.write_bytes(keys.body)

        async with serving_tokens(tmp_path, an_issuer(str(file))) as serving:
            found = await who(serving, RSA.sign(claims(ISSUER)))

        assert "alice" == found.principal


class TestAStreamOfATokensHolder:
    async def test_ends_with_the_token(self, serving: Serving) -> None:
        """A watcher of an instance, whose token runs out meanwhile."""
        async with client_of(serving, await serving.key()) as admin:
            await activate(admin)
            instance = await start_instance(admin)
        token = RSA.sign(claims(ISSUER, exp=now() + 2))

        async with client_of(serving, token) as watcher:
            watch = watcher.events.WatchInstance(
                event_service_pb2.WatchInstanceRequest(instance_id=instance.instance_id)
            )
            first = await anext(aiter(watch))
            async with asyncio.timeout(WITHIN_S):
                over = await end_of(watch)

        assert first.entry.type
        assert "CREDENTIAL_INVALID" == info_in(over).reason

    async def test_ends_with_it_for_executors_too(self, keys: KeyServer, tmp_path: Path) -> None:
        """A stream both ways is held to the same."""
        issuer = an_issuer(keys.url, platform=True, roles={"workers": "executor"})
        token = RSA.sign(claims(ISSUER, groups=["workers"], exp=now() + 2))

        async with (
            serving_tokens(tmp_path, issuer) as serving,
            client_of(serving, token) as client,
            connected(client) as (call, _),
        ):
            error = await ended(call)

        assert "CREDENTIAL_INVALID" == info_in(error).reason
