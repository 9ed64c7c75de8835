"""The doorbell that remembers: what other tests rely on to tell who would have been woken."""

from control_plane.adapters.memory.doorbell import MemoryDoorbell, Ring
from control_plane.ports.doorbell import Doorbell


class TestTheDoorbellInMemory:
    async def test_remembers_every_ring_in_order(self) -> None:
        """Which queue, and what waits there; later changes to the caller's list change nothing."""
        memory = MemoryDoorbell()
        bell: Doorbell = memory
        ids = ["a", "b"]

        await bell.ring("one", ids)
        ids.append("c")
        await bell.ring("two", ())

        assert [Ring("one", ("a", "b")), Ring("two", ())] == memory.rings
