"""The timers of the next seconds in memory: in order, and never more certain than they are."""

from datetime import UTC, datetime, timedelta

from control_plane.loops.near_future import NearFuture, key_of
from control_plane.ports.due import DueTimer
from control_plane.ports.records import InstanceKey
from shared.ids import new_instance_id
from tests.contract.worlds import ACME

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HORIZON = NOW + 10 * SECOND


def timer(seconds: float, name: str = "t") -> DueTimer:
    """A timer of an instance of its own."""
    return DueTimer(ACME, new_instance_id(), name, NOW + seconds * SECOND)


def knowing(*timers: DueTimer) -> NearFuture:
    """The near future after a look that found these."""
    near = NearFuture()
    near.look_up(timers, HORIZON, but_for=frozenset())
    return near


class TestWhatIsDue:
    def test_is_taken_in_order_and_once(self) -> None:
        """Whoever took it fires it."""
        late, early, later = timer(2), timer(1), timer(3)
        near = knowing(late, early, later)

        assert [early, late] == near.take_due(NOW + 2 * SECOND, 10)
        assert [] == near.take_due(NOW + 2 * SECOND, 10)
        assert later.due == near.next_due

    def test_is_taken_no_more_at_once_than_asked_for(self) -> None:
        """The rest stays for the next slice."""
        first, second = timer(1), timer(2)
        near = knowing(second, first)

        assert [first] == near.take_due(HORIZON, 1)
        assert [second] == near.take_due(HORIZON, 1)

    def test_includes_what_a_commit_armed_since_the_look(self) -> None:
        """A plane's own timers need no look."""
        near = knowing(timer(5))
        armed = timer(1)

        assert near.arm(*key_of(armed), armed.due)
        assert [armed] == near.take_due(NOW + SECOND, 10)

    def test_leaves_out_what_a_commit_disarmed(self) -> None:
        """Firing it would be ignored, at the price of a read."""
        gone, stays = timer(1), timer(1)
        near = knowing(gone, stays)

        near.disarm(key_of(gone)[0], ["t", "unknown"])

        assert [stays] == near.take_due(HORIZON, 10)

    def test_goes_by_the_newest_instant_of_a_timer(self) -> None:
        """Armed again, it fires at the second instant only, be it earlier or later."""
        sooner, later = timer(5), timer(1)
        near = knowing(sooner, later)

        near.arm(*key_of(sooner), NOW + SECOND)
        near.arm(*key_of(later), NOW + 5 * SECOND)

        assert [sooner._replace(due=NOW + SECOND)] == near.take_due(NOW + 4 * SECOND, 10)
        assert [later._replace(due=NOW + 5 * SECOND)] == near.take_due(HORIZON, 10)

    def test_leaves_out_what_is_being_seen_to(self) -> None:
        """A look finds timers whose turns are on their way."""
        firing, new = timer(1), timer(2)
        near = NearFuture()

        near.look_up([firing, new], HORIZON, but_for={key_of(firing)})

        assert [new] == near.take_due(HORIZON, 10)

    def test_knows_a_timer_once_however_often_it_is_found(self) -> None:
        """Every look finds what has not fired yet."""
        one = timer(1)
        near = knowing(one)
        near.look_up([one], HORIZON, but_for=frozenset())

        assert [one] == near.take_due(HORIZON, 10)
        assert 0 == len(near)


class TestTheHorizon:
    def test_keeps_out_what_falls_due_beyond_it(self) -> None:
        """Memory holds the next seconds, not the next years; a later look finds the rest."""
        near = knowing()
        key = InstanceKey(ACME, new_instance_id())

        assert not near.arm(key, "t", HORIZON + SECOND)
        assert 0 == len(near)

    def test_lets_go_of_what_is_put_off_beyond_it(self) -> None:
        """It would fire at the instant it no longer has."""
        one = timer(1)
        near = knowing(one)

        near.arm(*key_of(one), HORIZON + SECOND)

        assert near.next_due is None

    def test_is_nowhere_before_the_first_look(self) -> None:
        """Which finds everything."""
        assert not NearFuture().arm(InstanceKey(ACME, new_instance_id()), "t", NOW)
