"""Whom a turn's new tasks go to at once: reckoned on changes, without a store."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from control_plane.orchestrator.hands import (
    MAX_REFUSED,
    MAX_RUN,
    RUN_LASTS_S,
    Hand,
    HandedOut,
    Hands,
)
from control_plane.ports.claims import HeldTask
from control_plane.ports.instance_store import Change
from shared.ids import SessionId, TenantId, new_instance_id, new_uuid7
from shared.tasks import TaskType
from tests.contract.material import instance, new_task, start, step
from tests.contract.worlds import ACME

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Table:
    """Hands, what they were given, and a clock that stands still."""

    def __init__(
        self, limited: AbstractSet[TenantId] = frozenset(), paused: AbstractSet[str] = frozenset()
    ) -> None:
        self.time = 0.0
        self.hands = Hands(limited.__contains__, paused.__contains__, monotonic=lambda: self.time)
        self.delivered: dict[str, list[int]] = {}
        self.given_up: list[str] = []
        self.recalled: dict[str, list[HeldTask]] = {}

    def join(self, name: str, limit: int, **values: Any) -> Hand:
        """An executor that serves HTTP tasks of the default queue."""
        tasks = self.delivered[name] = []

        def deliver(handed: Sequence[HandedOut]) -> None:
            tasks.extend(one.task.ordinal for one in handed)

        hand = Hand(
            **{
                "session_id": SessionId(new_uuid7()),
                "queues": frozenset({"default"}),
                "types": frozenset({TaskType.HTTP}),
                "deliver": deliver,
                "give_up": lambda: self.given_up.append(name),
                "recall": lambda held: self.recalled.setdefault(name, []).extend(held),
                "limit": limit,
                **values,
            }
        )
        self.hands.join(hand)
        return hand

    def turn(self, *changes: Change, of: Hand | None = None) -> Sequence[Change]:
        """Hand out what the changes create; all of them come from that executor's outcomes."""
        reporters = {} if of is None else {change.key: of.session_id for change in changes}
        return self.hands.hand_out(changes, reporters)

    def kept(self, *changes: Change, of: Hand | None = None) -> Sequence[Change]:
        """A turn that is committed."""
        handed = self.turn(*changes, of=of)
        self.hands.deliver(handed)
        return handed


def creating(*ordinals: int, **task: Any) -> Change:
    """The start of an instance that creates tasks."""
    fresh = instance(NOON)
    return start(fresh, new_tasks=[new_task(fresh, ordinal, **task) for ordinal in ordinals])


def handed(changes: Sequence[Change]) -> list[list[int]]:
    """Which tasks of each change were handed out."""
    return [list(change.handed) for change in changes]


class TestANewTask:
    def test_goes_to_whoever_has_room(self) -> None:
        """And is on its way only once it is committed."""
        table = Table()
        ada = table.join("ada", 1)
        change = table.turn(creating(1))
        before = dict(table.delivered)
        table.hands.deliver(change)

        assert [{1: ada.session_id}] == [one.handed for one in change]
        assert ({"ada": []}, {"ada": [1]}) == (
            {name: [] for name in before},
            table.delivered,
        )

    def test_goes_to_those_who_have_room_in_turn(self) -> None:
        """Else the first would work, and the others look on."""
        table = Table()
        for name in ("ada", "bob", "cy"):
            table.join(name, 10)
        for ordinal in range(1, 7):
            table.kept(creating(ordinal))

        assert {"ada": [1, 4], "bob": [2, 5], "cy": [3, 6]} == table.delivered

    def test_goes_to_the_executor_whose_outcome_created_it(self) -> None:
        """It has just made room, and hears of it with the acknowledgement."""
        table = Table()
        table.join("ada", 10)
        bob = table.join("bob", 10)
        for ordinal in (1, 2, 3):
            table.kept(creating(ordinal), of=bob)

        assert {"ada": [], "bob": [1, 2, 3]} == table.delivered

    def test_is_left_to_be_claimed_where_nobody_has_room(self) -> None:
        """As many as there is room for, and no more."""
        table = Table()
        table.join("ada", 2)

        assert [[1, 2]] == handed(table.kept(creating(1, 2, 3)))
        assert [[]] == handed(table.kept(creating(4)))

    @pytest.mark.parametrize(
        "task",
        [
            {"queue": "gpu"},
            {"type": TaskType.HUMAN},
            {"type": TaskType.WORKFLOW},
            {"run_at": NOON + timedelta(seconds=1)},
            {"is_cancelled": True},
        ],
        ids=lambda task: next(iter(task)),
    )
    def test_is_handed_to_nobody_who_could_not_claim_it(self, task: dict[str, Any]) -> None:
        """Handing out is a short way to a claim, and takes no other."""
        table = Table()
        table.join("ada", 10)

        assert [[]] == handed(table.kept(creating(1, **task)))

    def test_of_a_paused_instance_is_handed_to_nobody(self) -> None:
        """It is withheld until the instance goes on."""
        table = Table()
        table.join("ada", 10)
        paused = instance(NOON, paused_at=NOON)

        assert [[]] == handed(
            table.kept(step(paused, new_tasks=[new_task(paused, 1)])),
        )

    def test_of_a_tenant_with_limits_is_left_to_be_claimed(self) -> None:
        """Only the claim counts what runs."""
        table = Table(limited={ACME})
        table.join("ada", 10)

        assert [[]] == handed(table.kept(creating(1)))

    def test_of_a_paused_queue_is_handed_to_nobody(self) -> None:
        """It waits, as if somebody had to claim it."""
        table = Table(paused={"default"})
        table.join("ada", 10, queues=frozenset({"default", "other"}))

        assert [[], [2]] == handed(table.kept(creating(1), creating(2, queue="other")))

    def test_comes_before_the_second_of_an_instance_that_creates_many(self) -> None:
        """One that fans out does not take all the room there is."""
        table = Table()
        table.join("ada", 3)

        assert [[1, 2], [4]] == handed(table.kept(creating(1, 2, 3), creating(4, 5)))


