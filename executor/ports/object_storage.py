"""
Objects: bytes that are too many for a row, kept beside the database, each tenant's apart.

An object is named by the SHA-256 of its bytes. What refers to one is JSON, so that contexts,
inputs and outputs can hold it:

    {"$object": {"uri": "object://acme/9f86d0…", "sha256": "9f86d0…", "size": 4,
                 "content_type": "text/plain"}}

The `uri` says nothing of where the bytes lie: a storage may be moved, and references stay good.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from shared.errors import FoliotError, InvalidRequest
from shared.ids import TenantId
from shared.json import Json

REFERENCE = "$object"
SCHEME = "object://"
MAX_OBJECT_BYTES = 64 * 1024 * 1024
MAX_CONTENT_TYPE = 200

_TAKES_A_WHILE = 1024 * 1024
_FIELDS = frozenset({"uri", "sha256", "size", "content_type"})
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_TOKEN = r"[A-Za-z0-9!#$&^_.+-]+"  # noqa: S105 - the word of RFC 9110 for what a type is made of
_CONTENT_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(; ?{_TOKEN}={_TOKEN})*")


class ObjectMissing(FoliotError):
    """There is no such object of this tenant; it was never there, or was removed since."""

    reason = "OBJECT_MISSING"


class ObjectCorrupt(FoliotError):
    """What is stored is not what was put: somebody has changed it."""

    reason = "OBJECT_CORRUPT"


class ObjectTooLarge(FoliotError):
    """An object has at most MAX_OBJECT_BYTES, or what its reader can take."""

    reason = "OBJECT_TOO_LARGE"


class ObjectsUnavailable(FoliotError):
    """The storage cannot be reached, or is not as it should be; later it may be."""

    reason = "OBJECTS_UNAVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a storage knows of an object without reading it."""

    size: int
    """In bytes."""
    stored_at: datetime
    """When it was put last, by the storage's clock: rules that remove by age go by it."""


class ObjectStorage(Protocol):
    """
    Where objects are kept. For adapters; handlers are given `Objects`, which checks what is
    written here as known: the tenant has a tenant's name, and `sha256` is 64 digits in lower case.

    Every method raises ObjectsUnavailable when it cannot be told, or not in time, whether it had
    its effect.
    """

    async def put(
        self, tenant_id: TenantId, sha256: str, content: bytes, content_type: str
    ) -> None:
        """
        Keep bytes under their hash: all of them or none, and for good once it returns.

        Idempotent. What is there already is put again, and counts as new from then on: whatever
        removes old objects must not remove one that was just referred to.
        """

    async def get(self, tenant_id: TenantId, sha256: str, max_bytes: int) -> bytes:
        """What is stored. Raises ObjectMissing, and ObjectTooLarge without reading it all."""

    async def stat(self, tenant_id: TenantId, sha256: str) -> Stored:
        """What is known of it. Raises ObjectMissing."""

    async def delete(self, tenant_id: TenantId, sha256: str) -> None:
        """Remove it. Idempotent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    """Which bytes, whose, and of what kind: enough to check what is read."""

    tenant_id: TenantId
    sha256: str
    size: int
    content_type: str

    @property
    def uri(self) -> str:
        return f"{SCHEME}{self.tenant_id}/{self.sha256}"

    def as_json(self) -> dict[str, Json]:
        """The reference, as data holds it."""
        return {
            REFERENCE: {
                "uri": self.uri,
                "sha256": self.sha256,
                "size": self.size,
                "content_type": self.content_type,
            }
        }

    @classmethod
    def read(cls, value: Json) -> Self:
        """The reference that JSON is. Raises InvalidRequest for what is none."""
        inside = value.get(REFERENCE) if isinstance(value, dict) and len(value) == 1 else None
        if not isinstance(inside, dict) or inside.keys() != _FIELDS:
            raise InvalidRequest(
                f'a reference to an object is {{"{REFERENCE}": {{"uri", "sha256", "size",'
                ' "content_type"}}, as the output that brought it has it'
            )
        uri, sha256, size, content_type = (
            inside[name] for name in ("uri", "sha256", "size", "content_type")
        )
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise InvalidRequest("an object's sha256 is 64 hexadecimal digits in lower case")
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MAX_OBJECT_BYTES:
            raise InvalidRequest(f"an object's size is a number of bytes up to {MAX_OBJECT_BYTES}")
        tenant_id = str(uri).removeprefix(SCHEME).removesuffix(f"/{sha256}")
        if not _TENANT.fullmatch(tenant_id) or uri != f"{SCHEME}{tenant_id}/{sha256}":
            raise InvalidRequest(f"an object's uri is {SCHEME}<tenant>/<sha256>")
        return cls(
            tenant_id=TenantId(tenant_id),
            sha256=sha256,
            size=size,
            content_type=checked_content_type(content_type),
        )


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one tenant, which is the only one whose objects can be reached by it."""

    storage: ObjectStorage
    tenant_id: TenantId

    async def put(self, content: bytes | AsyncIterable[bytes], content_type: str) -> ObjectRef:
        """
        Keep bytes, or what comes of a stream, which is gathered first; tells how to refer to them.

        The same bytes make the same reference, however often they are put. Raises InvalidRequest
        for no content type, ObjectTooLarge beyond MAX_OBJECT_BYTES, and ObjectsUnavailable.
        """
        checked_content_type(content_type)
        whole = await _gathered(content)
        ref = ObjectRef(
            tenant_id=self._own(self.tenant_id),
            sha256=await _sha256(whole),
            size=len(whole),
            content_type=content_type,
        )
        await self.storage.put(self.tenant_id, ref.sha256, whole, content_type)
        return ref

    async def get(self, ref: ObjectRef, *, max_bytes: int = MAX_OBJECT_BYTES) -> bytes:
        """
        The bytes, which are those that were put, or none.

        Raises ObjectMissing for what is not there or another tenant's, ObjectTooLarge for more
        than `max_bytes`, ObjectCorrupt for what was changed, and ObjectsUnavailable.
        """
        self._own(ref.tenant_id)
        if ref.size > max_bytes:
            raise _too_large(max_bytes)
        try:
            content = await self.storage.get(self.tenant_id, ref.sha256, ref.size)
        except ObjectTooLarge:
            raise _corrupt(ref) from None
        if len(content) != ref.size or await _sha256(content) != ref.sha256:
            raise _corrupt(ref)
        return content

    async def stat(self, ref: ObjectRef) -> Stored:
        """What is known of it unread. Raises ObjectMissing and ObjectsUnavailable."""
        self._own(ref.tenant_id)
        return await self.storage.stat(self.tenant_id, ref.sha256)

    async def delete(self, ref: ObjectRef) -> None:
        """Remove it, for all who refer to it. Raises ObjectMissing for another tenant's, only."""
        self._own(ref.tenant_id)
        await self.storage.delete(self.tenant_id, ref.sha256)

    def _own(self, tenant_id: TenantId) -> TenantId:
        if tenant_id != self.tenant_id or not _TENANT.fullmatch(tenant_id):
            # As for one that never was: nobody learns what others have.
            raise ObjectMissing("there is no such object of this tenant")
        return tenant_id


