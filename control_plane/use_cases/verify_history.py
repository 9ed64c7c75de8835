"""Check that nothing of an instance's history was changed since it was written."""

from dataclasses import dataclass

from control_plane.orchestrator.chain import GENESIS, link
from control_plane.ports.reader import Reader
from control_plane.use_cases.get_instance import find_instance
from shared.errors import InvalidRequest
from shared.ids import InstanceId, TenantId

READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """`broken_seq` is the first entry that is not as it was written, None if all are."""

    entries: int
    last_hash: bytes
    broken_seq: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """The hash of an entry, as somebody else kept it."""

    seq: int
    hash: bytes


async def verify_history(
    reader: Reader, tenant_id: TenantId, instance_id: InstanceId, known: Known | None
) -> Verification:
    """
    Recompute the chain of hashes over what is stored, and hold it against the instance's row.

    Whoever can change the history can change the row. So it is held against what the caller
    `known` as well, where it is given.
    """
    instance = await find_instance(reader, tenant_id, instance_id)
    if known is not None and not 1 <= known.seq <= instance.seq:
        raise InvalidRequest(
            f"known_seq {known.seq} is not one of this instance's: they are 1 to {instance.seq}",
            field="known_seq",
        )
    chain, seq = GENESIS, 0
    while seq < instance.seq:
        entries = await reader.list_history(
            tenant_id, instance_id, after_seq=seq, limit=min(READ_AT_ONCE, instance.seq - seq)
        )
        if not entries:
            return _broken(seq, chain, seq + 1, f"entry {seq + 1} and what follows is missing")
        for entry in entries:
            if entry.seq != seq + 1:
                return _broken(seq, chain, seq + 1, f"entry {seq + 1} is missing")
            following = link(chain, entry.seq, entry.type, entry.payload)
            if following != entry.hash:
                return _broken(seq, chain, entry.seq, f"entry {entry.seq} was changed")
            chain, seq = following, entry.seq
            if known is not None and known.seq == seq and known.hash != chain:
                return _broken(seq, chain, seq, f"entry {seq} had another hash, as you know it")
    if chain != instance.history_hash:
        return _broken(seq, chain, seq, "the instance continues another history than is stored")
    return Verification(entries=seq, last_hash=chain)


def _broken(entries: int, chain: bytes, seq: int, problem: str) -> Verification:
    return Verification(entries=entries, last_hash=chain, broken_seq=seq, problem=problem)
