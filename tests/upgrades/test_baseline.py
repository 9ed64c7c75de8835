"""What databases of the release before were made by stays as it is, and what they hold is read."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from control_plane.engine import dump_snapshot, load_snapshot
from control_plane.engine.storing import FORMAT
from shared import json as texts
from tests.engine.telling import Instance, compiled, expr, raised
from tests.upgrades import baseline

STORED = Path(__file__).parent / "stored"


class TestTheBaseline:
    def test_has_the_migrations_that_there_are(self) -> None:
        """A database that has run one of them will not run it again in its new form."""
        found = baseline.edited()
        if found and not baseline.is_released():
            pytest.skip(f"nothing is released, and these were edited since: {', '.join(found)}")

        assert [] == found

    def test_can_be_laid_out(self, tmp_path: Path) -> None:
        """Or `make test-upgrades` has nothing to run."""
        try:
            baseline.lay_out(tmp_path)
        except baseline.HistoryMissing as error:
            pytest.skip(str(error))

        assert (tmp_path / "control_plane" / "__main__.py").exists()


@dataclass(frozen=True, slots=True)
class Story:
    """A machine, and what happens to an instance of it before it is stored."""

    spec: dict[str, Any]
    happens: Callable[[Instance], object]


def _busy(it: Instance) -> None:
    it.send("NEXT")
    it.send("OUT")
    it.send("BACK")


def _half_done(it: Instance) -> None:
    it.succeed(1, {"n": 1})
    it.fail(2)


def _cancelling(it: Instance) -> None:
    it.succeed(1, "booked")
    it.cancel("wrong address")


STORIES = {
    "busy": Story(
        {
            "initial": "a",
            "context": {"b": 1, "a": [1.5, None, "é"]},
            "states": {
                "a": {
                    "initial": "x",
                    "invoke": {"id": "call", "src": "http", "onError": "b"},
                    "after": {"PT1M": "b"},
                    "entry": [raised("LATER", delay=1500, id="later")],
                    "states": {
                        "x": {"on": {"NEXT": "y"}},
                        "y": {},
                        "memory": {"type": "history"},
                    },
                    "on": {"OUT": "b"},
                },
                "b": {"on": {"BACK": "a.memory"}},
            },
        },
        _busy,
    ),
    "group": Story(
        {
            "initial": "a",
            "states": {
                "a": {
                    "invoke": {
                        "id": "each",
                        "src": "http",
                        "forEach": [1, 2, 3, 4],
                        "concurrency": 2,
                        "join": "settled",
                        "input": {"url": "http://example.com", "body": expr("item")},
                        "onDone": "b",
                    }
                },
                "b": {"type": "final"},
            },
        },
        _half_done,
    ),
    "cancelling": Story(
        {
            "onCancel": "compensate",
            "initial": "a",
            "states": {
                "a": {
                    "invoke": {
                        "id": "t",
                        "src": "http",
                        "onDone": "b",
                        "compensation": {"src": "http"},
                    }
                },
                "b": {"on": {"GO": "a"}},
            },
        },
        _cancelling,
    ),
    "failed": Story(
        {"initial": "a", "states": {"a": {"invoke": {"src": "http"}}}}, lambda it: it.fail(1)
    ),
    "done": Story(
        {"output": {"n": 1}, "initial": "a", "states": {"a": {"type": "final"}}}, lambda it: it
    ),
}


def stored(name: str, version: int) -> dict[str, Any]:
    """What a release of that format wrote for a story: the spec and the snapshot, as texts."""
    found: dict[str, Any] = json.loads((STORED / f"{version}_{name}.json").read_text("utf-8"))
    return found


def now(name: str) -> dict[str, Any]:
    """What this one writes."""
    it = Instance(STORIES[name].spec)
    STORIES[name].happens(it)
    return {"spec": it.spec, "snapshot": json.loads(dump_snapshot(it.snapshot))}


def record() -> None:
    """Write what this release stores: for a new FORMAT, and before the first release."""
    for name in STORIES:
        text = json.dumps(now(name), indent=1, ensure_ascii=False)
        (STORED / f"{FORMAT}_{name}.json").write_text(text + "\n", "utf-8")


class TestASnapshotOfAnEarlierRelease:
    @pytest.mark.parametrize("name", sorted(STORIES))
    @pytest.mark.parametrize("version", range(1, FORMAT + 1))
    def test_is_read(self, name: str, version: int) -> None:
        """Instances live for years; their rows are rewritten when something happens to them."""
        kept = stored(name, version)

        read = load_snapshot(compiled(kept["spec"]), texts.dump(kept["snapshot"]))

        assert now(name)["snapshot"] == json.loads(dump_snapshot(read))

    @pytest.mark.parametrize("name", sorted(STORIES))
    def test_of_this_format_is_what_this_release_writes(self, name: str) -> None:
        """
        Or the release before would read it wrongly. A change of what is stored takes a new FORMAT
        with a reader for this one, and files beside these (docs/upgrades.md); as long as nothing
        is released, `record` above may write these anew.
        """
        assert stored(name, FORMAT) == now(name)
