"""A line of the archive holds all of an instance, and its history can be verified from it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from control_plane.orchestrator.chain import GENESIS, link
from control_plane.ports.records import HistoryEntry, Instance
from control_plane.ports.retention import Whole
from control_plane.use_cases.archived import ArchiveBroken, archive_line
from shared import json
from tests.contract.material import instance

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAYLOADS = ('{"input":{"b":1.10,"a":[1,2.0,1e-7]}}', '{"output":"ä\\u2028"}', "null")


def whole(*payloads: str, **values: Any) -> Whole:
    """An instance with such entries, chained."""
    chain, entries = GENESIS, []
    for seq, text in enumerate(payloads, start=1):
        payload = json.dump(json.load(text))
        chain = link(chain, seq, "EVENT", payload)
        entries.append(
            HistoryEntry(
                seq=seq, type="EVENT", ordinal=None, payload=payload, hash=chain, created_at=NOW
            )
        )
    row: Instance = instance(NOW, seq=len(payloads), history_hash=chain, **values)
    return Whole(instance=row, tasks=(), entries=entries)


class TestALine:
    def test_is_one_line_of_json_with_everything(self) -> None:
        """What were texts of JSON are JSON; a reader needs nothing else."""
        line = archive_line(whole(*PAYLOADS))

        read: Any = json.load(line)
        assert "\n" not in line
        assert {"total": 12.5} == read["instance"]["context"]
        assert NOW.isoformat() == read["instance"]["started_at"]
        assert [json.load(payload) for payload in PAYLOADS] == [
            one["payload"] for one in read["history"]
        ]

    def test_lets_its_history_be_verified(self) -> None:
        """By whoever has the line, and nothing else."""
        read: Any = json.load(archive_line(whole(*PAYLOADS)))

        chain = GENESIS
        for one in read["history"]:
            chain = link(chain, one["seq"], one["type"], json.dump(one["payload"]))
            assert chain.hex() == one["hash"]
        assert chain.hex() == read["instance"]["history_hash"]

    def test_is_the_same_whenever_it_is_made(self) -> None:
        """So an archive that is written again does not change."""
        one = whole(*PAYLOADS)

        assert archive_line(one) == archive_line(one)

    def test_is_refused_of_an_instance_whose_history_is_not_whole(self) -> None:
        """Removing it would remove what could tell why."""
        good = whole(*PAYLOADS)
        gap = replace(good, entries=[good.entries[0], good.entries[2]])
        short = replace(good, entries=good.entries[:2])
        changed = replace(
            good, entries=[*good.entries[:2], replace(good.entries[2], payload='{"x":1}')]
        )

        for broken in (gap, short, changed):
            with pytest.raises(ArchiveBroken):
                archive_line(broken)
