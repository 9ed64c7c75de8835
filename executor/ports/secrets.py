"""
Secrets: what a task needs and no definition, context or history may hold.

A definition names one by `{"$secret": "<name>"}`; its value is looked up at the moment of the
call, by whoever makes the call, and goes nowhere else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.errors import FoliotError
from shared.ids import TenantId
from shared.json import Json
from shared.telemetry.redaction import MIN_HIDDEN, Redactor

REFERENCE = "$secret"
MAX_SECRET_NAME = 128
MAX_SECRET_BYTES = 64 * 1024
"""How long a value may be, in UTF-8."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class SecretMissing(FoliotError):
    """There is no such secret, or it is of no use; trying again does not help."""

    reason = "SECRET_MISSING"


class SecretsUnavailable(FoliotError):
    """Secrets cannot be looked up now; later they may."""

    reason = "SECRETS_UNAVAILABLE"


class SecretPort(Protocol):
    """Where secrets are kept, each tenant's apart. For adapters; handlers are given `Secrets`."""

    async def resolve(self, tenant_id: TenantId, name: str) -> str:
        """
        The value that the tenant's secret has now. `name` has been checked by `is_secret_name`.

        Raises SecretMissing if the tenant has none of the name, whoever else may, and
        SecretsUnavailable if that cannot be told. Neither says a value.
        """


@dataclass(frozen=True, slots=True)
class Secrets:
    """
    The secrets of one tenant, which is the only one that can be asked for by it. What it gives
    out is kept out of logs and of everything that attempts of the tenant report.
    """

    port: SecretPort
    tenant_id: TenantId
    redactor: Redactor

    async def resolve(self, name: str) -> str:
        """The value of a secret. Raises SecretMissing or SecretsUnavailable."""
        if not is_secret_name(name):
            raise SecretMissing(
                f"{name[:MAX_SECRET_NAME]!r} is no name of a secret; it has letters, digits and"
                f" ._- and begins with one of the former, {MAX_SECRET_NAME} at most"
            )
        value = await self.port.resolve(self.tenant_id, name)
        try:
            self.hide(value)
        except ValueError:
            raise SecretMissing(
                f"the secret {name!r} has fewer than {MIN_HIDDEN} characters, which cannot be kept"
                " out of what people read; choose a longer one"
            ) from None
        return value

    async def text(self, value: Json) -> str | None:
        """
        The text that a value is or refers to: a text, a reference, or a list of both, joined.

        None for what is nothing of this kind. Raises SecretMissing or SecretsUnavailable.
        """
        name = referred(value)
        if name is not None:
            return await self.resolve(name)
        if not isinstance(value, list):
            return value if isinstance(value, str) else None
        parts = [None if isinstance(item, list) else await self.text(item) for item in value]
        known = [part for part in parts if part is not None]
        return "".join(known) if len(known) == len(value) else None

    async def filled(self, value: Json) -> Json:
        """JSON whose references have become values. Raises SecretMissing or SecretsUnavailable."""
        name = referred(value)
        if name is not None:
            return await self.resolve(name)
        match value:
            case list():
                return [await self.filled(item) for item in value]
            case dict():
                return {key: await self.filled(item) for key, item in value.items()}
            case _:
                return value

    def hide(self, value: str) -> None:
        """
        Treat this as a secret too, as it was made of one. Raises ValueError for what is shorter
        than MIN_HIDDEN.
        """
        self.redactor.hide(self.tenant_id, value)

    def redacted(self, text: str) -> str:
        """Text without the tenant's secrets; do it before cutting it, or half of one may stay."""
        return self.redactor.text(self.tenant_id, text)

    def redacted_json(self, value: Json) -> Json:
        """JSON without the tenant's secrets."""
        return self.redactor.json(self.tenant_id, value)


def is_secret_name(name: str) -> bool:
    """Whether it can be the name of a secret: a file can have it, and leads nowhere else."""
    return len(name) <= MAX_SECRET_NAME and _NAME.fullmatch(name) is not None


def referred(value: Json) -> str | None:
    """The name of the secret that a value refers to; None if it is no reference."""
    if isinstance(value, Mapping) and len(value) == 1:
        name = value.get(REFERENCE)
        return name if isinstance(name, str) else None
    return None
