"""Objects in S3: what is configured wrong, and what a service says no to."""

import hashlib
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from executor.adapters.file_objects import FileObjects
from executor.adapters.s3_objects import S3Objects
from executor.bootstrap.objects import objects_of
from executor.ports.object_storage import ObjectsUnavailable
from shared.errors import InvalidRequest
from shared.ids import TenantId
from shared.settings import Settings
from tests.executor.listening_socket import silent_port
from tests.executor.s3_server import CREDENTIAL, S3Server, s3_server

ACME = TenantId("acme")
SHA256 = hashlib.sha256(b"hello").hexdigest()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server for all tests here."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(autouse=True)
def _credential(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIAL.items():
        monkeypatch.setenv(name, value)


async def put(storage: S3Objects) -> str:
    """What is said where an object cannot be put."""
    with pytest.raises(ObjectsUnavailable) as failed:
        await storage.put(ACME, SHA256, b"hello", "text/plain")
    return failed.value.message


class TestAnAccount:
    async def test_needs_no_more_than_its_prefix(
        self, s3: S3Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Putting, getting and deleting there; each request is signed, and the server checks it."""
        bucket = s3.make_bucket()
        for name, value in s3.let_in("foliot", f"{bucket}/own/*").items():
            monkeypatch.setenv(name, value)
        own, other = (S3Objects(s3.url(bucket, at), allow_plaintext=False) for at in ("own", "x"))
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "somebody else's")
        forged = S3Objects(s3.url(bucket, "own"), allow_plaintext=False)
        with s3.checking():
            refused = [await put(other), await put(forged)]
            await own.put(ACME, SHA256, b"hello", "text/plain")
            found = (await own.get(ACME, SHA256, 5), (await own.stat(ACME, SHA256)).size)
            await own.delete(ACME, SHA256)

        assert (b"hello", 5) == found
        assert ["AWS_ACCESS_KEY_ID" in said for said in refused] == [True, True]


class TestAStorage:
    async def test_without_its_bucket_says_so(self, s3: S3Server) -> None:
        """An operator has to make it; tasks are tried again meanwhile."""
        storage = S3Objects(s3.url("nowhere"), allow_plaintext=False)

        assert "the bucket of FOLIOT_OBJECTS_URL is not there" in await put(storage)

    async def test_that_does_not_know_us_is_tried_again(self, s3: S3Server) -> None:
        """A credential is renewed by somebody; no text of the service's leaves here."""
        storage = S3Objects(s3.url(s3.make_bucket()), allow_plaintext=False)
        with s3.checking():
            said = await put(storage)

        assert "AWS_ACCESS_KEY_ID" in said
        assert "InvalidAccessKeyId" not in said

    async def test_that_says_nothing_is_not_waited_for_without_end(self) -> None:
        """A connection that is taken and never answered holds up no attempt for good."""
        with silent_port() as port:
            url = f"s3://bucket?region=us-east-1&endpoint=http://127.0.0.1:{port}"
            within = timedelta(seconds=0.2)

            assert "no answer within 0.2 s" in await put(
                S3Objects(url, allow_plaintext=False, within=within)
            )

    async def test_that_is_not_there_is_tried_again(self) -> None:
        """As any outage."""
        with silent_port() as port:
            pass
        url = f"s3://bucket?region=us-east-1&endpoint=http://127.0.0.1:{port}"
        storage = S3Objects(url, allow_plaintext=False, within=timedelta(seconds=0.5))

        assert "FOLIOT_OBJECTS_URL" in await put(storage)


class TestTheSetting:
    @pytest.mark.parametrize(
        ("url", "told"),
        [
            ("ftp://example.com/", "begins with file:/// or s3://"),
            ("/var/objects", "begins with file:/// or s3://"),
            ("file://elsewhere/objects", "begins with file:/// or s3://"),
            ("s3:///prefix", "is not as s3://"),
            ("s3://bucket?regoin=x", "is not as s3://"),
            ("s3://key:secret@bucket/", "AWS_ACCESS_KEY_ID"),
            ("s3://bucket?endpoint=http://10.0.0.1:9000", "FOLIOT_ALLOW_PLAINTEXT"),
            ("s3://bucket?endpoint=ftp://example.com", "FOLIOT_ALLOW_PLAINTEXT"),
        ],
    )
    def test_that_cannot_work_is_an_error_at_the_start(self, url: str, told: str) -> None:
        """With what to write instead."""
        with pytest.raises(InvalidRequest) as refused:
            objects_of(Settings(objects_url=url))
        assert told in refused.value.message

    def test_needs_the_extra_that_brings_the_client(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Told by its name, not by the name of a module."""
        monkeypatch.setitem(sys.modules, "executor.adapters.s3_objects", None)

        with pytest.raises(InvalidRequest) as refused:
            objects_of(Settings(objects_url="s3://bucket"))
        assert "foliot[s3]" in refused.value.message

    def test_says_where_objects_are(self, tmp_path: Path) -> None:
        """Not set is nowhere."""
        kinds = [
            objects_of(Settings(objects_url=url))
            for url in (f"{tmp_path.as_uri()}/with%20space", "s3://bucket/prefix?region=eu-north-1")
        ]

        assert [FileObjects, S3Objects] == [type(kind) for kind in kinds]
        assert (tmp_path / "with space").is_dir()
        assert objects_of(Settings()) is None
