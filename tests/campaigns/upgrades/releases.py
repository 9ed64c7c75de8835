"""The releases that meet: the baseline, and one after this with a migration of its own."""

import re
import shutil
from pathlib import Path

from migrations import HEAD
from migrations.expanding import check_statements
from tests.campaigns.upgrades.deployment import NOT_COPIED, Failed, Release
from tests.upgrades import baseline

NEXT = f"{int(HEAD) + 1:04}"
STATEMENTS = (
    "ALTER TABLE foliot.instance ADD COLUMN probe text",
    "ALTER TABLE foliot.task ADD COLUMN probe boolean DEFAULT false NOT NULL",
    "CREATE TABLE foliot.probe (only_row boolean PRIMARY KEY)",
)
"""What an expanding migration does to tables that others are writing to."""

CONCURRENTLY = "CREATE INDEX CONCURRENTLY instance_probe_idx ON foliot.instance (probe)"

MIGRATION = f'''"""Columns, a table and an index that the release before knows nothing of."""

from alembic import op

revision = "{NEXT}"
down_revision = "{HEAD}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in {STATEMENTS!r}:
        op.execute(statement)
    with op.get_context().autocommit_block():
        op.execute("{CONCURRENTLY}")


def downgrade() -> None:
    raise NotImplementedError
'''


def the_one_before(directory: Path) -> Release:
    """The baseline's code. Raises Failed where its databases are not this release's."""
    edited = baseline.edited()
    if edited:
        raise Failed(
            f"migrations of the baseline were edited since: {', '.join(edited)}. Before the first"
            " release move it: python -m tests.upgrades.baseline HEAD"
        )
    target = directory / "before"
    baseline.lay_out(target)
    return Release(name="before", path=target)


def the_one_after(directory: Path) -> Release:
    """This code as it stands, with one more migration. Raises Failed if that breaks a rule."""
    bad = check_statements(f"{NEXT}_expand_probe", [*STATEMENTS, CONCURRENTLY])
    if bad:
        raise Failed("\n".join(bad))
    target = directory / "after"
    for package in ("control_plane", "executor", "shared", "migrations", "proto/gen"):
        shutil.copytree(baseline.ROOT / package, target / package, ignore=NOT_COPIED)
    (target / "migrations" / "versions" / f"{NEXT}_expand_probe.py").write_text(MIGRATION, "utf-8")
    names = target / "migrations" / "__init__.py"
    text, count = re.subn(
        f'^HEAD = "{HEAD}"$', f'HEAD = "{NEXT}"', names.read_text("utf-8"), flags=re.MULTILINE
    )
    if count != 1:
        raise Failed("migrations/__init__.py does not name HEAD as it used to")
    names.write_text(text, "utf-8")
    return Release(name="after", path=target)
