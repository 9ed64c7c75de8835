"""Whose an instance is."""

from collections.abc import Sequence

from control_plane.ports.records import InstanceKey
from control_plane.tenants import RememberedTenants
from shared.ids import InstanceId, TenantId, new_instance_id

ACME = TenantId("acme")


class Looked:
    """Finds the instances it was given, and keeps what it was asked for."""

    def __init__(self, *keys: InstanceKey) -> None:
        self._keys = keys
        self.asked: list[InstanceId] = []

    async def __call__(self, instance_ids: Sequence[InstanceId]) -> Sequence[InstanceKey]:
        self.asked += instance_ids
        return [key for key in self._keys if key.instance_id in instance_ids]


class TestWhatThisProcessCommitted:
    async def test_is_never_looked_up(self) -> None:
        """The usual outcome costs no round trip."""
        look_up = Looked()
        tenants = RememberedTenants(look_up)
        key = InstanceKey(ACME, new_instance_id())
        tenants.learn([key])

        assert {key.instance_id: ACME} == await tenants.of([key.instance_id])
        assert [] == look_up.asked


class TestWhatOthersCommitted:
    async def test_is_looked_up_once(self) -> None:
        """An instance never changes its tenant."""
        key = InstanceKey(ACME, new_instance_id())
        look_up = Looked(key)
        tenants = RememberedTenants(look_up)

        await tenants.of([key.instance_id])
        await tenants.of([key.instance_id])

        assert [key.instance_id] == look_up.asked


class TestWhatDoesNotExist:
    async def test_is_absent(self) -> None:
        """An id that was made up belongs to nobody."""
        assert {} == await RememberedTenants(Looked()).of([new_instance_id()])


class TestTheMemory:
    async def test_forgets_the_oldest(self) -> None:
        """It has a bound."""
        keys = [InstanceKey(ACME, new_instance_id()) for _ in range(3)]
        look_up = Looked(*keys)
        tenants = RememberedTenants(look_up, max_remembered=2)
        tenants.learn(keys)

        await tenants.of([keys[0].instance_id])
        await tenants.of([keys[2].instance_id])

        assert [keys[0].instance_id] == look_up.asked
