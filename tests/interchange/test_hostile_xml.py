"""
Documents that were made to hurt: each is answered with a sentence that says where, and soon.
"""

import re
import time

import pytest

from control_plane.engine.limits import MAX_STATES, MAX_TRANSITIONS
from control_plane.interchange import DocumentUnreadable, read_scxml
from control_plane.interchange.xml_tree import MAX_XML_CHARACTERS, MAX_XML_DEPTH
from tests.interchange.playing import document, refused

BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE scxml [\n<!ENTITY a0 "ha">\n'
    + "".join(f'<!ENTITY a{n + 1} "' + f"&a{n};" * 10 + '">\n' for n in range(9))
    + "]>\n<scxml><state id='&a9;'/></scxml>"
)
QUICK_S = 10


def complaint(text: str) -> str:
    """What is said about a text that is no document."""
    with pytest.raises(DocumentUnreadable) as raised:
        read_scxml(text)
    return str(raised.value)


class TestADoctype:
    @pytest.mark.parametrize(
        "text",
        [
            BOMB,
            '<!DOCTYPE scxml SYSTEM "file:///etc/passwd"><scxml/>',
            '<!DOCTYPE scxml [<!ENTITY x SYSTEM "http://localhost/">]><scxml>&x;</scxml>',
            '<!DOCTYPE scxml [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><scxml/>',
            '<!DOCTYPE scxml [<!ATTLIST state id CDATA "a">]><scxml><state/></scxml>',
        ],
        ids=["bomb", "external subset", "external entity", "parameter entity", "default attribute"],
    )
    def test_is_refused_before_it_defines_anything(self, text: str) -> None:
        """Without one, XML has no entities to expand and nothing outside to fetch."""
        said = complaint(text)

        assert re.fullmatch(r"line \d: the document has a DOCTYPE, .*; take it out", said)

    def test_is_needed_for_an_entity(self) -> None:
        """An entity that nothing defines is an error of its place."""
        said = complaint("<scxml>\n<state id='&x;'/></scxml>")

        assert said.startswith("line 2, column ")


class TestADocumentThatIsTooMuch:
    def test_is_refused_by_its_size(self) -> None:
        """Ten megabytes are not looked at."""
        said = complaint(document("<!--" + "x" * 10_000_000 + "-->"))

        assert f"the limit is {MAX_XML_CHARACTERS:,}" in said

    def test_is_refused_by_its_depth(self) -> None:
        """Ten thousand levels would be ten thousand calls inside of each other."""
        said = complaint(document("<state>" * 10_000 + "</state>" * 10_000))

        assert said == f"line 2: elements are nested deeper than {MAX_XML_DEPTH} levels"

    def test_is_refused_by_its_states(self) -> None:
        """Before anything is made of them."""
        said = complaint(document("<state/>" * (MAX_STATES + 1)))

        assert said.endswith(f"a definition has at most {MAX_STATES}")

    def test_is_refused_by_the_events_it_answers(self) -> None:
        """One attribute may name any number of them."""
        words = " ".join(f"e{n}" for n in range(MAX_TRANSITIONS + 1))
        said = complaint(document(f'<state id="a"><transition event="{words}"/></state>'))

        assert said.endswith(f"a definition has at most {MAX_TRANSITIONS}")

    def test_is_refused_by_the_transitions_that_its_order_needs(self) -> None:
        """Each `*` before a name has to be asked with that name as well."""
        pairs = "".join(
            f'<transition event="*"/><transition event="e{n}"/>'
            for n in range(MAX_TRANSITIONS // 4)
        )
        said = complaint(document(f'<state id="a">{pairs}</state>'))

        assert "put those that answer `*` last" in said

    @pytest.mark.parametrize(
        "inside",
        [
            "x<state/>" * 400 + "x<!-- -->" * 200_000,
            '<state id="a">' + "<onentry/>" * 180_000 + "</state>",
            '<state id="a"><transition event="e" cond="' + "!" * 1_000_000 + 'x"/></state>',
            '<state id="a"><transition event="e" cond="' + "(" * 1_500 + '"/></state>',
            "<datamodel>" + "".join(f'<data id="d{n}"/>' for n in range(100_000)) + "</datamodel>",
            "<datamodel><data id='d'>" + "[" * 500_000 + "</data></datamodel>",
            "<wrong/>" * 250_000,
        ],
        ids=["texts", "blocks", "operators", "parentheses", "data", "json", "unknown"],
    )
    def test_is_read_in_a_time_that_grows_with_it(self, inside: str) -> None:
        """What two megabytes can hold is looked at once, not once for each part of it."""
        began = time.monotonic()
        read_scxml(document(inside))

        assert time.monotonic() - began < QUICK_S


class TestATextThatIsNoDocument:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "line 1, column 1: this is no XML: no element found"),
            ("initial: a", "line 1, column 1: this is no XML: syntax error"),
            ("<scxml>\n  <state></scxml>", "line 2, column 12: this is no XML: mismatched tag"),
            ("<scxml>\n</scxml>\n<scxml/>", "line 3, column 1: this is no XML: "),
            ("<scxml a='1' a='2'/>", "line 1, column 14: this is no XML: duplicate attribute"),
            ("<q:scxml/>", "line 1, column 1: this is no XML: unbound prefix"),
            ("<scxml>\x00</scxml>", "line 1, column 8: this is no XML: "),
            ("<html/>", "line 1: the document begins with <html>, not with <scxml>"),
            ("<scxml xmlns='urn:other'/>", "line 1: the document begins with <scxml>, not with "),
            ("<scxml>\ud800</scxml>", "the document holds half of a character"),
        ],
    )
    def test_is_told_where(self, text: str, said: str) -> None:
        """Line and column are those of the text, counted from one."""
        assert complaint(text).startswith(said)

    def test_may_name_any_encoding(self) -> None:
        """It is text already: what its declaration says was used to decode it."""
        text = '<?xml version="1.0" encoding="UTF-16"?>\n' + document('<state id="ä"/>')

        assert ["ä"] == list(read_scxml(text).spec["states"])


class TestWhatIsNotSCXML:
    def test_is_refused_by_its_namespace(self) -> None:
        """Elements and attributes of other languages are named with the language."""
        inside = '<state id="a" xmlns:q="urn:q" q:x="1">\n<q:info/>\n</state>'

        assert [
            ("<state> attribute 'x' of urn:q", "line 2"),
            ("<info> of urn:q", "line 3"),
        ] == refused(inside)

    def test_is_refused_by_its_name(self) -> None:
        """A word that is spelled wrongly is not taken for nothing."""
        inside = '<state id="a">\n<onEntry/>\n<transition events="e" target="a"/>\n</state>'

        assert [
            ("<onEntry> in <state>", "line 3"),
            ("<transition> attribute 'events'", "line 4"),
        ] == refused(inside)

    def test_says_where_a_schema_is_and_is_passed_over(self) -> None:
        """That is about the document, and no part of what it says."""
        root = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"'

        assert [] == refused('<state id="a"/>', root)
