"""
Circles in a graph whose nodes are numbers: names that use each other, states that lead to each
other.

Sets of numbers are integers with a bit for each, so that what a hostile spec can draw, every
state leading to every other, costs a few thousand operations and not a million.
"""

from collections.abc import Sequence


def circles(following: Sequence[int]) -> list[tuple[int, ...]]:
    """
    One circle for each thing that leads back to one it came from, found without recursion.

    `following` has a set for each thing: what it leads to. A circle begins with the thing
    that was come to first.
    """
    found: list[tuple[int, ...]] = []
    settled = 0
    for start in range(len(following)):
        if settled >> start & 1:
            continue
        path = [start]
        on_path = 1 << start
        rest = [following[start]]
        while path:
            ahead = rest[-1] & ~settled
            back = ahead & on_path
            if back:
                nearest = next(at for at in reversed(range(len(path))) if back >> path[at] & 1)
                found.append(tuple(path[nearest:]))
                ahead &= ~back
            if not ahead:
                rest.pop()
                done = path.pop()
                settled |= 1 << done
                on_path &= ~(1 << done)
                continue
            following_one = (ahead & -ahead).bit_length() - 1
            rest[-1] = ahead
            path.append(following_one)
            on_path |= 1 << following_one
            rest.append(following[following_one])
    return found


def bits(mask: int) -> list[int]:
    """The numbers in a set, in order."""
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return found
