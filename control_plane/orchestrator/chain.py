"""The history's hash chain: each entry's hash continues the one before, over the stored bytes."""

import hashlib

GENESIS = b""


def link(previous: bytes, seq: int, type_: str, payload: str) -> bytes:
    """SHA-256 over the hash before, then seq (8 bytes, big-endian), type, a zero byte, payload."""
    chain = hashlib.sha256(previous)
    chain.update(seq.to_bytes(8))
    chain.update(type_.encode())
    chain.update(b"\0")
    chain.update(payload.encode())
    return chain.digest()
