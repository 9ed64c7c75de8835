"""Pictures in Mermaid: the site draws all of them, and nothing that it does not understand."""

import re

import pytest

from tests.docs.pages import ROOT, Block, blocks, pages
from tests.docs.test_spec_reference import script

DRAWN = script("mermaid").drawn
PICTURES = [
    pytest.param(block, id=f"{path.relative_to(ROOT).as_posix()}:{block.line}")
    for path in pages()
    for block in blocks(path.read_text("utf-8"))
    if block.language == "mermaid"
]


def words(svg: str) -> str:
    """What can be read on a picture."""
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))


class TestAPicture:
    @pytest.mark.parametrize("block", PICTURES)
    def test_is_drawn_for_the_site(self, block: Block) -> None:
        """With every name that it has."""
        svg = DRAWN(block.text)
        named = re.findall(r'(?:state "|participant \w+ as )([^"\n]+)', block.text)

        assert svg.startswith('<figure class="diagram"><svg')
        assert "\n\n" not in svg
        assert [] == [name for name in named if name not in words(svg)]

    @pytest.mark.parametrize(
        "text", ["stateDiagram-v2\n    a ==> b", "sequenceDiagram\n    alt is new"]
    )
    def test_that_is_not_understood_is_an_error(self, text: str) -> None:
        """And not a gap that nobody sees."""
        with pytest.raises(ValueError, match="not known here"):
            DRAWN(text)
