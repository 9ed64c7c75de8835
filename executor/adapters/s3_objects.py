"""
Objects in S3, or in what speaks like it, by obstore. All are in one bucket, each as
`<prefix>/<tenant>/<first two digits>/<sha256>`.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, urlsplit

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from executor.ports.object_storage import (
    ObjectMissing,
    ObjectsUnavailable,
    ObjectTooLarge,
    Stored,
)
from shared.errors import InvalidRequest
from shared.ids import TenantId
from shared.tls import is_local

if TYPE_CHECKING:
    from obstore.store import S3Config

WITHIN = timedelta(seconds=60)
"""How long one call may take, all its tries together."""

MAX_RETRIES = 4
CONNECT_WITHIN = timedelta(seconds=5)

Answer = TypeVar("Answer")


class S3Objects:
    """
    Who it is to S3 is found as the tools of AWS find it: AWS_ACCESS_KEY_ID and its siblings, a web
    identity, or the role of the machine.
    """

    def __init__(self, url: str, *, allow_plaintext: bool, within: timedelta = WITHIN) -> None:
        """
        `s3://<bucket>/<prefix>?region=…&endpoint=…`; an endpoint is a service's that is not AWS.

        Raises InvalidRequest for what cannot be used.
        """
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        endpoint = options.pop("endpoint", None)
        # One object a request: not every service knows the other way, nor what it takes to be let.
        config: S3Config = {"disable_bulk_delete": True}
        if "region" in options:
            config["region"] = options.pop("region")
        if endpoint is not None:
            config["endpoint"] = endpoint
        if parts.username is not None or parts.password is not None:
            raise _unusable("holds a credential; give it by AWS_ACCESS_KEY_ID and its siblings")
        if not parts.hostname or options or parts.fragment:
            raise _unusable("is not as s3://<bucket>/<prefix>?region=<region>&endpoint=<url>")
        is_plain = endpoint is not None and urlsplit(endpoint).scheme != "https"
        if is_plain and not allow_plaintext and not is_local(f"{_host_of(endpoint)}:0"):
            raise _unusable(
                "has an endpoint without https://; FOLIOT_ALLOW_PLAINTEXT=true lets objects"
                " travel in the open"
            )
        self._within = within
        self._prefix = parts.path.strip("/")
        self._store = S3Store(
            parts.hostname,
            config=config,
            client_options={
                "allow_http": is_plain,
                "connect_timeout": min(CONNECT_WITHIN, within),
                "timeout": within,
            },
            retry_config={"max_retries": MAX_RETRIES, "retry_timeout": within},
        )

    async def put(
        self, tenant_id: TenantId, sha256: str, content: bytes, content_type: str
    ) -> None:
        await self._asked(
            self._store.put_async(
                self._key(tenant_id, sha256),
                content,
                attributes={"Content-Type": content_type},
                use_multipart=False,
            ),
            missing="the bucket",
        )

    async def get(self, tenant_id: TenantId, sha256: str, max_bytes: int) -> bytes:
        async def read() -> bytes:
            found = await self._store.get_async(self._key(tenant_id, sha256))
            if found.meta["size"] > max_bytes:
                raise ObjectTooLarge(f"the object has more than {max_bytes} bytes")
            return bytes(await found.bytes_async())

        return await self._asked(read())

    async def stat(self, tenant_id: TenantId, sha256: str) -> Stored:
        found = await self._asked(self._store.head_async(self._key(tenant_id, sha256)))
        return Stored(size=found["size"], stored_at=found["last_modified"])

    async def delete(self, tenant_id: TenantId, sha256: str) -> None:
        with suppress(ObjectMissing):
            await self._asked(self._store.delete_async(self._key(tenant_id, sha256)))

    def _key(self, tenant_id: TenantId, sha256: str) -> str:
        own = f"{tenant_id}/{sha256[:2]}/{sha256}"
        return f"{self._prefix}/{own}" if self._prefix else own

    async def _asked(self, call: Awaitable[Answer], *, missing: str = "") -> Answer:
        """What a call answers. `missing` is what is not there if S3 says that something is not."""
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                return await call
        except FileNotFoundError:
            if not missing:
                raise ObjectMissing("there is no such object of this tenant") from None
            raise ObjectsUnavailable(
                f"{missing} of FOLIOT_OBJECTS_URL is not there; make it, or name another"
            ) from None
        except TimeoutError:
            within_s = self._within.total_seconds()
            raise ObjectsUnavailable(
                f"the storage of FOLIOT_OBJECTS_URL gave no answer within {within_s:g} s"
            ) from None
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise ObjectsUnavailable(
                "the storage of FOLIOT_OBJECTS_URL refuses us; look at AWS_ACCESS_KEY_ID and its"
                " siblings, and at what they are allowed there"
            ) from error
        except BaseError as error:
            raise ObjectsUnavailable(
                "the storage of FOLIOT_OBJECTS_URL fails, or cannot be reached; the log of the"
                " service may say why"
            ) from error


def _host_of(url: str | None) -> str:
    return urlsplit(url or "").hostname or ""


def _unusable(why: str) -> InvalidRequest:
    return InvalidRequest(f"FOLIOT_OBJECTS_URL {why}", field="objects_url")
