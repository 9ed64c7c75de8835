"""What the output of a task must look like."""

from typing import Any

import pytest

from shared.forms import (
    MAX_FORM_WORK,
    MAX_PATTERN_TEXT,
    MAX_VIOLATIONS,
    TooMuchToCheck,
    problem_of,
    violations,
)

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["approved"],
    "properties": {
        "approved": {"type": "boolean"},
        "lines": {
            "type": "array",
            "items": {"properties": {"price": {"type": "integer", "minimum": 1}}},
        },
    },
    "additionalProperties": False,
}


def told(form: dict[str, Any], output: Any) -> list[tuple[str, str]]:
    return [("/".join(map(str, one.path)), one.message) for one in violations(form, output)]


class TestAnOutput:
    def test_that_is_as_the_form_asks_has_nothing_wrong(self) -> None:
        """Also where it leaves out what it may leave out."""
        assert [] == told(ORDER, {"approved": True})

    def test_is_told_of_each_place_that_is_wrong(self) -> None:
        """A person corrects all of it at once."""
        output = {"lines": [{"price": 1}, {"price": 0}], "extra": 1}

        assert [
            ("approved", "is required"),
            ("extra", "is not asked for"),
            ("lines/1/price", "must be at least 1"),
        ] == sorted(told(ORDER, output))

    @pytest.mark.parametrize(
        ("form", "output", "message"),
        [
            ({"type": ["object", "null"]}, 1, "must be of type object or null"),
            ({"enum": ["a", "b"]}, "c", 'must be one of ["a","b"]'),
            ({"const": 1}, 2, "must be 1"),
            ({"pattern": "^[A-Z]+$"}, "x", 'must match "^[A-Z]+$"'),
            ({"uniqueItems": True}, [1, 1], "must not have an item twice"),
            ({"maxItems": 1}, [1, 2], "must have at most 1 items"),
            ({"anyOf": [{"type": "null"}]}, 1, "must be as one of the alternatives asks"),
            ({"oneOf": [{}, {}]}, 1, "must be as exactly one of the alternatives asks"),
            ({"not": {}}, 1, "must not be as it is"),
            ({"prefixItems": [{}], "items": False}, [1, 2], "has more items than are asked for"),
        ],
    )
    def test_is_told_in_our_own_words(
        self, form: dict[str, Any], output: Any, message: str
    ) -> None:
        """The library's repeat the output, which may be a secret."""
        assert [("", message)] == told(form, output)

    @pytest.mark.parametrize(
        ("form", "output"),
        [
            ({"pattern": "^x"}, 1),
            ({"uniqueItems": False}, [1, 1]),
            ({"uniqueItems": True}, "aa"),
            ({"uniqueItems": True}, [1, 2]),
        ],
    )
    def test_is_asked_for_nothing_that_is_said_of_others(
        self, form: dict[str, Any], output: Any
    ) -> None:
        """A pattern is for texts, and what occurs once for lists, where it is wanted."""
        assert [] == told(form, output)

    def test_lacks_only_what_is_not_there(self) -> None:
        """Of what is required, the rest."""
        assert [("b", "is required")] == told({"required": ["a", "b"]}, {"a": 1})

    def test_may_not_have_what_no_value_is_good_for(self) -> None:
        """A schema can be false as well."""
        assert [("", "is not asked for")] == told({"properties": {"a": False}}, {"a": 1})

    def test_names_what_is_required_beside_another(self) -> None:
        """The one that is missing is the place to correct."""
        form = {"dependentRequired": {"iban": ["holder", "bic"]}}

        assert [("holder", "is required beside 'iban'")] == told(form, {"iban": "x", "bic": "y"})

    def test_with_many_mistakes_is_told_of_the_first(self) -> None:
        """An answer has a bound as well."""
        form = {"items": {"type": "null"}}

        assert MAX_VIOLATIONS == len(told(form, list(range(100))))

    def test_is_not_looked_at_where_that_takes_too_long(self) -> None:
        """Everybody else would wait for it."""
        form: dict[str, Any] = {"items": {"allOf": [{"type": "integer"}] * 400}}

        with pytest.raises(TooMuchToCheck, match=f"over the limit of {MAX_FORM_WORK}"):
            violations(form, list(range(1_000)))

    def test_matches_no_pattern_by_a_very_long_text(self) -> None:
        """Linear time is time as well."""
        form = {"pattern": "a"}

        assert [] == told(form, "a" * MAX_PATTERN_TEXT)
        assert 1 == len(told(form, "a" * (MAX_PATTERN_TEXT + 1)))


class TestAForm:
    @pytest.mark.parametrize(
        "form",
        [
            {"$ref": "#"},
            {"properties": 1},
            {"properties": {"a": 1}},
            {"$defs": {"a": {}}},
            {"properties": {"a": {"patternProperties": {}}}},
            {"allOf": [{"unevaluatedProperties": False}]},
            {"type": "text"},
            {"items": {"pattern": "(?=a)"}},
            {"items": {"pattern": "a" * 201}},
            {"description": "x" * 17_000},
        ],
    )
    def test_that_could_take_any_time_or_is_none_is_refused(self, form: dict[str, Any]) -> None:
        """When its definition is made, and not when a person has filled it in."""
        assert problem_of(form) is not None

    def test_may_hold_what_is_for_its_drawing(self) -> None:
        """A name may look like a keyword, and a hint begins with x-."""
        form: dict[str, Any] = {"properties": {"$ref": {"type": "string", "x-widget": "area"}}}

        assert problem_of({"allOf": [form]}) is None
