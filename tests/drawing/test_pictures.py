"""SVG and PNG, by Graphviz; and what is said where there is none."""

import os
import re
import sys
from pathlib import Path
from shlex import quote
from xml.etree import ElementTree as ET

import pytest

from control_plane.drawing import draw, graphviz, is_available
from control_plane.engine import Snapshot
from shared.errors import LimitExceeded, PreconditionFailed
from tests.drawing.machines import ORDER
from tests.drawing.test_dot import HOSTILE, as_key
from tests.engine.telling import compiled

WITH_GRAPHVIZ = pytest.mark.skipif(
    not is_available(), reason="no Graphviz here: install foliot[draw], or Graphviz itself"
)


@WITH_GRAPHVIZ
class TestAPicture:
    def test_is_an_svg_with_every_state(self) -> None:
        """Text stays text: it can be searched, and read aloud."""
        tree = ET.fromstring(draw(compiled(ORDER), format="svg"))
        texts = "".join(tree.itertext())

        assert {"draft", "review", "picking", "approve (HUMAN)"} <= {
            line.strip() for line in texts.splitlines()
        }

    def test_is_a_png_of_a_size(self) -> None:
        """A picture for where no SVG can be shown."""
        drawn = draw(compiled(ORDER), format="png")

        assert drawn.startswith(b"\x89PNG\r\n\x1a\n")
        assert int.from_bytes(drawn[16:20], "big") > 300

    def test_shows_where_an_instance_stands(self) -> None:
        """The active states have another colour."""
        machine = compiled(ORDER)
        snapshot = Snapshot(spec_hash=machine.spec_hash, configuration=("review",))

        assert b"#2b6cb0" not in draw(machine, format="svg")
        assert b"#2b6cb0" in draw(machine, snapshot, format="svg")

    def test_takes_no_markup_from_an_author(self) -> None:
        """Whoever opens the picture in a browser runs and loads nothing."""
        keys = {name: as_key(name) for name in HOSTILE}
        states = {
            key: {"on": {name: key}, "invoke": {"id": key, "src": "human", "onDone": key}}
            for name, key in keys.items()
        }
        drawn = draw(compiled({"id": HOSTILE[1], "initial": keys[HOSTILE[0]], "states": states}))
        tags = set(re.findall(rb"<([a-z!?]+)", drawn))
        elements = {one.tag.rpartition("}")[2] for one in ET.fromstring(drawn).iter()}

        assert elements <= {"svg", "g", "title", "polygon", "path", "text", "ellipse", "polyline"}
        assert b"script" not in tags
        assert b"href=" not in drawn.replace(b"xmlns:xlink", b"")


def a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A `dot` on the PATH that does something else."""
    script = tmp_path / "dot.py"
    script.write_text(f"{code}\n", "utf-8")
    program = tmp_path / "dot"
    # Through a shell: a path after "#!" may have no spaces.
    program.write_text(
        f'#!/bin/sh\nexec {quote(sys.executable)} {quote(str(script))} "$@"\n', "utf-8"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)


class TestWithoutGraphviz:
    @pytest.mark.parametrize("form", ["mermaid", "dot"])
    def test_texts_are_drawn(
        self, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Other tools can lay them out."""
        a_program(tmp_path, monkeypatch, "raise SystemExit(1)")

        assert draw(compiled(ORDER), format=form)  # type: ignore[arg-type]  # a format

    def test_a_picture_is_refused_with_what_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The remedy is in the message, and the reason is one that programs know."""
        a_program(tmp_path, monkeypatch, "")
        (tmp_path / "dot").unlink()

        with pytest.raises(PreconditionFailed, match=r"foliot\[draw\]") as refused:
            draw(compiled(ORDER), format="png")

        assert ("DRAWING_NOT_AVAILABLE", {"format": "png"}) == (
            refused.value.reason,
            refused.value.metadata,
        )


class TestWithoutFonts:
    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there always are some")
    def test_a_png_is_refused_and_an_svg_is_not(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A slim image has none: every letter of a PNG would be an empty box."""
        a_program(tmp_path, monkeypatch, "print('drawn')")
        monkeypatch.setattr(graphviz, "FONT_PLACES", (str(tmp_path),))
        monkeypatch.delenv("FONTCONFIG_FILE", raising=False)
        monkeypatch.delenv("FONTCONFIG_PATH", raising=False)

        assert b"drawn\n" == draw(compiled(ORDER), format="svg")
        with pytest.raises(PreconditionFailed, match="fonts-dejavu-core"):
            draw(compiled(ORDER), format="png")


class TestTheProcessThatLaysOut:
    def test_is_stopped_when_it_takes_too_long(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A picture nobody waits for must not hold a processor."""
        a_program(tmp_path, monkeypatch, "while True: pass")
        monkeypatch.setattr(graphviz, "LAYOUT_TIMEOUT_S", 0.5)

        with pytest.raises(LimitExceeded, match="seconds to lay out"):
            draw(compiled(ORDER), format="svg")

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")
    def test_gets_no_more_memory_than_it_may(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A layout that explodes takes itself down, and not the server."""
        a_program(tmp_path, monkeypatch, "bytearray(2 * 1024 ** 3); print('drawn')")

        with pytest.raises(PreconditionFailed, match="MemoryError"):
            draw(compiled(ORDER), format="svg")

    def test_may_not_write_more_than_an_answer_holds(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The limit is named, with how much it was."""
        a_program(tmp_path, monkeypatch, "print('x' * 4_000_000)")

        with pytest.raises(LimitExceeded, match="bytes of a picture"):
            draw(compiled(ORDER), format="svg")

    def test_is_not_told_the_secrets_of_this_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its environment has a few names in it, and a word that keeps it from reading files."""
        monkeypatch.setenv("FOLIOT_PEPPER", "secret")
        a_program(tmp_path, monkeypatch, "import os; print(sorted(os.environ))")
        told = draw(compiled(ORDER), format="svg").decode()

        assert "SERVER_NAME" in told
        assert "FOLIOT" not in told
        assert "FOLIOT_PEPPER" in os.environ
