"""Templates of mails: what they may do is listed, and none works for long."""

import string
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from executor.handlers import templates
from executor.handlers.templates import MAX_RENDERED, MAX_TEMPLATE, TemplateRefused, rendered
from shared.errors import LimitExceeded

LONG_S = 5.0
"""Far more than any template may take, even where the machine is busy."""

DATA: dict[str, Any] = {
    "name": "Bo <b>",
    "lines": [{"count": 2, "title": "nuts"}, {"count": 1, "title": "bolts & more"}],
    "big": "x" * 200_000,
    "numbers": list(range(40_000)),
    "texts": ["y" * 100] * 2_000,
    "items": "a field, not a method",
    "nothing": None,
    "yes": True,
}


LISTED = (
    "{% for line in data.lines %}{{ loop.index }}. {{ line.count }} × {{ line.title }}"
    "{% if not loop.last %}, {% endif %}{% endfor %}"
)


def text(source: str) -> str:
    return rendered(source, DATA, is_html=False)


class TestATemplate:
    @pytest.mark.parametrize(
        ("source", "comes"),
        [
            ("Dear {{ data.name }},", "Dear Bo <b>,"),
            ("{{ data['name'] }} {{ data.lines[0].title }} {{ data.lines[-1].count }}",
             "Bo <b> nuts 1"),
            (LISTED, "1. 2 × nuts, 2. 1 × bolts & more"),
            ("{% for x in data.lines %}{{ x.count }}{% else %}none{% endfor %}", "21"),
            ("{% if data.yes and data.name != 'Al' %}a{% elif data.big %}b{% else %}c{% endif %}",
             "a"),
            ("{{ 'some' if data.lines | length > 1 else 'one' }}", "some"),
            ("{{ 3.14159 | round(2) }} {{ 7 // 2 }} {{ 7 % 4 }} {{ -7 + 2 * 3 }}", "3.14 3 3 -1"),
            ("{{ data.missing | default('none') }}", "none"),
            ("{{ data.nothing }}{{ data.yes }}", "true"),
            ("{{ data.items }}", "a field, not a method"),
            ("{{ data.name | upper | lower | title | truncate(3) }}", "Bo …"),
            ("{{ data.texts | first | length }}", "100"),
            ("{% if data.missing is defined %}y{% else %}n{% endif %}", "n"),
            ("{% if data.name in ['Al', 'Bo <b>'] %}y{% endif %}", "y"),
            ("{{ data.name | urlencode }}", "Bo%20%3Cb%3E"),
            ("{# a remark #}{% raw %}{{ x }}{% endraw %}\n", "{{ x }}\n"),
        ],
    )  # fmt: skip
    def test_fills_in_what_it_is_given(self, source: str, comes: str) -> None:
        """Values and their parts, conditions, loops, numbers and a few filters."""
        assert comes == text(source)

    def test_of_html_escapes_every_value(self) -> None:
        """Also what comes out of a filter, of a loop, of a list."""
        source = (
            "<i>{{ data.name }}</i>{{ data.name | upper }}{{ data.names | join('<') }}"
            "{% for n in data.names %}{{ n | default('<') }}{% endfor %}{{ '<' }}"
            '<a href="{{ data.quote }}">'
        )

        comes = rendered(
            source, {"name": "<b>", "names": ["<c>", "&"], "quote": '" onclick="'}, is_html=True
        )

        assert (
            "<i>&lt;b&gt;</i>&lt;B&gt;&lt;c&gt;&lt;&amp;&lt;c&gt;&amp;&lt;"
            '<a href="&#34; onclick=&#34;">'
        ) == comes

    def test_has_no_kind_of_node_that_nobody_thought_of(self) -> None:
        """What a newer Jinja2 brings is refused until somebody lets it in."""
        found = {kind: one for kind, one in vars(nodes).items() if isinstance(one, type)}
        kinds = {kind for kind, one in found.items() if one in templates._ALLOWED}

        assert kinds == LET_IN


