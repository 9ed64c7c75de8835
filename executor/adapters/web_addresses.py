"""
URLs that may be asked for: of the web, with a host written as it is meant, and for a tenant
with rules, one that these name.
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import httpx
from pydantic import BaseModel, ConfigDict

from executor.ports.http import HttpRefused
from shared.errors import InvalidRequest
from shared.ids import TenantId

SCHEMES = frozenset({"http", "https"})
PORTS = {"http": 80, "https": 443}
OTHERS = "*"
"""The tenants that are not named."""

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_RULE = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:]+")


class WebRules(BaseModel):
    """Where a tenant's requests may go, as FOLIOT_HTTP_TENANTS says. Not given, anywhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schemes: frozenset[Literal["http", "https"]] = frozenset({"http", "https"})
    hosts: tuple[str, ...] | None = None
    """Names and addresses; `*.example.com` is every name below, not example.com itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that may be asked for, as far as can be told without looking its name up."""

    url: httpx.URL
    host: str
    """In lower case and in ASCII, without a dot at its end."""

    @property
    def port(self) -> int:
        return self.url.port or PORTS[self.url.scheme]

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.url.scheme, self.host, self.port


class WebAddresses:
    """The rules of tenants. Raises InvalidRequest for a rule that means nothing."""

    def __init__(self, rules: Mapping[str, WebRules] | None = None) -> None:
        self._rules = dict(rules or {})
        for tenant_id, rule in self._rules.items():
            for host in rule.hosts or ():
                if not _RULE.fullmatch(host):
                    raise InvalidRequest(
                        f"{host!r} in FOLIOT_HTTP_TENANTS for {tenant_id!r} is no host; write it"
                        " as 'example.com', '*.example.com' or an address, in lower case",
                        field="http_tenants",
                    )

    def target(self, tenant_id: TenantId, url: str) -> Target:
        """The URL, taken apart. Raises HttpRefused."""
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError):
            raise HttpRefused("the url is none; write it as 'https://example.com/a?b=c'") from None
        if parsed.scheme not in SCHEMES:
            raise HttpRefused(f"the scheme of the url is none of {', '.join(sorted(SCHEMES))}")
        if parsed.userinfo:
            raise HttpRefused("the url holds a password; use `auth` or an authorization header")
        if parsed.port is not None and not 0 < parsed.port < 65536:
            raise HttpRefused("the port of the url is no number from 1 to 65535")
        target = Target(url=parsed, host=_host(parsed, url))
        self._hold(tenant_id, target)
        return target

    def _hold(self, tenant_id: TenantId, target: Target) -> None:
        rules: Sequence[WebRules | None] = (self._rules.get(tenant_id), self._rules.get(OTHERS))
        rule = next((one for one in rules if one is not None), None)
        if rule is None:
            return
        if target.url.scheme not in rule.schemes:
            raise HttpRefused(
                f"this tenant may not use {target.url.scheme};"
                " an operator can allow it by FOLIOT_HTTP_TENANTS"
            )
        if rule.hosts is not None and not any(_is_of(target.host, one) for one in rule.hosts):
            raise HttpRefused(
                f"{target.host!r} is not among the hosts that this tenant may reach;"
                " an operator can add it to FOLIOT_HTTP_TENANTS"
            )


def _host(parsed: httpx.URL, url: str) -> str:
    """
    The host, in the only way in which it can be written. Of an address in other ways (`0177.1`,
    `2130706433`, `①②⑦.⓪.⓪.①`) programs disagree which one it is, and one of them connects.
    """
    host = parsed.raw_host.decode("ascii").lower()
    if not host:
        raise HttpRefused("the url has no host")
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host if "%" not in host else ""))
        except ValueError:
            raise HttpRefused("the host of the url is no address of IPv6") from None
    if not _NAME.fullmatch(host):
        raise HttpRefused("the host of the url is neither a name nor an address")
    name = host.removesuffix(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        try:
            is_plain = str(ipaddress.IPv4Address(name)) == host and host in url
        except ValueError:
            is_plain = False
        if not is_plain:
            raise HttpRefused(
                "the host of the url is an address in a form of its own; write it as '192.0.2.1'"
            )
    return name


def _is_of(host: str, rule: str) -> bool:
    return host.endswith(rule[1:]) if rule.startswith("*.") else host == rule
