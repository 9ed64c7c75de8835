"""Layers of policies only narrow one another."""

from hypothesis import HealthCheck, given, settings

from shared.guardrails.pointers import within_both
from shared.guardrails.policy import Policy
from shared.guardrails.reading import parse_effective
from shared.guardrails.tightening import effective, settled, tighten
from shared.guardrails.writing import dump_policy, policy_sha256
from tests.guardrails.policies import LAYERS, a_policy

MODES = ["off", "shadow", "suggest", "act"]
ACTS = ["never", "with_approval", "auto"]
RISKS = ["low", "medium", "high"]


def is_no_wider(result: Policy, layer: Policy) -> bool:
    """Whether the result allows nothing that the layer forbids, of what the layer speaks of."""
    rules, given_rules = result.decisions or {}, layer.decisions
    limits = type(layer.limits).__dataclass_fields__
    return all(
        [
            layer.mode is None or MODES.index(result.mode or "act") <= MODES.index(layer.mode),
            layer.models is None
            or {(one.provider, one.model) for one in result.models or ()}
            <= {(one.provider, one.model) for one in layer.models},
            all(
                one.input_price >= other.input_price
                for one in result.models or ()
                for other in layer.models or ()
                if (one.provider, one.model) == (other.provider, other.model)
            ),
            given_rules is None
            or all(
                event in given_rules
                and ACTS.index(rule.act) <= ACTS.index(given_rules[event].act)
                and RISKS.index(rule.risk) >= RISKS.index(given_rules[event].risk)
                and rule.min_confidence >= given_rules[event].min_confidence
                for event, rule in rules.items()
            ),
            {*layer.denied_events} <= {*result.denied_events},
            layer.send is None or result.send == within_both(result.send or (), layer.send),
            all(
                any(one == outer or one.startswith(outer + "/") for outer in result.redact)
                for one in layer.redact
            ),
            all(
                any(one == outer or one.startswith(outer + "/") for outer in result.untrusted)
                for one in layer.untrusted
            ),
            all(schema in result.output for schema in layer.output),
            layer.max_repair is None or (result.max_repair or 0) <= layer.max_repair,
            layer.tools is None
            or all(
                any(
                    one.max_calls <= other.max_calls
                    and (one.server, one.name, one.manifest_sha256)
                    == (other.server, other.name, other.manifest_sha256)
                    for other in layer.tools
                )
                for one in result.tools or ()
            ),
            all(
                getattr(layer.limits, name) is None
                or getattr(result.limits, name) <= getattr(layer.limits, name)
                for name in limits
            ),
            layer.approval.users is None
            or {*(result.approval.users or ())} <= {*layer.approval.users},
            layer.approval.roles is None
            or {*(result.approval.roles or ())} <= {*layer.approval.roles},
            (result.approval.quorum or 1) >= (layer.approval.quorum or 1),
            layer.approval.expires_in is None
            or (result.approval.expires_in or layer.approval.expires_in)
            <= layer.approval.expires_in,
            result.approval.four_eyes or not layer.approval.four_eyes,
            layer.record.prompt != "hash" or result.record.prompt == "hash",
        ]
    )


def unhurried(**more: int) -> settings:
    """Policies are large, and the machine may have other things to do."""
    return settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], **more)  # type: ignore[arg-type]  # of its numbers


class TestLayersTakenTogether:
    @given(LAYERS, LAYERS, LAYERS)
    @unhurried(max_examples=60)
    def test_are_the_same_in_whatever_groups(self, a: Policy, b: Policy, c: Policy) -> None:
        """What is pinned to a task must not depend on which layers were joined before."""
        assert tighten(tighten(a, b), c) == tighten(a, tighten(b, c))

    @given(LAYERS)
    @unhurried()
    def test_are_nothing_new_if_they_are_the_same(self, a: Policy) -> None:
        """A layer that is applied twice by mistake does no harm; one that says nothing, none."""
        assert [a, a, a] == [tighten(a, a), tighten(Policy(), a), tighten(a, Policy())]

    @given(LAYERS, LAYERS)
    @unhurried(max_examples=80)
    def test_allow_nothing_that_one_of_them_forbids(self, a: Policy, b: Policy) -> None:
        """A tenant cannot widen what the platform says, nor a definition what its tenant says."""
        assert [True, True] == [is_no_wider(tighten(a, b), one) for one in (a, b)]

    @given(LAYERS, LAYERS)
    @unhurried()
    def test_read_back_as_they_are_written(self, a: Policy, b: Policy) -> None:
        """The executor reads the text that the control plane pinned."""
        whole = effective([a, b])

        assert [whole, policy_sha256(whole)] == [
            back := parse_effective(dump_policy(whole)),
            policy_sha256(back),
        ]

    @given(LAYERS, LAYERS)
    @unhurried()
    def test_say_something_of_everything_in_the_end(self, a: Policy, b: Policy) -> None:
        """What nobody allowed is not allowed, and what is settled stays as it is."""
        whole = effective([a, b])

        assert None not in [
            whole.mode, whole.models, whole.decisions, whole.send, whole.tools, whole.max_repair,
            whole.limits.cost_per_day, whole.approval.quorum, whole.record.keep,
        ]  # fmt: skip
        assert whole == settled(whole)


class TestApprovers:
    def test_of_two_layers_are_those_that_each_names(self) -> None:
        """Whoever is named by user in one and by role in the other was meant by neither."""
        one = a_policy(approval={"users": ["ann", "bob"]})
        other = a_policy(approval={"users": ["bob"], "roles": ["clerk"]})
        third = a_policy(approval={"roles": ["clerk"]})

        assert [("bob",), ()] == [
            tighten(one, other).approval.users,
            tighten(one, other).approval.roles,
        ]
        assert [(), ()] == [
            tighten(one, third).approval.users,
            tighten(one, third).approval.roles,
        ]


class TestModels:
    def test_are_asked_in_the_order_of_the_inner_layer_at_the_higher_price(self) -> None:
        """Whoever wrote the task knows which model does; the platform knows what it costs."""
        platform = a_policy(
            models=[
                {"provider": "p", "model": "a", "input_price": 9, "output_price": 1, "secret": "s"},
                {"provider": "p", "model": "b", "input_price": 1, "output_price": 1},
            ]
        )
        inner = a_policy(
            models=[
                {"provider": "p", "model": "b", "input_price": 2, "output_price": 2},
                {"provider": "p", "model": "a", "input_price": 1, "output_price": 2},
                {"provider": "p", "model": "c", "input_price": 0, "output_price": 0},
            ]
        )
        found = tighten(platform, inner).models or ()

        assert [("b", 2, 2, None), ("a", 9, 2, "s")] == [
            (one.model, one.input_price, one.output_price, one.secret) for one in found
        ]