LET_IN = frozenset(
    {"Template", "Output", "TemplateData", "Name", "Const", "Getattr", "Getitem", "If", "For",
     "CondExpr", "And", "Or", "Not", "Compare", "Operand", "Filter", "Test", "Neg", "Pos", "Add",
     "Sub", "Mul", "Div", "FloorDiv", "Mod", "List", "Tuple"}
)  # fmt: skip

ESCAPES = [
    "{{ data.__class__ }}", "{{ ''.__class__.__mro__ }}", "{{ data.name.__class__ }}",
    "{{ data['__class__'] }}", "{{ data.name['__class__'] }}", "{{ [].__class__ }}",
    "{{ data | attr('__class__') }}", "{{ data.lines.append }}", "{{ data.name.upper }}",
    "{{ data.name.upper() }}", "{{ data.items() }}", "{{ (1).real }}", "{{ loop }}", "{{ self }}",
    "{{ self._TemplateReference__context }}", "{{ caller }}", "{{ varargs }}", "{{ kwargs }}",
    "{{ range(9) }}", "{{ range }}", "{{ dict() }}", "{{ lipsum() }}", "{{ cycler }}",
    "{{ namespace }}", "{{ joiner }}", "{{ request }}", "{{ config }}", "{{ _WORK }}",
    "{{ environment }}", "{{ context }}", "{{ resolve }}", "{{ undefined }}", "{{ super() }}",
    "{% for x in data.lines %}{{ loop.__init__ }}{% endfor %}",
    "{% for x in data.lines %}{{ loop.nextitem }}{{ loop.cycle('a') }}{% endfor %}",
    "{% for x in data.lines %}{{ loop }}{% endfor %}",
    "{% for x in data.lines recursive %}{{ loop(x) }}{% endfor %}",
    "{% for self in data.lines %}{{ self }}{% endfor %}",
    "{% for a, b in data.lines %}{% endfor %}", "{% for a in data.name %}{% endfor %}",
    "{% for a in data %}{% endfor %}", "{% for a in 'abc' %}{% endfor %}",
    "{% for a in data.lines if a.x %}{% endfor %}",
    "{% set x = 1 %}", "{% set x %}a{% endset %}", "{% with x = 1 %}{% endwith %}",
    "{% macro f() %}{% endmacro %}", "{% call f() %}{% endcall %}", "{% block a %}{% endblock %}",
    "{% include 'x' %}", "{% import 'os' as os %}", "{% from 'os' import path %}",
    "{% extends 'x' %}", "{% filter upper %}x{% endfilter %}", "{% do 1 %}",
    "{% autoescape false %}{{ data.name }}{% endautoescape %}", "{% debug %}", "{% trans %}x",
    "{{ data.name | safe }}", "{{ data.name | escape }}", "{{ '%s' | format(1) }}",
    "{{ data.lines | map(attribute='x') }}", "{{ data | tojson }}", "{{ data | pprint }}",
    "{{ data | xmlattr }}", "{{ data | list }}", "{{ data.name | replace('B', 'x') }}",
    "{{ data.name | center(99) }}", "{{ data.name | indent(99) }}", "{{ 1 is counted }}",
    "{{ data.lines | counted(1) }}", "{{ data.name | truncate(longest=3) }}",
    "{{ data.name | default(data.name) }}", "{{ data.name | default('x' * 9) }}",
    "{{ data.name is callable }}", "{{ data.name is filter }}", "{{ data.name is sameas 1 }}",
    "{{ data }}", "{{ data.lines }}", "{{ [data] }}", "{{ {'a': 1} }}",
    "{{ data.name[0:1] }}", "{{ data.name[0] }}", "{{ data.lines[9] }}", "{{ data.lines[true] }}",
    "{{ 'a' + 'b' }}", "{{ 'a' * 9 }}", "{{ '%d' % 9 }}", "{{ 'a' ~ 'b' }}", "{{ [1] * 9 }}",
    "{{ 2 ** 9 }}", "{{ 9007199254740992 * 9 }}", "{{ 1 / 0 }}", "{{ 1.5 // 0 }}",
    "{{ true + 1 }}", "{{ data.name > 1 }}", "{{ data.missing }}", "{{ data.a.b.c }}",
    "{{ other }}",
    "{{ data.missing | upper }}", "{{ data.lines | upper }}", "{{ data.name | join }}",
    "{{ data.name | first }}", "{{ data.name | round }}", "{{ 1 | round('x') }}",
    "{{ data.name", "{% if %}", "{% endfor %}", "{{ }}", "{{ data. }}", "{% for %}", "{{ 1 1 }}",
]  # fmt: skip


