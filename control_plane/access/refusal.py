"""
A credential that is recognised and not good: the caller is told that much, the log why.
"""

from shared.errors import Unauthenticated


class CredentialRefused(Unauthenticated):
    """
    `why` is for the log. A caller that was told unknown from wrong could search for keys.

    `credential` is what is public of it: a key's id, a certificate's name, a token's issuer.
    """

    def __init__(self, why: str, *, credential: str = "") -> None:
        super().__init__("the credential is not good: unknown, expired or revoked")
        self.why = why
        self.credential = credential
