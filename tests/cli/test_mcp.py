"""`foliot mcp`: what an agent finds, and what it is kept from, by the protocol's own SDK."""

import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from control_plane.cli.agent_tools import AgentTools, Bounds
from control_plane.cli.calling import Place, calling
from shared.tls import ClientTls
from tests.api.serving import client_of
from tests.api.stories import activate
from tests.cli.conftest import Foliot

ORDER: dict[str, Any] = {
    "id": "order",
    "initial": "open",
    "states": {
        "open": {"on": {"SHIP": "shipped", "CANCEL_ORDER": "cancelled"}},
        "shipped": {"type": "final"},
        "cancelled": {"type": "final"},
    },
}


class Agent:
    """A client of the protocol."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def tools(self) -> set[str]:
        return {tool.name for tool in (await self.client.list_tools()).tools}

    async def use(self, tool: str, **given: Any) -> Any:
        """What a tool answers. An error is its text."""
        answer = await self.client.call_tool(tool, given)
        (content,) = answer.content
        assert content.type == "text"
        return content.text if answer.is_error else json.loads(content.text)


@asynccontextmanager
async def agent_of(
    foliot: Foliot, bounds: Bounds | None = None, role: str = "tenant_admin"
) -> AsyncIterator[Agent]:
    """An agent with a key of this role, of a server in this process."""
    place = Place(
        address=foliot.serving.address, key=await foliot.serving.key(role), tls=ClientTls()
    )
    async with calling(place) as caller:
        server = AgentTools(caller, bounds or Bounds()).server("1")
        async with Client(server) as client:
            yield Agent(client)


@pytest.fixture
async def orders(foliot: Foliot) -> Foliot:
    """A control plane with two active definitions."""
    async with client_of(foliot.serving, await foliot.serving.key()) as client:
        await activate(client, ORDER, key="order")
        await activate(client, {**ORDER, "id": "secret"}, key="secret")
    return foliot


class TestAnAgent:
    async def test_drives_an_instance_to_its_end(self, orders: Foliot) -> None:
        """Finding the definition, starting, looking at what is accepted, sending, waiting."""
        async with agent_of(orders) as agent:
            listed = await agent.use("list_definitions")
            described = await agent.use("describe_definition", definition="order")
            started = await agent.use("start_instance", definition="order", business_key="A-1")
            instance_id = started["instance"]["instanceId"]
            found = await agent.use("get_instance", instance_id=instance_id)
            previewed = await agent.use("preview_event", instance_id=instance_id, type="SHIP")
            sent = await agent.use("send_event", instance_id=instance_id, type="SHIP")
            ended = await agent.use("wait_instance", instance_id=instance_id, seconds=5)
            history = await agent.use("read_history", instance_id=instance_id, after_seq=1)
            instances = await agent.use("list_instances", definition="order", status="completed")

        assert {"order", "secret"} == {one["key"] for one in listed["definitions"]}
        assert ORDER["states"] == described["spec"]["states"]
        assert ["CANCEL_ORDER", "SHIP"] == sorted(found["accepts"])
        assert "shipped" == previewed["instance"]["state"]
        assert "EVENT_DISPOSITION_APPLIED" == sent["disposition"]
        assert "INSTANCE_STATUS_COMPLETED" == ended["status"]
        assert "2" == history["entries"][0]["seq"]
        assert [instance_id] == [one["instanceId"] for one in instances["instances"]]

    async def test_changes_nothing_by_asking_again(self, orders: Foliot) -> None:
        """A model repeats itself: its own names for what it asks hold."""
        async with agent_of(orders) as agent:
            asked = {"definition": "order", "request_id": "first"}
            first = await agent.use("start_instance", **asked)
            second = await agent.use("start_instance", **asked)

        assert first["instance"]["instanceId"] == second["instance"]["instanceId"]

    async def test_is_told_what_an_instance_accepts_instead(self, orders: Foliot) -> None:
        """An event that is not accepted is not even recorded."""
        async with agent_of(orders) as agent:
            started = await agent.use("start_instance", definition="order")
            instance_id = started["instance"]["instanceId"]
            refused = await agent.use("send_event", instance_id=instance_id, type="FLY")
            after = await agent.use("get_instance", instance_id=instance_id)

        assert "it accepts:" in refused
        assert "SHIP" in refused
        assert started["instance"]["revision"] == after["instance"]["revision"]

    async def test_hears_of_a_refusal_in_the_words_of_the_api(self, orders: Foliot) -> None:
        """And of nothing that an exception says."""
        unknown = "01a20740-3033-7695-997a-47c04c3c6f4f"
        async with agent_of(orders) as agent:
            refused = await agent.use("get_instance", instance_id=unknown)

        assert "INSTANCE_NOT_FOUND" in refused
        assert "Traceback" not in refused


class TestWhatAnAgentIsKeptFrom:
    async def test_is_what_its_key_may_not(self, orders: Foliot) -> None:
        """It has the rights of its caller, and none of its own."""
        async with agent_of(orders, role="viewer") as agent:
            refused = await agent.use("start_instance", definition="order")

        assert "PERMISSION_DENIED" in refused

    @pytest.mark.parametrize("allowed", [(), ("CANCEL_ORDER",)])
    async def test_is_events_that_take_a_person(
        self, orders: Foliot, allowed: tuple[str, ...]
    ) -> None:
        """Unless whoever runs the server names them."""
        async with agent_of(orders, Bounds(events=frozenset(allowed))) as agent:
            started = await agent.use("start_instance", definition="order")
            instance_id = started["instance"]["instanceId"]
            await agent.use("send_event", instance_id=instance_id, type="CANCEL_ORDER")
            ended = await agent.use("get_instance", instance_id=instance_id)

        status = "COMPLETED" if allowed else "WAITING"
        assert f"INSTANCE_STATUS_{status}" == ended["instance"]["status"]

    async def test_is_what_is_not_named_where_something_is(self, orders: Foliot) -> None:
        """Neither definitions, nor instances of theirs, nor events."""
        bounds = Bounds(definitions=frozenset({"order"}), events=frozenset({"CANCEL_ORDER"}))
        async with agent_of(orders) as free, agent_of(orders, bounds) as agent:
            started = await free.use("start_instance", definition="secret")
            own = await free.use("start_instance", definition="order")
            secret = {"instance_id": started["instance"]["instanceId"]}
            refused = [
                await agent.use("start_instance", definition="secret"),
                await agent.use("describe_definition", definition="secret"),
                await agent.use("list_instances", definition="secret"),
                await agent.use("get_instance", **secret),
                await agent.use("read_history", **secret),
                await agent.use("wait_instance", **secret),
                await agent.use("preview_event", **secret, type="SHIP"),
                await agent.use("send_event", **secret, type="CANCEL_ORDER"),
                await agent.use(
                    "send_event", instance_id=own["instance"]["instanceId"], type="SHIP"
                ),
            ]
            listed = await agent.use("list_definitions")

        assert all("is not for agents here" in one for one in refused), refused
        assert ["order"] == [one["key"] for one in listed["definitions"]]

    async def test_is_any_change_where_it_may_only_look(self, orders: Foliot) -> None:
        """There are no such tools then."""
        async with agent_of(orders) as free, agent_of(orders, Bounds(is_read_only=True)) as agent:
            missing = await free.tools() - await agent.tools()

        assert {"start_instance", "send_event"} == missing


class TestTheCommand:
    async def test_speaks_the_protocol_on_its_pipes(self, orders: Foliot) -> None:
        """As agents' programs start it: nothing but the protocol on standard output."""
        environment: Mapping[str, str] = {
            **os.environ,
            "FOLIOT_CONTROL_PLANE": orders.serving.address,
            "FOLIOT_KEY": await orders.serving.key(),
        }
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "control_plane", "mcp", "--definition", "order"],
            env=dict(environment),
        )
        async with Client(server) as client:
            listed = await Agent(client).use("list_definitions")

        assert ["order"] == [one["key"] for one in listed["definitions"]]
