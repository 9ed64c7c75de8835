"""What answers look like, for programs and for people."""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from foliot.v1 import explanation_pb2, instance_pb2, instance_service_pb2, json_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from control_plane.cli.plain import visible
from control_plane.cli.printing import (
    Column,
    as_data,
    local,
    print_facts,
    print_json,
    print_rows,
    word,
)


def text(value: object) -> json_pb2.Json:
    return json_pb2.Json(json=json.dumps(value))


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock is there."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class TestJson:
    def test_stands_for_itself_wherever_it_is(self) -> None:
        """In a field, in a message in a message, and in a map; with all digits of a number."""
        answer = instance_service_pb2.GetInstanceResponse(
            instance=instance_pb2.Instance(state=text("a"), context=text({"n": 9007199254740993}))
        )
        transition = explanation_pb2.CandidateTransition(
            operands={"context.n": text([1, None]), "event": json_pb2.Json()}
        )

        assert {"state": "a", "context": {"n": 9007199254740993}} == as_data(answer)["instance"]
        assert {"context.n": [1, None], "event": None} == as_data(transition)["operands"]

    def test_keeps_times_and_enums_as_the_api_writes_them(self) -> None:
        """A program that knows the one form knows the other."""
        at = Timestamp()
        at.FromDatetime(datetime(2026, 3, 29, 1, tzinfo=UTC))

        told = as_data(
            instance_pb2.Instance(start_time=at, status=instance_pb2.INSTANCE_STATUS_FAILED)
        )

        assert {"startTime": "2026-03-29T01:00:00Z", "status": "INSTANCE_STATUS_FAILED"} == told

    def test_is_one_line_where_many_follow_one_another(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Whatever is in it."""
        print_json(instance_pb2.Instance(context=text({"a": "b\nc"})), in_a_line=True)

        assert '{"context": {"a": "b\\nc"}}\n' == capsys.readouterr().out


class TestText:
    def test_of_others_steers_no_terminal(self) -> None:
        """Neither by escapes nor by what turns the writing direction round."""
        assert "a\\x1b[2Jb\\x9bc\\u202ed" == visible("a\x1b[2Jb\x9bc\u202ed")
        assert "ü\n\t☺" == visible("ü\n\t☺")


class TestATime:
    @pytest.mark.usefixtures("in_berlin")
    def test_is_that_of_the_clock_here_with_its_zone(self) -> None:
        """Both of the hours that a clock shows twice can be told apart."""
        found = []
        for hour in (0, 1):
            at = Timestamp()
            at.FromDatetime(datetime(2026, 10, 25, hour, 30, tzinfo=UTC))
            found.append(local(at))

        assert ["2026-10-25 02:30:00 CEST", "2026-10-25 02:30:00 CET"] == found
        assert "" == local(Timestamp())


class TestAnEnum:
    def test_is_a_word(self) -> None:
        """Without what all of its values have in common."""
        assert "FAILED" == word(instance_pb2.InstanceStatus, instance_pb2.INSTANCE_STATUS_FAILED)


class TestATable:
    COLUMNS: ClassVar[Sequence[Column[str]]] = (
        Column(name="id", of=lambda one: one * 20, whole=True),
        Column(name="nothing", of=lambda one: ""),
        Column(name="about", of=lambda one: f"[b]{one}[/b] " * 10),
    )

    def test_leaves_out_what_is_empty_in_all_rows(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And takes nothing for markup."""
        monkeypatch.setenv("COLUMNS", "200")
        print_rows("xy", self.COLUMNS)

        header, first, _ = capsys.readouterr().out.splitlines()
        assert ["id", "about"] == header.split()
        assert first.startswith(f"{'x' * 20}  [b]x[/b] [b]x[/b]")

    def test_breaks_what_may_be_broken(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As long as there is some room for it."""
        monkeypatch.setenv("COLUMNS", "50")
        print_rows("x", self.COLUMNS)

        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= 50
        assert 10 == "".join(lines).count("[b]x[/b]")

    def test_is_paragraphs_where_there_is_none(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A blank line between them; ids in one piece."""
        monkeypatch.setenv("COLUMNS", "32")
        print_rows("xy", self.COLUMNS)

        printed = capsys.readouterr().out
        assert printed.startswith(f"id     {'x' * 20}\n")
        assert f"\n\nid     {'y' * 20}\n" in printed

    def test_of_facts_leaves_out_what_is_empty(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nobody wants to read past what there is not."""
        print_facts({"one": "1", "none": "", "two": "2"})

        assert "one  1\ntwo  2\n" == capsys.readouterr().out
