"""Timestamps, durations, time zones, and the injected time."""

from datetime import UTC, datetime, timedelta

import pytest

from control_plane.engine.expressions import Budget, ExpressionError, compile_expression
from tests.engine.expressions.evaluating import NOW, evaluate, refusal


class TestTimestamps:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("now", "2030-01-31T12:00:00Z"),
            ("now + duration('36h')", "2030-02-02T00:00:00Z"),
            ("timestamp('2030-01-31T13:00:00+01:00') == now", True),
            ("timestamp(context.due) > now", True),
            ("timestamp('2030-01-31T12:00:00.5Z')", "2030-01-31T12:00:00.500Z"),
            ("timestamp('2030-01-31T12:00:00.000000001Z')", "2030-01-31T12:00:00.000000001Z"),
            ("timestamp(0)", "1970-01-01T00:00:00Z"),
            ("[now, {'at': now}]", ["2030-01-31T12:00:00Z", {"at": "2030-01-31T12:00:00Z"}]),
        ],
    )
    def test_leave_as_rfc_3339_text(self, text: str, value: object) -> None:
        """What timestamp() reads back."""
        assert value == evaluate(text, {"due": "2030-02-01T00:00:00Z"})

    @pytest.mark.parametrize(
        "text",
        [
            *("2030-02-30T00:00:00Z", "2030-01-01", "2030-01-01T00:00:00", "0000-01-01T00:00:00Z"),
            *("2030-01-01T00:00:00+24:00", "10000-01-01T00:00:00Z", "2030-01-01T24:00:00Z", ""),
            *("٢٠٣٠-01-01T00:00:00Z", "2030-01-01T00:00:00Z\n"),
        ],
    )
    def test_are_not_read_from_other_text(self, text: str) -> None:
        """A date that is not one is an error, never another date."""
        assert "no timestamp" in refusal("timestamp(context.text)", {"text": text}).message

    @pytest.mark.parametrize(
        "text",
        [
            "timestamp('9999-12-31T23:59:59Z') + duration('1s')",
            "timestamp('0001-01-01T00:00:00Z') - duration('1ns')",
            "timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')",
            "duration('2562047h') + duration('2562047h')",
        ],
    )
    def test_out_of_range_are_an_error(self, text: str) -> None:
        """Timestamps end with the year 9999, durations after 292 years."""
        assert "out of range" in refusal(text).message

    def test_are_not_added_to_each_other(self) -> None:
        """A difference has a meaning, a sum has none."""
        assert "+ is not defined for (timestamp, timestamp)" in refusal("now + now").message


class TestTheFieldsOfATimestamp:
    @pytest.mark.parametrize(
        ("call", "value"),
        [
            ("getFullYear()", 2030),
            ("getMonth()", 0),
            ("getDate()", 31),
            ("getDayOfMonth()", 30),
            ("getDayOfWeek()", 4),
            ("getDayOfYear()", 30),
            ("getHours()", 12),
            ("getHours('Europe/Berlin')", 13),
            ("getHours('')", 12),
            ("getHours('Z')", 12),
            ("getHours('-02:30')", 9),
            ("getMinutes('-02:30')", 30),
            ("getDate('Pacific/Auckland')", 1),
            ("getMilliseconds()", 0),
        ],
    )
    def test_are_read_in_a_time_zone(self, call: str, value: int) -> None:
        """In UTC where none is named; months and days count from 0, except getDate."""
        assert value == evaluate(f"now.{call}")

    @pytest.mark.parametrize(
        "zone", ["No/Where", "../../etc/passwd", "/etc/passwd", "+99:00", "A" * 99, "a/b/c/d"]
    )
    def test_refuse_a_zone_that_is_none(self, zone: str) -> None:
        """A zone's name never becomes a path."""
        assert "no such time zone" in refusal("now.getHours(context.z)", {"z": zone}).message

    @pytest.mark.parametrize(
        ("call", "value"),
        [
            ("timestamp('0001-01-01T00:00:00Z').getFullYear('-05:00')", 0),
            ("timestamp('0001-01-01T00:00:00Z').getDayOfYear('-05:00')", 365),
            ("timestamp('0001-01-01T00:00:00Z').getHours('-05:00')", 19),
            ("timestamp('9999-12-31T23:59:59Z').getFullYear('+05:00')", 10_000),
            ("timestamp('9999-12-31T23:59:59Z').getDate('+05:00')", 1),
            ("timestamp('9999-12-31T23:59:59Z').getDayOfWeek('+05:00')", 6),
        ],
    )
    def test_go_a_little_beyond_the_range_of_timestamps(self, call: str, value: int) -> None:
        """The first hours of the year 1 are in the year 0 further west."""
        assert value == evaluate(call)


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("duration('90s')", "PT90S"),
            ("duration('-1.5s')", "-PT1.500S"),
            ("duration('1h1m1s1ms1us1ns')", "PT3661.001001001S"),
            ("duration('PT1H30M') == duration('90m')", True),
            ("duration('P1DT0.5S')", "PT86400.500S"),
            ("duration('P2W') == duration('336h')", True),
            ("duration(context.kept) == duration('90s')", True),
            ("string(duration('90m'))", "5400s"),
            ("duration('3730s').getMinutes()", 62),
            ("duration('0') == duration('-0')", True),
            ("duration('2s') - duration('1h')", "-PT3598S"),
            ("duration('1s') < duration('1500ms')", True),
            ("duration('-3.7s').getMilliseconds()", -700),
            ("now - timestamp('2030-01-31T11:00:00Z') == duration('1h')", True),
        ],
    )
    def test_leave_as_iso_8601_and_come_back(self, text: str, value: object) -> None:
        """The form that delays and timeouts of a definition are written in."""
        assert value == evaluate(text, {"kept": "PT90S"})

    @pytest.mark.parametrize(
        "text",
        ["", "1", "s", "1d", "P", "PT", "P1Y", "P1M", "1s ", "--1s", "999999999999h", "9" * 99],
    )
    def test_are_not_read_from_other_text(self, text: str) -> None:
        """Months and years have no fixed length, so that they are none."""
        assert "no duration" in refusal("duration(context.text)", {"text": text}).message


class TestTheInjectedTime:
    def test_is_the_same_moment_in_every_zone(self) -> None:
        """The caller's zone does not show."""
        expression = compile_expression("now", frozenset({"now"}))
        elsewhere = NOW.astimezone(None)

        assert "2030-01-31T12:00:00Z" == expression.evaluate({"now": elsewhere}, Budget())

    def test_keeps_its_microseconds(self) -> None:
        """Two events of one second stay in order."""
        expression = compile_expression("now", frozenset({"now"}))
        moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)

        assert "0001-01-01T00:00:00.000001Z" == expression.evaluate({"now": moment}, Budget())

    def test_is_refused_without_a_zone_or_as_text(self) -> None:
        """A naive datetime would be another moment on another machine."""
        expression = compile_expression("now", frozenset({"now"}))

        for wrong in (NOW.replace(tzinfo=None), "2030-01-31T12:00:00Z"):
            with pytest.raises(ExpressionError, match="time zone"):
                expression.evaluate({"now": wrong}, Budget())
