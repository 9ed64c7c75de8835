"""What `make e2e-topology` would find: each thing that must not be, and nothing if all is well."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from tests.campaigns.topology.checking import Effect, Kept, check
from tests.campaigns.topology.seen import Call, Seen, percentile

Told = tuple[Seen, dict[str, Kept], list[Effect]]


def all_is_well() -> Told:
    """An instance that was started, sent an event and watched, with a task of each kind."""
    seen = Seen(
        calls=[Call(method="StartInstance", phase="steady", took_s=0.1)],
        started={"talk-1": "i"},
        sent={"i": ["w1", "w2"]},
        decided={"i:1": "yes"},
        reported={"i:3": "r3"},
        watched={"0:i": [1, 2, 3]},
        followed={0: [("i", 1), ("i", 2), ("i", 3)]},
        closed={"0:i"},
    )
    kept = Kept(
        key="talk-1",
        status="completed",
        applied=["w1", "w2"],
        entries=3,
        outputs={"i:1": {"answer": "yes"}, "i:2": {"run": "r2"}, "i:3": {"run": "r3"}},
    )
    effects = [Effect(task="i:2", key="k2", run="r2"), Effect(task="i:3", key="k3", run="r3")]
    return seen, {"i": kept}, effects


def a_call_failed(told: Told) -> None:
    told[0].calls.append(Call(method="SendEvent", phase="roll", took_s=1, failed="UNAVAILABLE"))


def an_instance_is_gone(told: Told) -> None:
    told[1].clear()


def an_instance_is_stuck(told: Told) -> None:
    told[1]["i"] = replace(told[1]["i"], status="running")


def a_start_counted_twice(told: Told) -> None:
    told[1]["j"] = replace(told[1]["i"], entries=0)


def an_event_is_lost(told: Told) -> None:
    told[1]["i"] = replace(told[1]["i"], applied=["w1"])


def an_event_was_applied_twice(told: Told) -> None:
    told[1]["i"] = replace(told[1]["i"], applied=["w1", "w2", "w2"])


def a_decision_is_another(told: Told) -> None:
    told[0].decided["i:1"] = "no"


def an_outcome_is_lost(told: Told) -> None:
    told[0].reported["i:3"] = "another"


def an_outcome_is_nobodys(told: Told) -> None:
    told[2][0] = Effect(task="i:2", key="k2", run="r1")


def a_task_was_carried_out_twice(told: Told) -> None:
    told[2].insert(0, Effect(task="i:2", key="k2", run="r1"))


def a_watch_has_a_gap(told: Told) -> None:
    told[0].watched["0:i"] = [1, 3]


def a_watch_was_told_twice(told: Told) -> None:
    told[0].watched["0:i"] = [1, 2, 2, 3]


def a_watch_ended_early(told: Told) -> None:
    told[0].closed.clear()


def a_follower_missed_the_end(told: Told) -> None:
    told[0].followed[0].pop()


WRONGS: Mapping[Callable[[Told], None], str] = {
    a_call_failed: "SendEvent failed with UNAVAILABLE",
    an_instance_is_gone: "which is not there",
    an_instance_is_stuck: "is running, not completed",
    a_start_counted_twice: "was started 2 times",
    an_event_is_lost: "and applied ['w1']",
    an_event_was_applied_twice: "and applied ['w1', 'w2', 'w2']",
    a_decision_is_another: "the decision no of i:1",
    an_outcome_is_lost: "the outcome another of i:3",
    an_outcome_is_nobodys: "of a run that nobody made",
    a_task_was_carried_out_twice: "was carried out 2 times",
    a_watch_has_a_gap: "was told [1, 3]",
    a_watch_was_told_twice: "was told [1, 2, 2, 3]",
    a_watch_ended_early: "did not end with its instance",
    a_follower_missed_the_end: "follower 0 was told [1, 2] of i",
}


class TestTheChecker:
    def test_finds_nothing_where_all_is_well(self) -> None:
        """An alarm for nothing would be switched off."""
        assert [] == check(*all_is_well())

    @pytest.mark.parametrize("wrong", WRONGS, ids=lambda one: str(one.__name__))
    def test_finds(self, wrong: Callable[[Told], None]) -> None:
        """Each on its own: a campaign that cannot fail says nothing."""
        told = all_is_well()
        wrong(told)

        found = check(*told)
        assert [one for one in found if WRONGS[wrong] in one], found


class TestAPercentile:
    @pytest.mark.parametrize(
        ("values", "share", "expected"),
        [([], 0.5, 0.0), ([3.0], 0.99, 3.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0)],
    )
    def test_is_the_value_that_so_many_do_not_exceed(
        self, values: Sequence[float], share: float, expected: float
    ) -> None:
        """The report is read by its tail."""
        assert expected == percentile(values, share)