class TestRoom:
    def test_is_not_offered_to_what_was_refused_just_before(self) -> None:
        """A limit of which nothing is known here yet may be why; the turn after it is as any."""
        table = Table()
        table.join("ada", 1)
        change = creating(1)
        table.hands.refused(table.turn(change))

        offered = [handed(table.turn(change)) for _ in range(2)]

        assert [[[]], [[1]]] == offered

    def test_comes_back_from_a_turn_that_was_not_kept(self) -> None:
        """The instance was overtaken; nobody has the task."""
        table = Table()
        table.join("ada", 1)
        table.hands.take_back(table.turn(creating(1)))
        table.kept(creating(2))

        assert [2] == table.delivered["ada"]

    def test_is_taken_by_turns_that_are_under_way(self) -> None:
        """Two turns must not give the same room away."""
        table = Table()
        table.join("ada", 1)
        table.turn(creating(1))

        assert [[]] == handed(table.turn(creating(2)))

    def test_can_be_taken_back(self) -> None:
        """A limit below what was given is none at all."""
        table = Table()
        ada = table.join("ada", 5)
        table.kept(creating(1, 2))
        ada.limit = 1

        assert [[]] == handed(table.kept(creating(3)))


class TestAnExecutorThatLeaves:
    def test_gets_what_is_under_way_and_nothing_more(self) -> None:
        """Its stream ends when that has been delivered."""
        table = Table()
        ada = table.join("ada", 5)
        under_way = table.turn(creating(1))
        table.hands.leave(ada)
        before = ada.settled.is_set()
        late = table.kept(creating(2))
        table.hands.deliver(under_way)

        assert ([[]], False, True) == (handed(late), before, ada.settled.is_set())
        assert [1] == table.delivered["ada"]

    def test_without_anything_under_way_has_left(self) -> None:
        """There is nothing to wait for."""
        table = Table()
        ada = table.join("ada", 5)
        table.hands.leave(ada)

        assert ada.settled.is_set()

    def test_by_a_stream_that_broke_gets_nothing(self) -> None:
        """It will let go of what it does not know."""
        table = Table()
        ada = table.join("ada", 5)
        under_way = table.turn(creating(1))
        table.hands.drop(ada)
        table.hands.deliver(under_way)

        assert ([], True) == (table.delivered["ada"], ada.settled.is_set())

    def test_and_comes_back_is_one_executor(self) -> None:
        """The newest stream of a session is the one that is heard."""
        table = Table()
        ada = table.join("ada", 5)
        table.join("ada again", 5, session_id=ada.session_id)
        table.hands.drop(ada)
        table.kept(creating(1))

        assert {"ada": [], "ada again": [1]} == table.delivered


