"""The site: its nav leads to every page once, and to nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT

CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
BROUGHT = "repository/"
"""Below it stands what docs/hooks.py brings into the site from outside docs/."""


def entries(nav: Any) -> Iterator[str]:
    """The pages that the nav names, in its order."""
    if isinstance(nav, str):
        yield nav
        return
    for inner in nav.values() if isinstance(nav, dict) else nav:
        yield from entries(inner)


def file_of(entry: str) -> Path:
    if entry.startswith(BROUGHT):
        return ROOT / entry.removeprefix(BROUGHT)
    return ROOT / "docs" / entry


NAV = list(entries(CONFIG["nav"]))
PAGES = sorted(path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md"))


class TestTheNav:
    @pytest.mark.parametrize("name", PAGES)
    def test_leads_to_the_page(self, name: str) -> None:
        """A page that mkdocs.yml does not name is one that nobody comes to: add it to the nav."""
        assert 1 == NAV.count(name)

    @pytest.mark.parametrize("entry", NAV)
    def test_leads_somewhere(self, entry: str) -> None:
        """To a page that is there, in docs/ or in the repository beside it."""
        assert file_of(entry).is_file()


class TestTheConfiguration:
    def test_is_strict_about_links_and_pages(self) -> None:
        """What MkDocs only remarks by default ends `make site`, and with it `make check`."""
        asked = {*CONFIG["validation"]["nav"].values(), *CONFIG["validation"]["links"].values()}

        assert (True, {"warn"}) == (CONFIG["strict"], asked)
