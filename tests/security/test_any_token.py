"""Whatever a token says: it is refused, or its holder is who the issuer may say."""

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from control_plane.access.issuers import Issuer
from control_plane.access.principal import Principal
from control_plane.access.refusal import CredentialRefused
from control_plane.use_cases.authenticate_token import TokenRing
from shared.clock import SystemClock
from shared.ids import TenantId
from tests.security.issuing import (
    an_ed_key,
    an_issuer,
    an_rsa_key,
    by_hand,
    claims,
    in_base64,
)

ED, RSA = an_ed_key(), an_rsa_key()
GOOD = claims("https://id.tests/")
TOKEN = ED.sign(GOOD)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["acme", "staff", "admins", "foliot", "https://id.tests/", 1e400, 2**70]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=6,
)


class Known:
    """The issuer's keys, at hand."""

    async def read(self) -> bytes:
        """Both."""
        return json.dumps({"keys": [ED.public(), RSA.public()]}).encode()


async def is_tenant(tenant_id: TenantId) -> bool:
    """There are only two."""
    return tenant_id in {"acme", "globex"}


def found(token: str) -> Principal | None:
    """Whom a ring that has seen nothing yet takes its holder for; None for nobody."""
    about = Issuer.model_validate(an_issuer("https://id.tests/jwks.json"))

    async def look() -> Principal | None:
        try:
            return await TokenRing([(about, Known())], is_tenant, SystemClock()).authenticate(token)
        except CredentialRefused:
            return None

    return asyncio.run(look())


class TestAnyToken:
    @given(st.dictionaries(st.sampled_from([*GOOD, "nbf"]), VALUES, max_size=4))
    def test_of_the_issuer_speaks_for_its_tenant_or_is_refused(self, said: dict[str, Any]) -> None:
        """Signed well, with claims of any kind: no bug, and no tenant of another's."""
        principal = found(ED.sign({**GOOD, **said}))

        assert principal is None or (
            principal.tenant_id == "acme"
            and principal.role in {"viewer", "tenant_admin"}
            and principal.expires_at is not None
            and principal.name.isprintable()
        )

    @given(
        st.integers(min_value=0, max_value=len(TOKEN) - 1),
        st.sampled_from("ABCDwxyz0189-_.=+/ \t\n"),
    )
    def test_that_was_changed_is_the_same_or_refused(self, at: int, letter: str) -> None:
        """Anywhere, by any letter; base64 has spare bits, which change nothing."""
        principal = found(TOKEN[:at] + letter + TOKEN[at + 1 :])

        assert principal is None or principal == found(TOKEN)

    @given(
        st.dictionaries(
            st.sampled_from(["alg", "kid", "typ", "jwk", "jku", "x5u", "crit", "b64", "zip"]),
            VALUES | st.sampled_from(["none", "HS256", "RS256", "EdDSA", "r1", "d1"]),
        ),
        st.binary(max_size=300),
    )
    def test_that_nobody_signed_is_refused(self, header: dict[str, Any], signature: bytes) -> None:
        """Whatever its header says."""
        assert found(by_hand(header, GOOD, signature)) is None

    @given(st.lists(st.binary(max_size=60).map(in_base64) | st.text(max_size=20), max_size=5))
    def test_that_is_none_is_refused(self, parts: list[str]) -> None:
        """Bytes of any kind, in any number of parts."""
        assert found(".".join(parts)) is None