class TestACommitOfWhichNothingIsKnown:
    def test_ends_the_streams_of_those_who_may_hold_its_tasks(self) -> None:
        """They look for what they hold; the others have nothing to look for."""
        table = Table()
        table.join("ada", 1)
        table.join("bob", 1)
        table.hands.doubt(table.turn(creating(1)))

        assert (["ada"], [[1]]) == (table.given_up, handed(table.kept(creating(1))))
        assert {"ada": [], "bob": [1]} == table.delivered


class TestASession:
    def test_that_comes_back_is_given_what_its_last_stream_was_to_have(self) -> None:
        """The turn was under way when the stream broke; its tasks count against the new one."""
        table = Table()
        ada = table.join("ada", 2)
        under_way = table.turn(creating(1))
        table.hands.drop(ada)
        again = table.join("again", 2, session_id=ada.session_id)
        table.hands.deliver(under_way)

        assert {"ada": [], "again": [1]} == table.delivered
        assert 1 == again.free

    def test_that_comes_back_gets_no_room_by_what_was_not_kept(self) -> None:
        """Its new stream has not lent what the last one gets back."""
        table = Table()
        ada = table.join("ada", 2)
        under_way = table.turn(creating(1))
        table.hands.drop(ada)
        again = table.join("again", 2, session_id=ada.session_id)
        table.hands.take_back(under_way)

        assert 2 == again.free

    @pytest.mark.parametrize("end", ["deliver", "take_back"])
    def test_that_comes_back_and_leaves_is_done_with_when_the_turn_is(self, end: str) -> None:
        """Its stream waits for that, and must not wait for ever."""
        table = Table()
        ada = table.join("ada", 2)
        under_way = table.turn(creating(1))
        table.hands.drop(ada)
        again = table.join("again", 2, session_id=ada.session_id)
        table.hands.leave(again)
        before = again.settled.is_set()
        getattr(table.hands, end)(under_way)

        assert (False, True) == (before, again.settled.is_set())


class TestAChangeThatWasNotKept:
    def test_is_not_remembered_for_ever(self) -> None:
        """What was asked may never be asked again: its sender is gone, or another answered."""
        table = Table()
        table.join("ada", 10)
        for _ in range(MAX_REFUSED + 1):
            table.hands.refused(table.turn(creating(1)))

        assert MAX_REFUSED >= len(table.hands._refused)


class TestAnAttemptThatIsCalledOff:
    def test_is_told_to_its_holder_alone(self) -> None:
        """Whose stream ends elsewhere, or nowhere, hears of it otherwise."""
        table = Table()
        ada = table.join("ada", 1)
        table.join("bob", 1)
        held = HeldTask(new_instance_id(), 1, 1)
        table.hands.recall(ada.session_id, [held])
        table.hands.recall(SessionId(new_uuid7()), [held])

        assert {"ada": [held]} == table.recalled


class TestABacklog:
    def test_is_not_passed_by_what_begins(self) -> None:
        """Whoever knows that others wait gets nothing that came after them."""
        table = Table()
        table.join("ada", 10, has_backlog=True)

        assert [[]] == handed(table.kept(creating(1)))

    def test_is_passed_by_an_instance_for_a_run(self) -> None:
        """Then it waits like everybody, and may begin another."""
        table = Table()
        ada = table.join("ada", 1_000, has_backlog=True)
        before = instance(NOON)
        turns = [
            bool(table.kept(step(before, new_tasks=[new_task(before, 1)]), of=ada)[0].handed)
            for _ in range(MAX_RUN + 2)
        ]

        assert [True] * MAX_RUN + [False, True] == turns

    def test_is_passed_for_no_longer_than_a_run_lasts(self) -> None:
        """Sixteen tasks of an hour each are not a short way round anybody."""
        table = Table()
        ada = table.join("ada", 10, has_backlog=True)
        before = instance(NOON)
        first = table.kept(step(before, new_tasks=[new_task(before, 1)]), of=ada)
        table.time += RUN_LASTS_S + 0.01
        second = table.kept(step(before, new_tasks=[new_task(before, 2)]), of=ada)

        assert [[[1]], [[]]] == [handed(first), handed(second)]

    def test_that_is_none_lets_an_instance_run_on(self) -> None:
        """Nobody waits behind it."""
        table = Table()
        ada = table.join("ada", 1_000)
        before = instance(NOON)
        turns = [
            bool(table.kept(step(before, new_tasks=[new_task(before, 1)]), of=ada)[0].handed)
            for _ in range(2 * MAX_RUN)
        ]

        assert all(turns)
