"""docs/scaling.md: its tables are what the schema and the kept figures give."""

import re

import pytest
import sqlalchemy as sa

from bench.scaling.carrying import CEILING, node
from bench.scaling.distribution import EVERYWHERE, OF_A_NODE, by_tenant
from bench.scaling.page import TABLES, whole
from bench.scaling.spreading import SHARDS, spread
from shared.postgres.tables import metadata
from tests.docs.pages import ROOT, page

PAGE = page("docs/scaling.md")


class TestThePage:
    def test_says_what_its_program_writes(self) -> None:
        """Run `make gen` after a change of the schema, or with new figures."""
        assert whole(PAGE) == PAGE

    def test_has_every_table_there_is(self) -> None:
        """One that nobody reads need not be made."""
        assert sorted(TABLES) == sorted(re.findall(r"<!-- (?!end of)([a-z ]+) -->", PAGE))

    def test_names_files_that_are_there(self) -> None:
        """Which statements would have to change on several nodes."""
        named = re.findall(r"\(`(\w+\.py)`\)", PAGE)

        assert named
        for name in named:
            assert (ROOT / "control_plane/adapters/postgres" / name).is_file(), name

    def test_asks_for_no_table_that_nobody_makes(self) -> None:
        """A misspelt mark would leave an old table standing."""
        with pytest.raises(ValueError, match=r"docs/scaling\.md asks for 'prices'"):
            whole("<!-- prices -->\n<!-- end of prices -->")


class TestATable:
    def test_is_in_one_place(self) -> None:
        """Each of the schema, with its tenant, everywhere or of a node."""
        told = [*(one.name for one in by_tenant()), *EVERYWHERE, *OF_A_NODE]

        assert sorted(one.name for one in metadata.tables.values()) == sorted(told)

    def test_without_the_tenant_in_its_keys_is_not_by_tenant(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No node could tell that a key is taken on another."""
        other = sa.MetaData()
        sa.Table("stray", other, sa.Column("stray_id", sa.Text, primary_key=True))
        monkeypatch.setattr("bench.scaling.distribution.metadata", other)

        with pytest.raises(ValueError, match="stray has a key without tenant_id"):
            by_tenant()


class TestWhatIsCarriedFurther:
    def test_ends_where_nothing_was_measured(self) -> None:
        """A node of any size is not told to do more than one has done."""
        steps = {"cpu_us": {"postgres": 100}, "wal_bytes": 2**20, "bytes": 2**30}
        small, large = (node(cores, {"steps": steps}) for cores in (1, 1_000))

        assert (6_000, "its processor") == (round(small.steps_per_s), small.bound)
        assert (CEILING, "the ceiling") == (large.steps_per_s, large.bound)
        assert 6_000 == round(small.wal_mib_per_s)

    def test_spreads_equal_tenants_evenly(self) -> None:
        """And a turn of many tenants meets as many shards as chance has it meet."""
        found = spread(nodes=4, tenants=20_000, skew=0.0, seed=3)

        assert 1.0 <= found.busiest < 1.1
        # Of 128 shards, 64 draws meet 128 × (1 - (1 - 1/128) ** 64) on average.
        assert abs(SHARDS * (1 - (1 - 1 / SHARDS) ** 64) - found.shards) < 1
