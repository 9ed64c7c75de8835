"""ARCHITECTURE.md describes the tree as it is: files, tables, lifecycles, modules."""

import re

from control_plane import lifecycles
from shared.postgres.tables import metadata
from tests.docs.pages import ROOT, blocks, code, page, rows, section

PAGE = page("ARCHITECTURE.md")
PACKAGES = ("control_plane", "executor", "shared", "migrations", "bench")
ENTRIES = {"__init__.py", "__main__.py"}


class TestTheRing:
    def test_passes_files_that_exist(self) -> None:
        """Whoever follows the ring opens one file a hop."""
        named = [
            name for name in code(PAGE) if re.fullmatch(r"[\w./]+\.(py|sql)", name) and "/" in name
        ]

        assert len(rows(section(PAGE, "## The ring"))) == 11
        assert [] == [name for name in named if not (ROOT / name).is_file()]


class TestTheListOfTables:
    def test_is_the_schema_in_its_order(self) -> None:
        """A table that is not told of is one that nobody looks into."""
        told = [cells[0].strip("`") for cells in rows(section(PAGE, "## Tables"))]

        assert [table.name for table in metadata.tables.values()] == told


class TestTheLifecycles:
    def test_are_drawn_from_the_code(self) -> None:
        """The drawing and the checks in the code are one."""
        drawn = [
            block.text.rstrip("\n")
            for block in blocks(section(PAGE, "## Lifecycles"))
            if block.language == "mermaid"
        ]

        assert [
            lifecycles.draw(lifecycles.DefinitionLifecycle),
            lifecycles.draw(lifecycles.InstanceLifecycle),
            lifecycles.draw(lifecycles.TaskLifecycle),
        ] == drawn


class TestTheMap:
    def test_has_every_module_and_no_other(self) -> None:
        """A module that is not on the map has no place yet."""
        told = [cells[0].strip("`") for cells in rows(section(PAGE, "## Modules"))]

        assert _modules() == sorted(told)
        assert len(told) == len(set(told))


def _modules() -> list[str]:
    """What is directly inside the packages: modules, and folders that hold code."""
    found = []
    for package in PACKAGES:
        for path in (ROOT / package).iterdir():
            is_module = path.suffix == ".py" and path.name not in ENTRIES
            is_folder = path.is_dir() and any(
                file.suffix in {".py", ".sql"} for file in path.rglob("*")
            )
            if is_module or is_folder:
                found.append(path.relative_to(ROOT).as_posix())
    return sorted(found)
