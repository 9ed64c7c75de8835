"""What a call brings and takes back beside its messages."""

import os
import re
from collections.abc import Iterable

from control_plane.access.refusal import CredentialRefused
from shared.errors import Unauthenticated
from shared.rpc import AUTHORIZATION, BEARER, CORRELATION_ID, MAX_CORRELATION_ID
from shared.telemetry.call_names import enter_call
from shared.telemetry.call_spans import here
from shared.trace_parents import TRACE_PARENT, is_trace_parent

MAX_CREDENTIAL_LENGTH = 8 * 1024
"""Characters of a key or a token."""

_CORRELATION_ID = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_CORRELATION_ID}}}")


def credential_in(entries: Iterable[tuple[str, str | bytes]]) -> str:
    """The credential's text, of the last entry that has one; '' where there is none to be had."""
    found = ""
    for key, value in entries:
        if key == AUTHORIZATION and isinstance(value, str):
            found = value
    return found.partition(" ")[2].strip()


class CallMetadata:
    """The few entries that mean something to us; of one that is repeated, the last."""

    __slots__ = ("authorization", "correlation_id", "trace_parent")

    def __init__(self, entries: Iterable[tuple[str, str | bytes]]) -> None:
        self.authorization = ""
        self.correlation_id = ""
        self.trace_parent: str | None = None
        for key, value in entries:
            if not isinstance(value, str):
                continue
            if key == AUTHORIZATION:
                self.authorization = value
            elif key == CORRELATION_ID and _CORRELATION_ID.fullmatch(value):
                self.correlation_id = value
            elif key == TRACE_PARENT and is_trace_parent(value):
                self.trace_parent = value
        self.correlation_id = self.correlation_id or os.urandom(8).hex()

    def enter(self) -> None:
        """From here on, this call is known by these."""
        enter_call(self.correlation_id, here(self.trace_parent))

    @property
    def key(self) -> str:
        """The credential's text. Raises Unauthenticated if there is none."""
        if not self.authorization:
            raise Unauthenticated(
                "this call has no credential; send the metadata"
                f" '{AUTHORIZATION}: {BEARER}<API key or token>'",
                reason="CREDENTIAL_MISSING",
            )
        scheme, _, text = self.authorization.partition(" ")
        if len(text) > MAX_CREDENTIAL_LENGTH:
            raise CredentialRefused(f"it is longer than {MAX_CREDENTIAL_LENGTH} characters")
        if scheme.lower() != BEARER.strip().lower() or not text:
            raise Unauthenticated(
                f"the credential is not of the form '{BEARER}fol_<key id>_<secret>' or"
                f" '{BEARER}<JSON web token>'"
            )
        return text.strip()
