"""Files that people write: what is taken, what is refused, and where."""

import json
import time

import pytest

from shared.documents import MAX_DOCUMENT_BYTES, DocumentInvalid, Place, read_document
from shared.documents.yaml_text import MAX_DEPTH


def refusal(text: str, name: str = "f.yaml") -> str:
    with pytest.raises(DocumentInvalid) as caught:
        read_document(text.encode("utf-8", "surrogatepass"), name)
    return caught.value.message


class TestAYamlFile:
    def test_keeps_the_order_of_its_keys(self) -> None:
        """The order of states is part of a definition's meaning."""
        read = read_document(b"z: 1\na: {y: 2, b: 3}\n", "f.yaml")

        assert '{"z":1,"a":{"y":2,"b":3}}' == read.text

    def test_has_the_booleans_of_yaml_1_2_only(self) -> None:
        """`on` is the word that every definition needs."""
        read = read_document(b"on: {Y: yes, N: no}\noff: [true, False, ON]\n5: x\n~: y", "f.yaml")

        assert {
            "on": {"Y": "yes", "N": "no"},
            "off": [True, False, "ON"],
            "5": "x",
            "~": "y",
        } == read.value

    @pytest.mark.parametrize(
        ("written", "value"),
        [
            ("12", 12),
            ("-7", -7),
            ("+3", 3),
            ("012", 12),
            ("0x1F", 31),
            ("0o17", 15),
            ("1_000", "1_000"),
            ("0b1", "0b1"),
            ("1.5", 1.5),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("12:30:45", "12:30:45"),
            ("2020-01-01", "2020-01-01"),
            ("null", None),
            ("~", None),
            ("", None),
            ("'true'", "true"),
            ('"12"', "12"),
            ("!!str 12", "12"),
            ("P2D", "P2D"),
            ("9223372036854775807", 2**63 - 1),
        ],
    )
    def test_has_the_scalars_of_the_core_schema(self, written: str, value: object) -> None:
        """Nothing turns into a date, a sexagesimal number or a Python object."""
        read = read_document(f"a: {written}".encode(), "f.yaml")

        assert {"a": value} == read.value
        assert read.value == json.loads(read.text)

    def test_may_use_anchors(self) -> None:
        """An alias repeats what its anchor marks, and stands where the alias does."""
        read = read_document(b"a: &x {p: [1]}\nb: *x\n", "f.yaml")

        assert {"a": {"p": [1]}, "b": {"p": [1]}} == read.value
        assert Place(2, 1) == read.place_of("/b/p/0")

    def test_knows_its_places(self) -> None:
        """Of a member that of its key, of an item where it begins, by JSON pointer."""
        text = b"# about\nstates:\n  a/b:\n    tags: [x, y]\n  c~: {}\n"

        read = read_document(text, "f.yaml")

        assert [Place(2, 1), Place(3, 3), Place(4, 15), Place(5, 3)] == [
            read.place_of(one)
            for one in ("/states", "/states/a~1b", "/states/a~1b/tags/1", "/states/c~0")
        ]
        assert Place(3, 3) == read.place_of("/states/a~1b/missing/0")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: 1\nb: 2\na: 3", "f.yaml:3:1: the key 'a' stands twice in one object, first at"),
            ("a:\n  - {b: 1, b: 2}", "f.yaml:2:12: the key 'b' stands twice"),
            ("a: .inf", "f.yaml:1:4: .inf is no JSON number"),
            ("a: 9223372036854775808", "f.yaml:1:4: 9223372036854775808 does not fit into 64 bits"),
            ("a: 1" + "0" * 400, "f.yaml:1:4: 1000"),
            ("a: 1e999", "f.yaml:1:4: 1e999 does not fit into a double"),
            ("a: !!python/none x", "f.yaml:1:4: the tag tag:yaml.org,2002:python/none is not used"),
            ("a: !!set {x}", "f.yaml:1:4: the tag"),
            ("a: {<<: {b: 1}}", "f.yaml:1:5: merge keys"),
            ("? [a]\n: 1", "f.yaml:1:3: a key must be a text"),
            ("a: *x", "f.yaml:1:4: there is no anchor &x before this"),
            ("a: &x [*x]", "f.yaml:1:8: there is no anchor &x before this"),
            ("a: 1\n---\nb: 2", "f.yaml:2:1: the file holds more than one document"),
            ("a: [1\nb: 2", "f.yaml:"),
            ("a:\n\tb: 1", "f.yaml:2:1: this is not YAML: this is a tab, and YAML indents by"),
            ("", "f.yaml:1:1: the file is empty"),
            ("a: \x01", "f.yaml:1:"),
            ('a: "\\ud83d"', "f.yaml:1:"),
        ],
    )  # fmt: skip
    def test_is_refused_with_the_place(self, text: str, message: str) -> None:
        """The place is what one clicks on."""
        assert refusal(text).startswith(message)

    def test_that_is_a_bomb_is_refused_at_once(self) -> None:
        """Ten aliases of ten aliases of … are ten thousand million values in 500 bytes."""
        lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
        lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
        began = time.perf_counter()

        message = refusal("\n".join(lines))

        assert "with what its aliases repeat" in message
        assert 1 > time.perf_counter() - began

    def test_that_is_too_deep_is_refused(self) -> None:
        """Without a recursion anywhere that could run out."""
        assert f"deeper than {MAX_DEPTH} levels" in refusal("[" * 100_000)

    def test_that_is_not_utf_8_says_where(self) -> None:
        """An editor's wrong setting, found on its line."""
        with pytest.raises(DocumentInvalid, match=r"f\.yaml:2:4: the file is not UTF-8"):
            read_document(b"a: 1\nb: \xff", "f.yaml")

    def test_that_is_too_large_is_refused(self) -> None:
        """Before it is parsed."""
        assert "bytes; the limit is" in refusal(" " * (MAX_DOCUMENT_BYTES + 1))


