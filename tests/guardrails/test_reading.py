"""Policies as people write them."""

from datetime import timedelta
from typing import Any

import pytest

from shared.errors import InvalidJson, LimitExceeded
from shared.guardrails.policy import MAX_POLICY_BYTES, Policy
from shared.guardrails.reading import PolicyInvalid, parse_policy
from shared.guardrails.values import MAX_VIOLATIONS
from shared.guardrails.writing import dump_policy, policy_sha256
from shared.json import Json, dump, load
from tests.guardrails.policies import OUTPUT, TRIAGE, a_policy

TOOL = {"server": "crm", "name": "look", "manifest_sha256": "0" * 64}
MODEL = {"provider": "p", "model": "m", "input_price": 1, "output_price": 1}


def wrong_in(body: Json) -> dict[str, str]:
    with pytest.raises(PolicyInvalid) as raised:
        parse_policy(dump(body))
    return raised.value.violations


class TestAPolicy:
    def test_that_says_nothing_is_one(self) -> None:
        """A layer may be about one limit only."""
        assert [Policy(), "{}"] == [parse_policy("{}"), dump_policy(Policy())]

    def test_is_known_by_a_hash_that_does_not_depend_on_how_it_was_written(self) -> None:
        """Order of keys, of sets, and another notation of the same time are no other policy."""
        one: Json = {"send": ["/a", "/b"], "approval": {"expires_in": "P1D"}, "mode": "act"}
        other: Json = {
            "mode": "act",
            "approval": {"expires_in": "PT24H"},
            "send": ["/b", "/a/x", "/a"],
        }

        assert policy_sha256(parse_policy(dump(one))) == policy_sha256(parse_policy(dump(other)))

    def test_reads_durations_in_weeks_down_to_seconds(self) -> None:
        """Of months and years nobody knows how long they are."""
        found = parse_policy('{"approval": {"expires_in": "P1W2DT3H4M5S"}}').approval.expires_in

        assert timedelta(days=9, hours=3, minutes=4, seconds=5) == found

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"mood": "act"}, "/mood"),
            ({"mode": None}, "/mode"),
            ({"approval": {"quorum": None}}, "/approval/quorum"),
            ({"mode": "yolo"}, "/mode"),
            ({"models": [{**MODEL, "model": ""}]}, "/models/0/model"),
            ({"models": [MODEL, MODEL]}, "/models"),
            ({"models": [{**MODEL, "input_price": -1}]}, "/models/0/input_price"),
            ({"models": [{**MODEL, "input_price": True}]}, "/models/0/input_price"),
            ({"models": [{**MODEL, "key": "sk-1"}]}, "/models/0/key"),
            ({"instructions": " "}, "/instructions"),
            ({"decisions": {"A": {"act": "always"}}}, "/decisions/A/act"),
            ({"decisions": {"A": {"min_confidence": 1.1}}}, "/decisions/A/min_confidence"),
            ({"decisions": {"A": {"min_confidence": True}}}, "/decisions/A/min_confidence"),
            ({"decisions": {"A/B": {"rsik": "low"}}}, "/decisions/A~1B/rsik"),
            ({"decisions": {"abstain": {}}}, "/decisions/abstain"),
            ({"decisions": {"A.*": {}}}, "/decisions/A.*"),
            ({"denied_events": ["A*B"]}, "/denied_events/0"),
            ({"send": ["a"]}, "/send/0"),
            ({"send": ["/a/*"]}, "/send/0"),
            ({"send": "/a"}, "/send"),
            ({"redact": ["/a~2"]}, "/redact/0"),
            ({"output": {"type": "object"}}, "/output"),
            ({"output": {"$ref": "#"}}, "/output/$ref"),
            ({"output": {"allOf": [OUTPUT, {"type": "string"}]}}, "/output"),
            ({"max_repair": 4}, "/max_repair"),
            ({"tools": [{**TOOL, "manifest_sha256": "F" * 64}]}, "/tools/0/manifest_sha256"),
            ({"tools": [{**TOOL, "effect": "WRITE"}]}, "/tools/0/effect"),
            ({"limits": {"seconds": 3_601}}, "/limits/seconds"),
            ({"limits": {"cost": 1}}, "/limits/cost"),
            ({"limits": []}, "/limits"),
            ({"approval": {"quorum": 0}}, "/approval/quorum"),
            ({"approval": {"four_eyes": 1}}, "/approval/four_eyes"),
            ({"approval": {"expires_in": "P1M"}}, "/approval/expires_in"),
            ({"approval": {"expires_in": "PT"}}, "/approval/expires_in"),
            ({"approval": {"users": ["a\u202e"]}}, "/approval/users/0"),
            ({"record": {"prompt": "raw"}}, "/record/prompt"),
            ({"record": {"keep": "P99999D"}}, "/record/keep"),
            ([], ""),
        ],
    )
    def test_with_something_wrong_is_refused_with_the_place(self, body: Any, pointer: str) -> None:
        """A key that is spelled wrong would otherwise be a guardrail that is not there."""
        assert [pointer] == [*wrong_in(body)]

    def test_is_told_all_that_is_wrong_up_to_a_bound(self) -> None:
        """An author corrects it at once, and a hostile one gets no endless answer."""
        body: Json = {f"k{at:03}": 1 for at in range(100)}

        assert len(wrong_in(body)) == MAX_VIOLATIONS

    def test_that_is_too_large_or_no_json_is_refused(self) -> None:
        """Both before anything is looked at."""
        with pytest.raises(InvalidJson):
            parse_policy("{")
        with pytest.raises(LimitExceeded):
            parse_policy(dump({"instructions": "x" * MAX_POLICY_BYTES}))

    def test_is_written_as_it_was_read(self) -> None:
        """The whole of one, with everything that can be in it."""
        body = {
            **TRIAGE,
            "denied_events": ["X*"],
            "output": OUTPUT,
            "max_repair": 2,
            "tools": [{**TOOL, "max_calls": 2}],
            "limits": {"seconds": 9},
            "approval": {"users": ["a"], "roles": [], "quorum": 2, "expires_in": "P1DT5S"},
            "record": {"prompt": "redacted", "keep": "PT5S"},
        }
        body["decisions"] = {"A": {"risk": "low", "act": "auto", "min_confidence": 0.5}}
        body["send"] = sorted(body["send"])

        assert body == load(dump_policy(a_policy(**body)))
