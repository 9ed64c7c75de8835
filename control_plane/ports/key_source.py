"""Where the public keys of an issuer of tokens come from."""

from typing import Protocol


class KeySource(Protocol):
    async def read(self) -> bytes:
        """
        A JSON Web Key Set, as it is now. Raises Unavailable, with what went wrong in our own
        words, if it cannot be had.
        """


MAX_KEY_SET_BYTES = 256 * 1024
"""Of one key set, a few hundred keys. A source reads no further."""
