"""An issuer's keys: which are taken, when they are read again, and from where."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm
from structlog.testing import capture_logs

from control_plane.access.token_keys import (
    FRESH_S,
    REFETCH_EVERY_S,
    RETRY_EVERY_S,
    STALE_S,
    TokenKeys,
    keys_in,
)
from control_plane.adapters import key_sources
from control_plane.adapters.key_sources import FileKeySource, HttpKeySource
from control_plane.ports.key_source import MAX_KEY_SET_BYTES
from shared.errors import FoliotError, Overloaded, Unavailable
from shared.telemetry.names import LogEvent
from tests.executor.eventually import eventually
from tests.security.authority import Authority
from tests.security.issuing import KeyServer, SigningKey, an_ec_key, an_ed_key, an_rsa_key

R1 = an_rsa_key()
R2 = an_rsa_key("r2")


def a_set(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(entries)}).encode()


class Source:
    """Has keys, or an error; counts how often it is read."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = keys
        self.error: FoliotError | None = None
        self.reads = 0

    async def read(self) -> bytes:
        """What it has."""
        self.reads += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return a_set(*(key.public() for key in self.keys))


class Kept:
    """Keys of a source, and a clock that the test moves."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.now = 0.0
        self.keys = TokenKeys("https://id.tests/", source, seconds=lambda: self.now)

    async def has(self, kid: str) -> bool:
        """Whether the key is found for RS256."""
        return await self.keys.find(kid, "RS256") is not None


class TestAKeySet:
    def test_gives_the_keys_that_check_signatures(self) -> None:
        """Each with the algorithms that its kind allows, and no others."""
        found = keys_in(a_set(R1.public(), an_ec_key().public(), an_ed_key().public()))

        assert [
            ("r1", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
            ("e1", {"ES256"}),
            ("d1", {"EdDSA"}),
        ] == [(one.kid, set(one.algorithms)) for one in found]

    def test_may_say_the_one_algorithm_of_a_key(self) -> None:
        """Then it is for no other."""
        (found,) = keys_in(a_set(R1.public(alg="RS512")))

        assert {"RS512"} == found.algorithms

    @pytest.mark.parametrize(
        "entry",
        [
            {"kty": "oct", "k": "c2VjcmV0", "kid": "r1"},
            {**R1.public(), "use": "enc"},
            R1.public(key_ops=["encrypt"]),
            R1.public(alg="HS256"),
            R1.public(alg="none"),
            R1.public(kid=7),
            {**R1.public(), "n": "!"},
            {**R1.public(), "n": None},
            {**R1.public(), "e": "AQ"},
            {**an_ec_key().public(), "crv": "secp256k1"},
            {**an_ec_key().public(), "x": "AA"},
            an_rsa_key("short", 1024).public(),
            SigningKey("k", "ES256", ec.generate_private_key(ec.SECP256K1())).public(),
            {},
        ],
        ids=lambda entry: f"{entry.get('kty')}",
    )
    def test_leaves_out_what_is_not_for_that(self, entry: dict[str, Any]) -> None:
        """A shared secret, a short key, a key for something else; the others are good on."""
        found = keys_in(a_set(entry, R2.public()))

        assert ["r2"] == [one.kid for one in found]

    def test_gives_only_the_public_half(self) -> None:
        """Some issuers show too much."""
        assert isinstance(R1.private, RSAPrivateKey)
        private = RSAAlgorithm.to_jwk(R1.private, as_dict=True)
        del private["key_ops"]

        (found,) = keys_in(a_set({**private, "kid": "r1"}))

        assert "RSAPublicKey" in type(found.key).__name__

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"<html>",
            b"[]",
            b'{"keys": {}}',
            b'{"keys": [' + b"{}," * 200 + b"{}]}",
            b"[" * 5_000,
        ],
        ids=lambda text: text[:12].decode(),
    )
    def test_that_is_none_says_so(self, text: bytes) -> None:
        """What was known before is kept then."""
        with pytest.raises(Unavailable):
            keys_in(text)


class TestKeysThatAreKept:
    async def test_are_read_once_while_they_are_fresh(self) -> None:
        """A call costs the issuer nothing."""
        kept = Kept(Source(R1))

        found = [await kept.has("r1") for _ in range(3)]

        assert ([True] * 3, 1) == (found, kept.source.reads)

    async def test_are_read_again_by_the_side_when_they_are_not(self) -> None:
        """Nobody waits for it; and what the issuer took back is good no longer."""
        kept = Kept(Source(R1, R2))
        await kept.has("r1")
        kept.source.keys = (R2,)
        kept.now = FRESH_S + 1

        meanwhile = await kept.has("r1")
        await eventually(lambda: kept.source.reads == 2 and kept.keys._reading is None)
        afterwards = await kept.has("r1")

        assert (True, False) == (meanwhile, afterwards)

    async def test_are_read_again_for_a_key_that_is_unknown(self) -> None:
        """A rotation is noticed by the first token of the new key."""
        kept = Kept(Source(R1))
        await kept.has("r1")
        kept.source.keys = (R1, R2)
        kept.now = REFETCH_EVERY_S

        found = await kept.has("r2")

        assert (True, 2) == (found, kept.source.reads)

    async def test_are_read_for_unknown_ones_no_more_than_now_and_then(self) -> None:
        """A thousand tokens with keys that were made up cost one reading in ten seconds."""
        kept = Kept(Source(R1))
        await kept.has("r1")
        for number in range(1_000):
            kept.now += 0.03
            await kept.has(f"made up {number}")

        assert 1 + 1_000 * 0.03 / REFETCH_EVERY_S >= kept.source.reads

    async def test_are_used_on_for_an_hour_if_the_issuer_is_away(self) -> None:
        """Its outage is not ours; and not for ever, as a key may have been taken back."""
        kept = Kept(Source(R1))
        await kept.has("r1")
        kept.source.error = Unavailable("away")
        kept.now = STALE_S - 1
        with capture_logs() as logs:
            within = await kept.has("r1")
            await eventually(lambda: kept.keys._reading is None)
        kept.now = STALE_S + 1

        with pytest.raises(Overloaded):
            await kept.has("r1")
        assert within
        assert [LogEvent.ISSUER_UNAVAILABLE] == [one["event"] for one in logs]

    async def test_are_asked_for_again_soon_while_there_are_none(self) -> None:
        """A server that starts before its issuer serves a second after it."""
        kept = Kept(Source(R1))
        kept.source.error = Unavailable("away")
        for _ in range(5):
            with pytest.raises(Overloaded):
                await kept.has("r1")
        asked_at_once = kept.source.reads
        kept.source.error = None
        kept.now = RETRY_EVERY_S

        found = await kept.has("r1")

        assert (1, True) == (asked_at_once, found)

    async def test_are_not_lost_by_a_caller_that_gives_up(self) -> None:
        """The others wait for the same reading."""
        kept = Kept(Source(R1))
        impatient = asyncio.create_task(kept.has("r1"))
        patient = asyncio.create_task(kept.has("r1"))
        await asyncio.sleep(0)
        impatient.cancel()

        assert await patient

    async def test_need_no_id_if_there_is_one_for_the_algorithm(self) -> None:
        """With two it would be a guess."""
        one, two = Kept(Source(R1, an_ec_key())), Kept(Source(R1, R2))

        found = await one.keys.find(None, "RS256"), await two.keys.find(None, "RS256")

        assert found[0] is not None
        assert found[1] is None


class TestKeysOverHttp:
    async def test_are_what_the_server_says(self) -> None:
        """The URL is asked as it is."""
        with KeyServer().running() as server:
            server.serve(R1)
            found = await HttpKeySource(server.url).read()

        assert (server.body, ["/jwks.json"]) == (found, server.paths)

    @pytest.mark.parametrize(
        ("status", "headers", "body", "says"),
        [
            (404, {}, b"{}", "answers 404"),
            (302, {"Location": "http://127.0.0.1:1/"}, b"", "answers 302"),
            (200, {"Content-Encoding": "gzip"}, b"", "compressed"),
            (200, {}, b"x" * (MAX_KEY_SET_BYTES + 1), "more than"),
        ],
        ids=["status", "redirect", "compressed", "too large"],
    )
    async def test_are_not_taken_from_an_answer_that_might_harm(
        self, status: int, headers: dict[str, str], body: bytes, says: str
    ) -> None:
        """No redirect is followed, nothing is unpacked, and no more is read than keys need."""
        with KeyServer().running() as server:
            server.status, server.headers, server.body = status, headers, body
            with pytest.raises(Unavailable, match=says):
                await HttpKeySource(server.url).read()

        assert 1 == server.asked

    async def test_are_not_waited_for_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Calls wait for them."""
        monkeypatch.setattr(key_sources, "WITHIN_S", 0.1)
        with KeyServer().running() as server:
            server.holds_back.clear()
            with pytest.raises(Unavailable, match="within"):
                await HttpKeySource(server.url).read()

    async def test_of_nobody_are_unavailable(self) -> None:
        """In our words, without those of a library."""
        with KeyServer().running() as server:
            url = server.url

        with pytest.raises(Unavailable, match="cannot be read"):
            await HttpKeySource(url).read()

    async def test_come_from_whom_an_authority_knows(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        """Over https the server is known by its certificate, of one's own authority as well."""
        files = authority.server()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.cert, files.key)
        server = KeyServer()
        server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
        url = server.url.replace("http://", "https://")
        with server.running():
            server.serve(R1)
            found = await HttpKeySource(url, str(authority.file)).read()
            with pytest.raises(Unavailable):
                await HttpKeySource(url).read()

        assert server.body == found

    async def test_do_not_come_through_a_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable of the environment does not decide whom we believe."""
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        with KeyServer().running() as server:
            server.serve(R1)
            found = await HttpKeySource(server.url).read()

        assert server.body == found


class TestKeysInAFile:
    async def test_are_read_as_they_are(self, tmp_path: Path) -> None:
        """Whatever wrote them."""
        file = tmp_path / "keys.json"
        file.write_bytes(a_set(R1.public()))

        assert file.read_bytes() == await FileKeySource(str(file)).read()

    @pytest.mark.parametrize("size", [None, MAX_KEY_SET_BYTES + 1], ids=["none", "too large"])
    async def test_that_would_not_do_are_unavailable(
        self, tmp_path: Path, size: int | None
    ) -> None:
        """As those of a URL."""
        file = tmp_path / "keys.json"
        if size is not None:
            file.write_bytes(bytes(size))

        with pytest.raises(Unavailable):
            await FileKeySource(str(file)).read()
