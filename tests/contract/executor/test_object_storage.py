"""What every storage of objects promises, kept in memory, in files and in S3."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import obstore
import pytest
from obstore.store import S3Store

from executor.adapters.file_objects import FileObjects
from executor.adapters.memory_objects import MemoryObjects
from executor.adapters.s3_objects import S3Objects
from executor.ports.object_storage import (
    MAX_OBJECT_BYTES,
    ObjectCorrupt,
    ObjectMissing,
    ObjectRef,
    Objects,
    ObjectStorage,
    ObjectTooLarge,
)
from shared.errors import InvalidRequest
from shared.ids import TenantId
from tests.executor.s3_server import CREDENTIAL, S3Server, s3_server

ACME, GLOBEX = TenantId("acme"), TenantId("globex")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A storage, and a way to change behind its back what it holds under a key's end."""

    storage: ObjectStorage
    overwrite: Callable[[ObjectRef, bytes], None]

    def of(self, tenant_id: TenantId = ACME) -> Objects:
        return Objects(self.storage, tenant_id)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[S3Server, str]]:
    """A server and a bucket for all tests here."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server, server.make_bucket()


def in_memory(request: pytest.FixtureRequest) -> Subject:
    """Gone with the process."""
    storage = MemoryObjects()

    def overwrite(ref: ObjectRef, content: bytes) -> None:
        _, kind, at = storage.kept[ref.tenant_id, ref.sha256]
        storage.kept[ref.tenant_id, ref.sha256] = (content, kind, at)

    return Subject(storage=storage, overwrite=overwrite)


def in_files(request: pytest.FixtureRequest) -> Subject:
    """In a folder."""
    folder: Path = request.getfixturevalue("tmp_path") / "objects"

    def overwrite(ref: ObjectRef, content: bytes) -> None:
        (folder / ref.tenant_id / ref.sha256[:2] / ref.sha256).write_bytes(content)

    return Subject(storage=FileObjects(str(folder)), overwrite=overwrite)


def in_s3(request: pytest.FixtureRequest) -> Subject:
    """In a bucket of a server, with a prefix of its own."""
    server, bucket = request.getfixturevalue("s3")
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    for name, value in CREDENTIAL.items():
        monkeypatch.setenv(name, value)
    prefix = f"objects/{uuid4()}"
    direct = S3Store(
        bucket,
        prefix=prefix,
        endpoint=server.endpoint,
        region="us-east-1",
        client_options={"allow_http": True},
    )

    def overwrite(ref: ObjectRef, content: bytes) -> None:
        obstore.put(direct, f"{ref.tenant_id}/{ref.sha256[:2]}/{ref.sha256}", content)

    url = server.url(bucket, prefix)
    return Subject(storage=S3Objects(url, allow_plaintext=False), overwrite=overwrite)


@pytest.fixture(params=[in_memory, in_files, in_s3])
def subject(request: pytest.FixtureRequest) -> Subject:
    """Each storage in turn, empty."""
    made: Subject = request.param(request)
    return made


class TestAnObject:
    @pytest.mark.parametrize(
        "content", [b"hello", b"", bytes(range(256)) * 5_000], ids=["text", "nothing", "bytes"]
    )
    async def test_comes_back_as_it_was_put(self, subject: Subject, content: bytes) -> None:
        """Whatever the bytes are, also none."""
        ref = await subject.of().put(content, "application/octet-stream")

        assert content == await subject.of().get(ref)

    async def test_is_told_by_a_reference_that_says_what_it_is(self, subject: Subject) -> None:
        """So that whoever reads the reference knows without reading the object."""
        sha256 = hashlib.sha256(b"hello").hexdigest()

        ref = await subject.of().put(b"hello", "text/plain; charset=utf-8")

        assert {
            "$object": {
                "uri": f"object://acme/{sha256}",
                "sha256": sha256,
                "size": 5,
                "content_type": "text/plain; charset=utf-8",
            }
        } == ref.as_json()
        assert ref == ObjectRef.read(ref.as_json())

    async def test_may_come_as_a_stream(self, subject: Subject) -> None:
        """What another service sends need not be gathered by whoever passes it on."""

        async def parts() -> AsyncIterator[bytes]:
            for part in (b"one ", b"", b"two"):
                yield part

        ref = await subject.of().put(parts(), "text/plain")

        assert (7, b"one two") == (ref.size, await subject.of().get(ref))

    async def test_is_one_however_often_it_is_put(self, subject: Subject) -> None:
        """A repeated attempt leaves nothing behind."""
        refs = [await subject.of().put(b"same", "text/plain") for _ in range(2)]

        assert refs[0] == refs[1]
        await subject.of().delete(refs[0])
        with pytest.raises(ObjectMissing):
            await subject.of().get(refs[1])

    async def test_is_new_again_when_it_is_put_again(self, subject: Subject) -> None:
        """A rule that removes by age must not remove what was just referred to."""
        ref = await subject.of().put(b"old", "text/plain")
        first = await subject.of().stat(ref)
        subject.overwrite(ref, b"bad")

        await subject.of().put(b"old", "text/plain")

        again = await subject.of().stat(ref)
        assert first.stored_at <= again.stored_at
        assert (3, b"old") == (again.size, await subject.of().get(ref))

    async def test_is_gone_once_it_is_deleted(self, subject: Subject) -> None:
        """And may be deleted again."""
        ref = await subject.of().put(b"gone", "text/plain")
        for _ in range(2):
            await subject.of().delete(ref)

        with pytest.raises(ObjectMissing):
            await subject.of().get(ref)
        with pytest.raises(ObjectMissing):
            await subject.of().stat(ref)

    async def test_too_large_for_its_reader_is_not_read(self, subject: Subject) -> None:
        """A mail has less room than a storage."""
        ref = await subject.of().put(b"12345", "text/plain")

        with pytest.raises(ObjectTooLarge):
            await subject.of().get(ref, max_bytes=4)
        assert b"12345" == await subject.of().get(ref, max_bytes=5)


class TestAnObjectThatWasChanged:
    @pytest.mark.parametrize("instead", [b"jello", b"hell", b"hello!", b""])
    async def test_is_not_given_out(self, subject: Subject, instead: bytes) -> None:
        """What is read is what was put, or nothing, whoever else can write to the storage."""
        ref = await subject.of().put(b"hello", "text/plain")
        subject.overwrite(ref, instead)

        with pytest.raises(ObjectCorrupt):
            await subject.of().get(ref)


class TestAnotherTenant:
    async def test_has_objects_of_its_own_even_if_they_are_equal(self, subject: Subject) -> None:
        """One that deletes its own must not delete the other's."""
        ours = await subject.of(ACME).put(b"same", "text/plain")
        theirs = await subject.of(GLOBEX).put(b"same", "text/plain")

        await subject.of(GLOBEX).delete(theirs)

        assert b"same" == await subject.of(ACME).get(ours)

    @pytest.mark.parametrize("asked", ["get", "stat", "delete"])
    async def test_cannot_reach_ours_by_our_reference(self, subject: Subject, asked: str) -> None:
        """References travel in data, which anybody may send; they open nothing."""
        ours = await subject.of(ACME).put(b"ours", "text/plain")

        with pytest.raises(ObjectMissing) as refused:
            await getattr(subject.of(GLOBEX), asked)(ours)
        assert "acme" not in refused.value.message
        assert b"ours" == await subject.of(ACME).get(ours)

    async def test_learns_nothing_by_making_our_reference_its_own(self, subject: Subject) -> None:
        """A hash that somebody guessed is no key."""
        ours = await subject.of(ACME).put(b"ours", "text/plain")
        made = ObjectRef(tenant_id=GLOBEX, sha256=ours.sha256, size=4, content_type="text/plain")

        with pytest.raises(ObjectMissing):
            await subject.of(GLOBEX).get(made)


