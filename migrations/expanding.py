"""
What a migration may do while the release before it runs: the rules of docs/upgrades.md, looked for
in the statements that it executes. They are words and not a parser's trees: what is written here
is DDL of our own, and what a rule takes for what it is not can be written otherwise.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

SINCE = "0013"
"""The last migration that none of this was asked of: nothing had been released."""

NAME = re.compile(r"(\d{4})_(expand|contract)_[a-z0-9_]+")
"""How the file of a later one is named."""


class Rule(NamedTuple):
    """What is refused, by a pattern on one statement in lower case, and what to do instead."""

    pattern: str
    remedy: str


NEVER: Sequence[Rule] = (
    Rule(
        r"\bcreate (unique )?index (?!concurrently)",
        "it holds up every write to the table: CREATE INDEX CONCURRENTLY, in op.get_context()"
        ".autocommit_block()",
    ),
    Rule(
        r"\bdrop index (?!concurrently)",
        "it waits for all who read, and all others wait behind it: DROP INDEX CONCURRENTLY",
    ),
    Rule(
        r"\balter column \w+ (set data )?type\b",
        "it writes the table anew under a lock: a column beside the old one, filled in batches",
    ),
    Rule(
        r"\balter column \w+ set not null\b",
        "it reads the whole table under a lock: a CHECK (… IS NOT NULL) NOT VALID, and VALIDATE"
        " CONSTRAINT in a later migration",
    ),
    Rule(
        r"\badd constraint \w+ (check|foreign key)\b(?!.*\bnot valid\b)",
        "it reads the whole table under a lock: NOT VALID, and VALIDATE CONSTRAINT in a later"
        " migration",
    ),
    Rule(
        r"\badd constraint \w+ (unique|primary key)\s*\(",
        "it builds an index under a lock: CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT …"
        " USING INDEX",
    ),
    Rule(
        r"\badd column \w+ .*\bdefault\b.*(random|uuid|now|timestamp|nextval)",
        "a default that differs by row writes the table anew: a nullable column, filled in batches",
    ),
    Rule(
        r"\b(vacuum full|cluster|reindex (?!.*concurrently)|lock table|truncate)\b",
        "it locks the table for as long as it takes",
    ),
    Rule(
        r"^\s*(update|delete from) (?!foliot\.release_floor\b)",
        "rows are many, and locked until the end: in batches, by a loop of the new release",
    ),
)
"""For every later migration: others work meanwhile."""

EXPANDING: Sequence[Rule] = (
    Rule(
        r"\bdrop (table|column|function|type|view|trigger|policy|schema|role)\b",
        "the release before uses it: in a contract_ migration, a release later",
    ),
    Rule(r"\bdrop constraint\b", "the release before may rely on it: a release later"),
    Rule(
        r"\brename\b",
        "the release before knows the old name: add the new one, and drop the old a release later",
    ),
    Rule(
        r"\balter type\b",
        "a statement of the release before sends values of the old shape: a type under a name with"
        " a number, as turn_change_2, and the old one dropped a release later",
    ),
    Rule(
        r"\badd column \w+ (?!.*\bdefault\b).*\bnot null\b",
        "the release before does not write it: nullable, or with a constant default",
    ),
    Rule(r"\brevoke\b(?!.*\bfrom public\b)", "the release before uses the right: a release later"),
    Rule(
        r"\bupdate foliot\.release_floor\b",
        "an expanding migration keeps the release before running: the floor stays",
    ),
)
"""For those named expand_: the release before goes on."""

FLOOR = re.compile(r"\bupdate foliot\.release_floor set revision = '(\d{4})'")


def check_name(name: str) -> str | None:
    """What is wrong with the name of a later migration's file; None for nothing."""
    if NAME.fullmatch(name):
        return None
    return (
        f"{name}: name it <number>_expand_<what> (adds, and breaks nothing that runs) or"
        " <number>_contract_<what> (removes, a release later)"
    )


def check_statements(name: str, statements: Sequence[str]) -> list[str]:
    """What a later migration does that it must not, with what to do instead."""
    found = []
    is_expanding = "_expand_" in name
    for statement in statements:
        words = " ".join(statement.lower().split())
        if _is_of_new_table(words, statements):
            continue
        rules = (*NEVER, *(EXPANDING if is_expanding else ()))
        found += [
            f"{name}: {words[:80]} …: {rule.remedy}"
            for rule in rules
            if re.search(rule.pattern, words)
        ]
    if not is_expanding and not any(
        FLOOR.search(" ".join(one.lower().split())) for one in statements
    ):
        found.append(
            f"{name}: it takes something away and does not say from whom; set the revision in"
            " foliot.release_floor to the newest one that the oldest release knows which needs"
            " nothing of that"
        )
    return found


def _is_of_new_table(words: str, statements: Sequence[str]) -> bool:
    """Whether a statement is about a table that the migration itself makes: nobody waits for it."""
    on = re.search(r"(?:\bon|\balter table|\bupdate|\bdelete from) (?:only )?(foliot\.\w+)", words)
    if on is None:
        return False
    makes = re.compile(rf"^create table (if not exists )?{re.escape(on[1])}\b")
    return any(makes.match(" ".join(one.lower().split())) for one in statements)
