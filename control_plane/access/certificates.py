"""
Certificates as credentials: which of those that were verified are an executor's.

That a certificate is good (signed by the authority, within its time) is seen to by TLS
before a call arrives. What its name says is decided here, by rules that an operator gives.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, get_args

from cryptography import x509
from cryptography.x509.oid import NameOID

from control_plane.access.principal import Principal
from control_plane.access.refusal import CredentialRefused
from control_plane.access.roles import permissions_of
from shared.clock import Clock
from shared.errors import InvalidRequest

Kind: TypeAlias = Literal["uri", "dns", "cn"]

ROLE = "executor"
MAX_KNOWN = 1_000
"""Certificates whose names are remembered, as reading one takes 100 µs."""

MAX_RULES = 100
MAX_NAME = 400
"""Characters of a certificate's name; histories and audit entries hold it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`kind` says where the name stands; a `*` at the end of `name` stands for anything."""

    kind: Kind
    name: str

    def fits(self, name: str) -> bool:
        if self.name.endswith("*"):
            return name.startswith(self.name[:-1])
        return name == self.name


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    not_after: datetime


class CertificateRing:
    """Knows executors by their certificates. Rules are as `uri:…`, `dns:…` or `cn:…`."""

    def __init__(self, rules: Sequence[str], clock: Clock) -> None:
        """Raises InvalidRequest for a rule that says nothing, and for no rule at all."""
        if not rules or len(rules) > MAX_RULES:
            raise InvalidRequest(
                f"FOLIOT_TLS_EXECUTORS has {len(rules)} rules; name the certificates that are an"
                f' executor\'s in 1 to {MAX_RULES}, as ["uri:spiffe://example.org/executor/*"]',
                field="tls_executors",
            )
        self._rules = [_rule(text) for text in rules]
        self._clock = clock
        self._known: OrderedDict[bytes, _Known | None] = OrderedDict()

    def authenticate(self, pem: bytes) -> Principal:
        """
        The executor that a verified certificate is of. Raises CredentialRefused for one that no
        rule names, and for one that has run out since it was verified.
        """
        known = self._find(pem)
        if known is None:
            raise CredentialRefused("no rule of FOLIOT_TLS_EXECUTORS names the certificate")
        if known.not_after <= self._clock.now():
            raise CredentialRefused("the certificate has run out", credential=known.name)
        return Principal(
            name=f"certificate:{known.name}",
            tenant_id=None,
            role=ROLE,
            permissions=permissions_of(ROLE),
            expires_at=known.not_after,
        )

    def _find(self, pem: bytes) -> _Known | None:
        try:
            return self._known[pem]
        except KeyError:
            pass
        found = self._known[pem] = self._read(pem)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return found

    def _read(self, pem: bytes) -> _Known | None:
        try:
            certificate = x509.load_pem_x509_certificate(pem)
            names = _names(certificate)
        except (ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
            return None
        for rule in self._rules:
            for name in names[rule.kind]:
                if rule.fits(name) and _is_tellable(name):
                    return _Known(name, certificate.not_valid_after_utc)
        return None


def _names(certificate: x509.Certificate) -> dict[Kind, list[str]]:
    commons = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    try:
        alternatives = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        alternatives = x509.SubjectAlternativeName([])
    return {
        "uri": alternatives.get_values_for_type(x509.UniformResourceIdentifier),
        "dns": alternatives.get_values_for_type(x509.DNSName),
        # Of two one could be read as the name and the other one signed for.
        "cn": [str(one.value) for one in commons] if len(commons) == 1 else [],
    }


def _is_tellable(name: str) -> bool:
    """Whether a name may stand in logs and histories."""
    return 0 < len(name) <= MAX_NAME and name.isprintable()


def _rule(text: str) -> Rule:
    kind, _, name = text.partition(":")
    for known in get_args(Kind):
        if kind == known and name and "*" not in name[:-1]:
            return Rule(known, name)
    raise InvalidRequest(
        f"FOLIOT_TLS_EXECUTORS: {text!r} is not of the form uri:…, dns:… or cn:…, with a * at its"
        " end at most",
        field="tls_executors",
    )