class TestATenantsName:
    async def test_leads_nowhere_if_no_tenant_can_have_it(self, subject: Subject) -> None:
        """Nothing is written outside of where tenants' objects are."""
        for name in ("..", "../acme", "a/b", "", "A", "a" * 64, "a\0", ".hidden"):
            with pytest.raises(ObjectMissing):
                await subject.of(TenantId(name)).put(b"x", "text/plain")


class TestAnObjectOfTooManyBytes:
    async def test_is_refused_before_it_is_kept(self) -> None:
        """A stream without end ends where the limit is."""
        read = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal read
            while True:
                read += 1
                yield bytes(1024 * 1024)

        storage = MemoryObjects()
        with pytest.raises(ObjectTooLarge):
            await Objects(storage, ACME).put(endless(), "text/plain")
        assert (MAX_OBJECT_BYTES // (1024 * 1024) + 1, {}) == (read, storage.kept)


GOOD: dict[str, Any] = {
    "uri": f"object://acme/{'a' * 64}",
    "sha256": "a" * 64,
    "size": 1,
    "content_type": "text/plain",
}


class TestAReference:
    @pytest.mark.parametrize(
        "change",
        [
            {"uri": "file:///etc/passwd"},
            {"uri": f"object://acme/../globex/{'a' * 64}"},
            {"uri": f"object://acme/{'b' * 64}"},
            {"uri": f"object://../{'a' * 64}"},
            {"uri": f"s3://bucket/acme/{'a' * 64}"},
            {"uri": 5},
            {"sha256": "A" * 64},
            {"sha256": "../../etc/passwd"},
            {"sha256": "a" * 63},
            {"sha256": None},
            {"size": -1},
            {"size": True},
            {"size": MAX_OBJECT_BYTES + 1},
            {"size": "1"},
            {"content_type": "text/plain\r\nBcc: x@example.com"},
            {"content_type": "text"},
            {"content_type": "text/plain\n"},
            {"content_type": None},
            {"more": 1},
        ],
        ids=str,
    )
    def test_that_says_anything_else_is_refused(self, change: dict[str, Any]) -> None:
        """It is data, which anybody may have written."""
        assert "acme" == ObjectRef.read({"$object": GOOD}).tenant_id

        with pytest.raises(InvalidRequest):
            ObjectRef.read({"$object": {**GOOD, **change}})

    @pytest.mark.parametrize("value", [None, "x", {}, {"$object": GOOD, "more": 1}, [GOOD], GOOD])
    def test_is_nothing_else(self, value: Any) -> None:
        """An object with one field, and that one whole."""
        with pytest.raises(InvalidRequest):
            ObjectRef.read(value)
