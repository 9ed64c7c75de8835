"""An issuer of tokens of the tests' own: signs them, and serves its keys over HTTP."""

import base64
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "foliot"


class _Server(ThreadingHTTPServer):
    """One whose clients may leave before they are answered: that is theirs, and no news."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class KeyServer:
    """Serves what it is told to, at `url`, and counts how often it is asked."""

    def __init__(self) -> None:
        self.body = b"{}"
        self.status = 200
        self.headers: Mapping[str, str] = {}
        self.asked = 0
        self.paths: list[str] = []
        self.holds_back = threading.Event()
        """Answers come when this is set, which it is at first."""

        self.holds_back.set()
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told.asked += 1
                told.paths.append(self.path)
                told.holds_back.wait(30)
                self.send_response(told.status)
                for name, value in told.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"

    @contextmanager
    def running(self) -> Iterator["KeyServer"]:
        """Until the block is left."""
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.holds_back.set()
            self.server.shutdown()
            self.server.server_close()
            thread.join()

    def serve(self, *keys: "SigningKey") -> None:
        """From now on the issuer's keys are these."""
        self.body = json.dumps({"keys": [key.public() for key in keys]}).encode()


class SigningKey:
    """A private key of an issuer, and its public half as others see it."""

    def __init__(self, kid: str, algorithm: str, private: PrivateKeyTypes) -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.private = private

    def public(self, **more: object) -> dict[str, Any]:
        """The key as it stands in a set."""
        kind: Any = (
            RSAAlgorithm
            if isinstance(self.private, rsa.RSAPrivateKey)
            else ECAlgorithm
            if isinstance(self.private, ec.EllipticCurvePrivateKey)
            else OKPAlgorithm
        )
        found = dict(kind.to_jwk(self.private.public_key(), as_dict=True))
        found.pop("key_ops", None)
        return {**found, "kid": self.kid, "use": "sig", **more}

    def sign(self, claims: Mapping[str, Any], **header: object) -> str:
        """A token; of the header and in the claims anything can be said."""
        return jwt.PyJWS().encode(
            json.dumps(claims).encode(),
            self.private,  # type: ignore[arg-type]  # one of those it takes
            algorithm=self.algorithm,
            headers={"kid": self.kid, **header},
        )


@cache
def an_rsa_key(kid: str = "r1", bits: int = 2048) -> SigningKey:
    """The same for the same id: making one takes a while."""
    return SigningKey(kid, "RS256", rsa.generate_private_key(65537, bits))


@cache
def an_ec_key(kid: str = "e1") -> SigningKey:
    """On P-256."""
    return SigningKey(kid, "ES256", ec.generate_private_key(ec.SECP256R1()))


@cache
def an_ed_key(kid: str = "d1") -> SigningKey:
    """On Ed25519."""
    return SigningKey(kid, "EdDSA", ed25519.Ed25519PrivateKey.generate())


def claims(issuer: str, **more: Any) -> dict[str, Any]:
    """Those of a good token of alice's, who is staff at acme; None leaves one out."""
    now = int(datetime.now(UTC).timestamp())
    said = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "alice",
        "exp": now + 600,
        "iat": now,
        "tenant": "acme",
        "groups": ["people", "staff"],
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


def by_hand(header: Mapping[str, Any], said: Mapping[str, Any], signature: bytes = b"") -> str:
    """A token that no library would make."""
    parts = (json.dumps(header).encode(), json.dumps(said).encode(), signature)
    return ".".join(map(in_base64, parts))


def in_base64(part: bytes) -> str:
    """As parts of a token are written."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def an_issuer(url: str, **more: Any) -> dict[str, Any]:
    """As it stands in the file."""
    return {
        "issuer": "https://id.tests/",
        "audience": AUDIENCE,
        "keys": url,
        "algorithms": ["RS256", "ES256", "EdDSA"],
        "tenants": ["acme"],
        "roles_claim": "groups",
        "roles": {"admins": "tenant_admin", "staff": "viewer", "starters": "starter"},
        "leeway_s": 0,
        **more,
    }


def file_of(*issuers: Mapping[str, Any]) -> str:
    """The text of a file with these issuers."""
    return json.dumps({"issuers": list(issuers)})