def is_reference(value: Json) -> bool:
    """Whether JSON wants to be a reference to an object; `ObjectRef.read` says whether it is."""
    return isinstance(value, dict) and len(value) == 1 and REFERENCE in value


def checked_content_type(value: Json) -> str:
    """A media type that can stand in a header. Raises InvalidRequest."""
    if (
        not isinstance(value, str)
        or len(value) > MAX_CONTENT_TYPE
        or not _CONTENT_TYPE.fullmatch(value)
    ):
        raise InvalidRequest(
            "a content type is text as 'application/pdf' or 'text/plain; charset=utf-8',"
            f" {MAX_CONTENT_TYPE} characters at most"
        )
    return value


def fit_content_type(value: str) -> str:
    """What somebody else says of a kind; `application/octet-stream` for what is none."""
    try:
        return checked_content_type(value)
    except InvalidRequest:
        return "application/octet-stream"


async def _gathered(content: bytes | AsyncIterable[bytes]) -> bytes:
    if isinstance(content, bytes):
        whole = content
    else:
        parts = bytearray()
        async for part in content:
            parts += part
            if len(parts) > MAX_OBJECT_BYTES:
                break
        whole = bytes(parts)
    if len(whole) > MAX_OBJECT_BYTES:
        raise _too_large(MAX_OBJECT_BYTES)
    return whole


async def _sha256(content: bytes) -> str:
    """In a thread where it takes a while: a megabyte is a few milliseconds."""
    if len(content) < _TAKES_A_WHILE:
        return hashlib.sha256(content).hexdigest()
    return (await asyncio.to_thread(hashlib.sha256, content)).hexdigest()


def _too_large(maximum: int) -> ObjectTooLarge:
    return ObjectTooLarge(f"the object has more than the {maximum} bytes that are taken here")


def _corrupt(ref: ObjectRef) -> ObjectCorrupt:
    return ObjectCorrupt(
        f"the object {ref.uri} is not what was put there; an operator should look who else writes"
        " to the storage"
    )
