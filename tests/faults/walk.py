"""Random moves on the system and on its reference, from a seed."""

import random
from collections.abc import Sequence

from tests.faults.drive import MOVES, Disagreement, System

EXAMINED_EVERY = 4
FIRST = ("start", "start", "send", "open_session", "claim")
"""With nothing to move, most moves are none."""


async def walk(system: System, seed: int, *, moves: int, often: Sequence[str] = ()) -> None:
    """
    Begin with nothing and make so many moves, looking after each; every second one is one of
    `often`, if there are any.

    Raises Disagreement, which tells the way there.
    """
    dice = random.Random(seed)
    await system.clean()
    for number in range(moves):
        name = FIRST[number] if number < len(FIRST) else dice.choice(MOVES)
        if often and number >= len(FIRST) and number % 2:
            name = dice.choice(often)
        system.log.append(name)
        try:
            await getattr(system, name)(dice.randrange)
            await system.look()
            if number % EXAMINED_EVERY == 0:
                await system.examine()
        except Disagreement as found:
            way = " ".join(system.log)
            raise Disagreement(f"seed {seed}, move {number + 1}: {found}\nafter {way}") from None