class TestATemplateThatWantsMore:
    @pytest.mark.parametrize("is_html", [False, True])
    def test_is_refused(self, is_html: bool) -> None:
        """Python's objects, other files, other variables, and what has no good text."""
        for source in ESCAPES:
            with pytest.raises(TemplateRefused) as refused:
                assert source == rendered(source, DATA, is_html=is_html)
            assert refused.value.message

    @pytest.mark.parametrize(
        "source",
        [
            "{% for a in data.numbers %}{% for b in data.numbers %}{% endfor %}{% endfor %}",
            "{% for a in data.numbers %}" * 15 + "{% endfor %}" * 15,
            "{% for a in data.lines %}" * 18 + "x" + "{% endfor %}" * 18,
            "{% for a in data.numbers %}{{ data.big }}{% endfor %}",
            "{% for a in data.texts %}{% if 'xxxxxxxxxxy' in data.big %}{% endif %}{% endfor %}",
            "{% for a in data.texts %}{% if data.big | upper == data.big %}{% endif %}{% endfor %}",
            "{% for a in data.texts %}{{ data.texts | join('-') | length }}{% endfor %}",
            "{% for a in data.numbers %}" + "{{ a }}" * 500 + "{% endfor %}",
            "{{ data.big }}" * 6,
            "{{ data.numbers | join('" + "x" * 100 + "') }}",
            "x" * (MAX_TEMPLATE + 1),
        ],
        ids=range(11),
    )
    def test_time_or_room_is_ended(self, source: str) -> None:
        """Whatever it multiplies: a step is counted, and what is written is counted."""
        began = time.monotonic()
        with pytest.raises(LimitExceeded):
            text(source)
        assert time.monotonic() - began < LONG_S

    @pytest.mark.parametrize(
        "source",
        [
            "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
            "{{ " + "not " * 2_000 + "1 }}",
            "{{ " + "-" * 5_000 + "1 }}",
            "{{ " + "1+" * 5_000 + "1 }}",
            "{{ data" + ".a" * 5_000 + " }}",
            "{{ data" + "[0]" * 5_000 + " }}",
            "{{ data.name" + "|upper" * 2_000 + " }}",
            "{% if 1 %}" * 500 + "{% endif %}" * 500,
            "{% for a in data.lines %}" * 300 + "{% endfor %}" * 300,
            "{{ " + "1 if 1 else " * 1_000 + "1 }}",
        ],
        ids=range(10),
    )
    def test_depth_is_refused(self, source: str) -> None:
        """Neither the reader nor Python's compiler goes down with it."""
        began = time.monotonic()
        with pytest.raises((TemplateRefused, LimitExceeded)):
            text(source)
        assert time.monotonic() - began < LONG_S

    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(
            st.one_of(
                st.sampled_from(
                    [
                        "{{", "}}", "{%", "%}", "{#", "#}", " ", "data", ".", "name", "lines", "|",
                        "for x in data.lines", "endfor", "if", "endif", "else", "x", "[", "]", "(",
                        ")", "'", '"', "+", "*", "1", "upper", "is", "in", "not", "set", "loop",
                        "self", "~", "**", ",", ":", "{", "}", "-", "\n", "join", "default",
                        "__class__",
                    ]
                ),
                st.text(string.printable, max_size=3),
            ),
            max_size=25,
        )
    )  # fmt: skip
    def test_of_any_kind_is_filled_in_or_refused(self, parts: list[str]) -> None:
        """In our words: no error of Python's or of Jinja2's gets out."""
        try:
            comes = text("".join(parts))
        except (TemplateRefused, LimitExceeded):
            return
        assert len(comes) <= MAX_RENDERED
        assert "<class" not in comes
