"""Random moves on the system and on its reference, from a seed."""

import random

from tests.faults.drive import MOVES, Disagreement, System

EXAMINED_EVERY = 4


async def walk(system: System, seed: int, *, moves: int) -> None:
    """
    Begin with nothing and make so many moves, looking after each.

    Raises Disagreement, which tells the way there.
    """
    dice = random.Random(seed)
    await system.clean()
    for number in range(moves):
        name = dice.choice(MOVES)
        system.log.append(name)
        try:
            await getattr(system, name)(dice.randrange)
            await system.look()
            if number % EXAMINED_EVERY == 0:
                await system.examine()
        except Disagreement as found:
            way = " ".join(system.log)
            raise Disagreement(f"seed {seed}, move {number + 1}: {found}\nafter {way}") from None