class TestAJsonFile:
    def test_is_given_as_it_is_written(self) -> None:
        """Its hash stays that of the text that its author sees."""
        text = '{ "b": 1,\n  "a": [1.0, 2] }\n'

        assert text == read_document(text.encode(), "f.json").text

    def test_knows_its_places(self) -> None:
        """The same places as YAML has."""
        text = (
            '{\n  "states": {\n'
            '    "a/b": {"tags": ["x,:{", [], {"q\\"": 1}], "e": {}},\n    "c": 2\n  }\n}'
        )

        read = read_document(text.encode(), "f.json")

        assert [(2, 3), (3, 5), (3, 13), (3, 22), (3, 30), (3, 35), (3, 47), (4, 5)] == [
            (read.place_of(one).line, read.place_of(one).column)
            for one in (
                "/states",
                "/states/a~1b",
                "/states/a~1b/tags/nothing",
                "/states/a~1b/tags/0",
                "/states/a~1b/tags/1",
                '/states/a~1b/tags/2/q"',
                "/states/a~1b/e",
                "/states/c",
            )
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"a": 1,\n "a": 2}', "f.json:2:2: the key 'a' stands twice in one object"),
            ('{"a": 1, "\\u0061": 2}', "f.json:1:10: the key 'a' stands twice"),
            ('{"a": 1,\n]', "f.json:2:1: this is not JSON"),
            ("{'a': 1}", "f.json:1:2: this is not JSON"),
            ("a: 1", "f.json:1:1: this is not JSON"),
        ],
    )  # fmt: skip
    def test_is_refused_with_the_place(self, text: str, message: str) -> None:
        """Editors jump to it."""
        assert refusal(text, "f.json").startswith(message)


class TestAFileOfNoKnownKind:
    @pytest.mark.parametrize("text", ['{"on":\t{"a": 1}}', "on: {a: 1}", "{on: {a: 1}}"])
    def test_is_what_it_reads_as(self, text: str) -> None:
        """Standard input has no suffix; a tab is white space in JSON only."""
        assert {"on": {"a": 1}} == read_document(text.encode(), "<stdin>").value

    def test_that_reads_as_neither_is_told_about_json_if_it_begins_like_it(self) -> None:
        """The complaint is about what its author meant."""
        assert "this is not JSON" in refusal('{"a": 1,,}', "<stdin>")
