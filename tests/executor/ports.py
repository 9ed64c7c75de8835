"""Ports for tests: a clock that stands still until it is moved, and a web of canned answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import SecretStr

from executor.adapters.memory_secrets import MemorySecrets
from executor.adapters.signed_callbacks import SignedCallbacks
from executor.ports import Adapters, Ports
from executor.ports.email import EmailPort, SenderRules
from executor.ports.http import MAX_RESPONSE_BYTES, HttpResponse
from executor.ports.object_storage import ObjectStorage
from shared.callbacks import CallbackKeys
from shared.ids import TenantId
from shared.telemetry.redaction import Redactor
from tests.executor.work import NOON

CALLBACK_KEYS = CallbackKeys(["a key that only the planes of these tests have"])


class StandingClock:
    """The time is what it was set to."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        """The time."""
        return self.at


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request that was sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    within: timedelta
    tenant_id: TenantId
    redirects: int
    max_bytes: int


@dataclass
class CannedWeb:
    """Answers every request with the same, or fails every one alike."""

    answer: HttpResponse | Exception = field(
        default_factory=lambda: HttpResponse(status=200, headers={}, body=b"")
    )
    sent: list[Sent] = field(default_factory=list)

    async def request(
        self,
        tenant_id: TenantId,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        within: timedelta,
        redirects: int = 0,
        max_bytes: int = MAX_RESPONSE_BYTES,
    ) -> HttpResponse:
        """Write the request down and answer it."""
        self.sent.append(
            Sent(
                method=method,
                url=url,
                headers=headers,
                body=body,
                within=within,
                tenant_id=tenant_id,
                redirects=redirects,
                max_bytes=max_bytes,
            )
        )
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def canned(
    answer: HttpResponse | Exception | None = None,
    *,
    clock: StandingClock | None = None,
    web: CannedWeb | None = None,
    secrets: Mapping[str, Mapping[str, str]] | None = None,
    objects: ObjectStorage | None = None,
    email: EmailPort | None = None,
    senders: SenderRules | None = None,
) -> Adapters:
    """Adapters that reach nothing, with secrets by tenant and name."""
    return Adapters(
        clock=clock or StandingClock(),
        http=web or (CannedWeb() if answer is None else CannedWeb(answer)),
        secrets=MemorySecrets(
            {
                tenant_id: {name: SecretStr(value) for name, value in own.items()}
                for tenant_id, own in (secrets or {}).items()
            }
        ),
        callbacks=SignedCallbacks(CALLBACK_KEYS),
        redactor=Redactor(),
        objects=objects,
        email=email,
        senders=senders or SenderRules(),
    )


def canned_ports(
    answer: HttpResponse | Exception | None = None,
    *,
    tenant_id: str = "acme",
    web: CannedWeb | None = None,
    secrets: Mapping[str, Mapping[str, str]] | None = None,
    objects: ObjectStorage | None = None,
) -> Ports:
    """Ports that reach nothing, for a task of the tenant."""
    return canned(answer, web=web, secrets=secrets, objects=objects).of(TenantId(tenant_id))
