"""The smallest expression that still shows a difference."""

from collections.abc import Callable

from tests.campaigns.cel.trees import Tree, smaller


def shrunk(whole: Tree, shows_it: Callable[[str], bool]) -> Tree:
    """Goes on with the first smaller tree that shows it, until there is none."""
    found: Tree | None = whole
    while found is not None:
        whole = found
        found = next(
            (
                one
                for one in smaller(whole)
                if len(one.text) < len(whole.text) and shows_it(one.text)
            ),
            None,
        )
    return whole
