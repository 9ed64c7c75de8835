"""
Whose tokens are let in: a file that an operator writes, read once at the start.

    {"issuers": [{
      "issuer": "https://id.example.org/",
      "audience": "foliot",
      "keys": "https://id.example.org/jwks.json",
      "algorithms": ["RS256"],
      "tenants": ["acme"],
      "tenant_claim": "tenant",
      "roles_claim": "groups",
      "roles": {"workflow-admins": "tenant_admin", "staff": "viewer"}
    }]}

docs/security.md says what each word means. A word that is not known is refused: one that
was misspelt must not silently give its default.
"""

import ipaddress
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from control_plane.access.roles import PERMISSIONS, PLATFORM_ROLES
from shared.errors import InvalidRequest

MAX_FILE_BYTES = 1024 * 1024
MAX_ISSUERS = 100
MAX_LEEWAY_S = 60
EVERY_TENANT = "*"

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""Those with a public key. With any other whoever can check a token could make one."""

Text = Annotated[str, Field(min_length=1, max_length=400)]


class Issuer(BaseModel):
    """One issuer of tokens, and what is believed of what it says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    issuer: Text
    """`iss` of its tokens, letter by letter."""

    audience: Text
    """What `aud` has to be, or to hold."""

    keys: Text
    """Where its public keys are: an https URL, http on this machine only, or the path of a file."""

    keys_ca_file: str = ""
    """Who signs the certificate of that URL's server, as PEM; not set, the usual authorities."""

    algorithms: Annotated[list[Algorithm], Field(min_length=1)]

    tenants: Annotated[list[Text], Field(max_length=10_000)]
    """The tenants that it may speak for; `*` for every one."""

    tenant_claim: Text = "tenant"
    """The claim that names the token's tenant. A token without it is one of the only tenant in
    `tenants`, if there is only one."""

    roles_claim: Text = "roles"
    """The claim that the role follows from: a string, or a list of them. A path, as
    `realm_access.roles`, leads into objects."""

    roles: Annotated[dict[Text, Text], Field(min_length=1, max_length=1_000)]
    """From what the claim says to a role of foliot's; of several the first in this order."""

    groups_claim: Text | None = None
    """The claim with the roles that human tasks are offered to, in the tenant's own words; not
    given, that of the roles. They grant nothing else."""

    platform: bool = False
    """Whether it may name roles that belong to no tenant, as `executor`."""

    name_prefix: Annotated[str, Field(max_length=100)] = ""
    """Put before `sub`, so that two issuers' names cannot be taken for one another's."""

    leeway_s: Annotated[int, Field(ge=0, le=MAX_LEEWAY_S)] = 30
    """How far its clock and ours may be apart."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for role in self.roles.values():
            if role not in PERMISSIONS:
                raise ValueError(
                    f"there is no role {role!r}; take one of {', '.join(sorted(PERMISSIONS))}"
                )
            if role in PLATFORM_ROLES and not self.platform:
                raise ValueError(f'role {role!r} belongs to no tenant; it takes "platform": true')
        if not self.tenants and not self.platform:
            raise ValueError("it may speak for no tenant; name them in `tenants`")
        if _is_in_the_open(self.keys):
            raise ValueError("keys over http could be anybody's; give an https URL or a file")
        return self

    def may_speak_for(self, tenant: str) -> bool:
        return tenant in self.tenants or EVERY_TENANT in self.tenants

    @property
    def only_tenant(self) -> str | None:
        """The tenant of a token that names none."""
        only = self.tenants[0] if len(self.tenants) == 1 else EVERY_TENANT
        return None if only == EVERY_TENANT else only


class IssuersFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    issuers: Annotated[list[Issuer], Field(min_length=1, max_length=MAX_ISSUERS)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for one, other in combinations(self.issuers, 2):
            if one.issuer == other.issuer:
                raise ValueError(f"issuer {one.issuer!r} is there twice")
            if one.name_prefix == other.name_prefix and _share_a_tenant(one, other):
                raise ValueError(
                    f"{one.issuer!r} and {other.issuer!r} speak for the same tenant, in which a"
                    " name of one could be taken for the other's; give them different"
                    " `name_prefix`es"
                )
        return self


def read_issuers(file: Path) -> list[Issuer]:
    """The issuers of a file. Raises InvalidRequest that names what is wrong in it, and where."""
    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidRequest(
            f"FOLIOT_JWT_ISSUERS_FILE: {file} cannot be read ({error.strerror})",
            field="jwt_issuers_file",
        ) from None
    if len(text) > MAX_FILE_BYTES:
        raise InvalidRequest(
            f"FOLIOT_JWT_ISSUERS_FILE: {file} has more than {MAX_FILE_BYTES} bytes",
            field="jwt_issuers_file",
        )
    try:
        return IssuersFile.model_validate_json(text).issuers
    except ValidationError as error:
        raise InvalidRequest(
            f"FOLIOT_JWT_ISSUERS_FILE: {file} will not do: {'; '.join(_told(error))}",
            field="jwt_issuers_file",
        ) from None


def _told(error: ValidationError) -> list[str]:
    return [
        ".".join(str(part) for part in one["loc"]) + (": " if one["loc"] else "") + one["msg"]
        for one in error.errors(include_url=False, include_input=False)[:5]
    ]


def _share_a_tenant(one: Issuer, other: Issuer) -> bool:
    return any(EVERY_TENANT in tenants for tenants in (one.tenants, other.tenants)) or bool(
        set(one.tenants) & set(other.tenants)
    )


def _is_in_the_open(keys: str) -> bool:
    parts = urlsplit(keys)
    if parts.scheme != "http":
        return False
    host = parts.hostname or ""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
