"""Where the requests of tenants may go, and where they never may."""

from urllib.parse import urlsplit

from pydantic import ValidationError

from executor.adapters.web_addresses import WebAddresses, WebRules
from shared.errors import InvalidRequest
from shared.rpc import endpoints_of
from shared.settings import Settings

POSTGRESQL_PORT, REDIS_PORT, OWN_PORT = 5432, 6379, 7233
"""Where a URL leads that names no port."""


def web_addresses_of(settings: Settings) -> WebAddresses:
    """Where the requests of tenants may go."""
    try:
        rules = {name: WebRules.model_validate(it) for name, it in settings.http_tenants.items()}
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRequest(
            f"FOLIOT_HTTP_TENANTS is wrong at {'.'.join(map(str, first['loc']))}: {first['msg']};"
            ' write it as {"acme": {"schemes": ["https"], "hosts": ["*.example.com"]}}',
            field="http_tenants",
        ) from error
    return WebAddresses(rules)


def listeners_of(settings: Settings) -> list[tuple[str, int]]:
    """Where foliot itself listens, and what it stands on: hosts and ports."""
    found = []
    for url, usual in (
        (settings.database_url, POSTGRESQL_PORT),
        (settings.redis_url, REDIS_PORT),
        *((f"//{one}", OWN_PORT) for one in endpoints_of(settings.control_plane)),
    ):
        for host in urlsplit(url).netloc.rpartition("@")[2].split(","):
            parts = urlsplit(f"//{host}")
            if parts.hostname:
                found.append((parts.hostname, parts.port or usual))
    return found
