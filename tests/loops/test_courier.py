"""The courier: what cannot be delivered stays, holds back what follows it, and nothing else."""

from collections.abc import Sequence
from datetime import timedelta

from control_plane.loops.courier import BATCH, Courier
from control_plane.orchestrator import Answer, ChildEnded, Machines, Orchestrator, Request, Start
from control_plane.ports.instance_store import OutboxKind
from control_plane.ports.outbox import Delivery
from shared import json
from shared.errors import FoliotError, NotFound, Overloaded, Unavailable
from shared.ids import InstanceId, new_instance_id
from tests.contract.worlds import ACME, MemoryWorld

PARENT = new_instance_id()


class Lying:
    """An outbox with so much in it."""

    def __init__(self, *messages: tuple[OutboxKind, InstanceId]) -> None:
        self.lies = [
            Delivery(
                position=position,
                tenant_id=ACME,
                instance_id=PARENT,
                kind=kind,
                payload=json.dump(
                    {
                        "child": str(receiver),
                        "parent": str(receiver),
                        "by": "cancel",
                        "ordinal": 1,
                        "output": None,
                        "definition": "d",
                        "input": {},
                        "depth": 1,
                        "version": None,
                        "business_key": None,
                        "on_parent_close": "cancel",
                    }
                ),
            )
            for position, (kind, receiver) in enumerate(messages, start=1)
        ]

    @property
    def positions(self) -> list[int]:
        return [one.position for one in self.lies]

    async def undelivered(self, limit: int, *, after: int = 0) -> Sequence[Delivery]:
        return [one for one in self.lies if one.position > after][:limit]

    async def delivered(self, deliveries: Sequence[Delivery]) -> None:
        self.lies = [one for one in self.lies if one not in deliveries]


class Answers(Orchestrator):
    """Answers requests to some instances with errors, and remembers what it was asked."""

    def __init__(self, errors: dict[InstanceId, FoliotError]) -> None:
        world = MemoryWorld()
        super().__init__(world.store, Machines(world.definitions), lambda _: None)
        self.errors = errors
        self.asked: list[Request] = []

    async def submit_all(self, requests: Sequence[Request]) -> list[Answer | FoliotError]:
        self.asked += requests
        return [
            self.errors.get(one.instance_id)
            or Answer(instance_id=one.instance_id, revision=1, status="waiting", state="null")
            for one in requests
        ]


async def rounds(outbox: Lying, errors: dict[InstanceId, FoliotError]) -> list[Request]:
    """What one round asks of an orchestrator that has these errors."""
    orchestrator = Answers(errors)
    await Courier(outbox, orchestrator, poll_s=1.0).deliver()
    return orchestrator.asked


class TestWhatCannotBeDelivered:
    async def test_now_stays_and_the_rest_goes(self) -> None:
        """Busy or out of reach: the next round will tell."""
        busy, gone, well = (new_instance_id() for _ in range(3))
        outbox = Lying(("TELL_PARENT", busy), ("STOP_CHILD", gone), ("TELL_PARENT", well))

        await rounds(
            outbox,
            {busy: Overloaded("busy", retry_in=timedelta(seconds=1)), gone: Unavailable("gone")},
        )
        left = outbox.positions
        await rounds(outbox, {})

        assert [1, 2] == left
        assert [] == outbox.positions

    async def test_ever_is_done_with(self) -> None:
        """There is nobody to hear it any more."""
        nobody = new_instance_id()
        outbox = Lying(("TELL_PARENT", nobody), ("STOP_CHILD", nobody))

        await rounds(outbox, {nobody: NotFound("instance", str(nobody))})

        assert [] == outbox.positions

    async def test_for_a_bug_is_kept_and_blocks_no_other(self) -> None:
        """Somebody waits for it; whole batches of such do not hold up what lies behind."""
        cursed = new_instance_id()
        others = [new_instance_id() for _ in range(2)]
        poison: list[tuple[OutboxKind, InstanceId]] = [("TELL_PARENT", cursed)] * (BATCH + 5)
        outbox = Lying(*poison, *(("TELL_PARENT", one) for one in others))

        await rounds(outbox, {cursed: FoliotError("a bug")})

        assert list(range(1, BATCH + 6)) == outbox.positions

    async def test_holds_back_what_follows_to_the_same_instance(self) -> None:
        """A child that is yet to be started is not stopped before: nothing would stop it after."""
        child = new_instance_id()
        outbox = Lying(("START_CHILD", child), ("STOP_CHILD", child))

        asked = await rounds(outbox, {child: Overloaded("busy", retry_in=timedelta(seconds=1))})

        assert [True] == [isinstance(one.asked, Start) for one in asked]
        assert [1, 2] == outbox.positions


class TestAChildThatIsRefused:
    async def test_is_told_to_its_parent_before_it_is_forgotten(self) -> None:
        """Else the parent would wait for ever."""
        child, other = new_instance_id(), new_instance_id()
        errors: dict[InstanceId, FoliotError] = {
            child: NotFound("definition", "d"),
            PARENT: Overloaded("busy", retry_in=timedelta(seconds=1)),
        }
        outbox = Lying(("START_CHILD", child), ("START_CHILD", other))

        await rounds(outbox, errors)
        left = outbox.positions
        del errors[PARENT]
        told = [one.asked for one in await rounds(outbox, errors) if one.instance_id == PARENT]

        assert [1] == left
        assert [] == outbox.positions
        assert ["child.not_started"] == [
            one.error["kind"] for one in told if isinstance(one, ChildEnded) and one.error
        ]

    async def test_is_forgotten_with_a_parent_that_is_gone(self) -> None:
        """A parent that cannot be told any more does not keep the children of others waiting."""
        child, other = new_instance_id(), new_instance_id()
        outbox = Lying(("START_CHILD", child), ("START_CHILD", other))

        await rounds(
            outbox,
            {child: NotFound("definition", "d"), PARENT: NotFound("instance", str(PARENT))},
        )

        assert [] == outbox.positions
