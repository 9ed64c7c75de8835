"""Which addresses HTTP tasks may reach: the public internet, and what an operator added."""

import ipaddress
from collections.abc import Iterable
from typing import TypeAlias

from shared.errors import InvalidRequest

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

THIS_MACHINE = ("localhost", "127.0.0.0/8", "::1/128")

# `is_global` says yes to all of these, and each can lead to a private address.
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "168.63.129.16/32",  # the metadata service of a cloud, on a public address
        "192.0.0.0/24",  # protocol assignments, another one's among them
        "192.88.99.0/24",  # relays to 6to4
    )
)


# All that is assigned of IPv6. NAT64, IPv4-compatible and site-local addresses are outside.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


class AllowedAddresses:
    """
    `allow` holds host names, addresses and networks that may be reached although they are
    not public. A name allows whatever it resolves to.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._names: set[str] = set()
        self._networks: list[Network] = []
        for entry in allow:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                if "/" in entry or ":" in entry or not entry:
                    raise InvalidRequest(
                        f"{entry!r} in FOLIOT_HTTP_ALLOW is no host name, address or network",
                        field="http_allow",
                    ) from None
                self._names.add(entry.lower().rstrip("."))

    def allows(self, host: str, address: str) -> bool:
        """Whether `host`, which has this address, may be reached at it."""
        if host.lower().rstrip(".") in self._names:
            return True
        # A scope id (`fe80::1%eth0`) is of no account.
        ip = unmapped(ipaddress.ip_address(address.partition("%")[0]))
        return any(ip in network for network in self._networks) or _is_public(ip)


def unmapped(ip: Address) -> Address:
    """The address that is meant: IPv4 may be written as IPv6."""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip


def _is_public(ip: Address) -> bool:
    return (
        ip.is_global
        and not ip.is_multicast
        and not ip.is_reserved
        and (ip.version == 4 or ip in _GLOBAL_UNICAST)
        and not any(ip in network for network in _NOT_PUBLIC)
    )
