"""
The whole way of a compromised model's answers: a real executor's handler, gRPC, the control
plane's own judgement, and the engine. `make fuzz-ai` does the same ten thousand times.
"""

from tests.campaigns.ai.attack import attacking

SEED = 7
COUNT = 100


class TestACompromisedModel:
    async def test_moves_no_instance_past_the_policy(self) -> None:
        """Not even if its executor claims for it whatever it wants."""
        async with attacking(SEED, COUNT) as attack:
            honest = await attack.run(COUNT, lies=False)
            lying = await attack.run(COUNT, lies=True)

        assert [] == honest.breaches + lying.breaches
        assert [COUNT, COUNT] == [honest.states.total(), lying.states.total()]
        assert honest.states["did_APPROVE"] > 0
        assert lying.states["desk"] > honest.states["desk"]

    async def test_moves_none_at_all_where_people_decide(self) -> None:
        """In mode suggest nothing happens by itself."""
        async with attacking(SEED, COUNT, mode="suggest") as attack:
            found = await attack.run(COUNT, lies=False)

        assert {"triage", "desk"} == set(found.states)
