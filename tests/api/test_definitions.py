"""DefinitionService, over the wire."""

import json
from typing import Any

import grpc
import pytest
from foliot.v1 import definition_pb2, diagnostic_pb2
from foliot.v1 import definition_service_pb2 as pb
from foliot.v1.json_pb2 import Json
from google.rpc import error_details_pb2

from tests.api.serving import Client, detail_in, info_in, status_in
from tests.api.stories import APPROVAL, activate, as_json, create, start

BROKEN: dict[str, Any] = {"initial": "nowhere", "states": {"draft": {"type": "final"}}}


def invoking(source: str, **more: object) -> dict[str, Any]:
    return {
        "initial": "working",
        "states": {
            "working": {"invoke": {"src": source, "onDone": "done", "onError": "done", **more}},
            "done": {"type": "final"},
        },
        "on": {"APPROVE": ".done"},
    }


class TestADefinition:
    async def test_is_kept_inactive_as_it_was_sent(self, client: Client) -> None:
        """The order of a spec's keys is part of what it means, so its text is kept."""
        text = json.dumps(APPROVAL, indent=1)

        answer = await client.definitions.CreateDefinition(
            pb.CreateDefinitionRequest(key="approval", spec=Json(json=text), description="Pay?")
        )

        assert text == answer.definition.spec.json
        assert definition_pb2.DEFINITION_STATUS_INACTIVE == answer.definition.status
        assert (1, "Pay?") == (answer.definition.version, answer.definition.description)

    async def test_gets_the_next_version_of_its_key(self, client: Client) -> None:
        """A change is a new version, never another spec under the old number."""
        await create(client)
        second = await create(client)

        answer = await client.definitions.GetDefinition(
            pb.GetDefinitionRequest(definition_id=second)
        )

        assert 2 == answer.definition.version

    async def test_is_created_once_under_a_request_id(self, client: Client) -> None:
        """A client that did not hear the answer sends the same request again."""
        request = pb.CreateDefinitionRequest(
            key="approval", spec=as_json(APPROVAL), description="Pay?", request_id="r1"
        )

        first = await client.definitions.CreateDefinition(request)
        await client.definitions.ActivateDefinition(
            pb.ActivateDefinitionRequest(definition_id=first.definition.definition_id)
        )
        again = await client.definitions.CreateDefinition(request)

        listed = await client.definitions.ListDefinitions(pb.ListDefinitionsRequest())
        assert first.definition.definition_id == again.definition.definition_id
        assert definition_pb2.DEFINITION_STATUS_ACTIVE == again.definition.status
        assert 1 == len(listed.definitions)

    @pytest.mark.parametrize(
        "changed",
        [{"key": "other"}, {"spec": as_json({**APPROVAL, "id": "x"})}, {"description": "Buy?"}],
        ids=lambda changed: next(iter(changed)),
    )
    async def test_otherwise_under_a_used_request_id_is_refused(
        self, client: Client, changed: dict[str, Any]
    ) -> None:
        """The same id for another request is a bug that must not pass for a repeat."""
        first: dict[str, Any] = {"key": "approval", "spec": as_json(APPROVAL), "request_id": "r1"}
        await client.definitions.CreateDefinition(pb.CreateDefinitionRequest(**first))

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.definitions.CreateDefinition(
                pb.CreateDefinitionRequest(**{**first, **changed})
            )

        assert grpc.StatusCode.ALREADY_EXISTS == refused.value.code()
        assert "IDEMPOTENCY_MISMATCH" == info_in(refused.value).reason

    async def test_under_a_starts_request_id_is_refused(self, client: Client) -> None:
        """Request ids are one family, whatever the request."""
        await activate(client)
        await start(client, request_id="r1")

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.definitions.CreateDefinition(
                pb.CreateDefinitionRequest(key="b", spec=as_json(APPROVAL), request_id="r1")
            )

        assert "IDEMPOTENCY_MISMATCH" == info_in(refused.value).reason

    async def test_with_errors_is_refused_with_all_of_them(self, client: Client) -> None:
        """An author should see every place and its remedy at once, as data."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await create(client, BROKEN)

        status = status_in(refused.value)
        found = detail_in(status, diagnostic_pb2.DiagnosticList)
        assert isinstance(found, diagnostic_pb2.DiagnosticList)
        assert grpc.StatusCode.INVALID_ARGUMENT == refused.value.code()
        assert "DEFINITION_INVALID" == info_in(refused.value).reason
        assert "/initial" == found.diagnostics[0].json_pointer

    async def test_that_is_only_validated_is_not_kept(self, client: Client) -> None:
        """validate_only asks a question: errors are its answer, and nothing is stored."""
        answer = await client.definitions.CreateDefinition(
            pb.CreateDefinitionRequest(key="approval", spec=as_json(BROKEN), validate_only=True)
        )
        listed = await client.definitions.ListDefinitions(pb.ListDefinitionsRequest())

        assert not answer.HasField("definition")
        assert diagnostic_pb2.DIAGNOSTIC_SEVERITY_ERROR == answer.diagnostics[0].severity
        assert [] == list(listed.definitions)

    async def test_that_is_not_json_is_malformed(self, client: Client) -> None:
        """Text that is no JSON at all is the client's bug, not the author's."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.definitions.ValidateDefinition(
                pb.ValidateDefinitionRequest(spec=Json(json="{"))
            )

        assert ("MALFORMED_REQUEST", "spec") == (
            info_in(refused.value).reason,
            info_in(refused.value).metadata["field"],
        )

    async def test_of_more_than_the_limit_is_refused_with_the_limit(self, client: Client) -> None:
        """A limit that is reached says which it is and how much was asked."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.definitions.ValidateDefinition(
                pb.ValidateDefinitionRequest(spec=Json(json=json.dumps("x" * 600_000)))
            )

        assert grpc.StatusCode.RESOURCE_EXHAUSTED == refused.value.code()
        assert str(512 * 1024) == info_in(refused.value).metadata["maximum"]

    @pytest.mark.parametrize("key", ["", "-a", "a b", "ä", "a" * 129])
    async def test_needs_a_well_formed_key(self, client: Client, key: str) -> None:
        """Keys stand in file names and URLs; the error says what one looks like, and where."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await create(client, key=key)

        violation = detail_in(status_in(refused.value), error_details_pb2.BadRequest)
        assert isinstance(violation, error_details_pb2.BadRequest)
        assert "key" == violation.field_violations[0].field


class TestValidating:
    async def test_finds_nothing_wrong_with_a_good_spec(self, client: Client) -> None:
        """What validates can be created."""
        answer = await client.definitions.ValidateDefinition(
            pb.ValidateDefinitionRequest(spec=as_json(APPROVAL))
        )

        assert answer.valid

    async def test_answers_a_bad_spec_with_diagnostics(self, client: Client) -> None:
        """A spec with errors is a good question: it gets an answer, not a status."""
        answer = await client.definitions.ValidateDefinition(
            pb.ValidateDefinitionRequest(spec=as_json(BROKEN))
        )

        assert not answer.valid
        assert answer.diagnostics[0].remedy


class TestActivating:
    async def test_moves_the_key_from_one_version_to_another(self, client: Client) -> None:
        """At most one version of a key is active, at every moment."""
        first, second = await activate(client), await activate(client)

        found = [
            (await client.definitions.GetDefinition(pb.GetDefinitionRequest(definition_id=one)))
            for one in (first, second)
        ]

        assert [
            definition_pb2.DEFINITION_STATUS_INACTIVE,
            definition_pb2.DEFINITION_STATUS_ACTIVE,
        ] == [one.definition.status for one in found]

    @pytest.mark.parametrize(
        ("spec", "what", "pointer"),
        [
            (
                invoking("http", timeout={"heartbeat": "PT5S"}),
                "a heartbeat timeout of HTTP tasks",
                "/states/working/invoke/timeout/heartbeat",
            ),
            (
                invoking("human", timeout={"heartbeat": "PT5S"}),
                "a heartbeat timeout of HUMAN tasks",
                "/states/working/invoke/timeout/heartbeat",
            ),
        ],
    )
    async def test_is_refused_for_what_this_server_does_not_offer(
        self, client: Client, spec: dict[str, Any], what: str, pointer: str
    ) -> None:
        """No instance should ever wait for a worker that does not exist."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await activate(client, spec)

        info = info_in(refused.value)
        assert grpc.StatusCode.FAILED_PRECONDITION == refused.value.code()
        assert ("TASK_TYPE_NOT_AVAILABLE", what, pointer) == (
            info.reason,
            info.metadata["task_type"],
            info.metadata["json_pointer"],
        )


class TestAnActiveDefinition:
    async def test_can_be_deactivated_twice(self, client: Client) -> None:
        """Asking for a state that is reached already changes nothing."""
        definition_id = await activate(client)
        request = pb.DeactivateDefinitionRequest(definition_id=definition_id)

        await client.definitions.DeactivateDefinition(request)
        answer = await client.definitions.DeactivateDefinition(request)

        assert definition_pb2.DEFINITION_STATUS_INACTIVE == answer.definition.status

    async def test_is_not_archived(self, client: Client) -> None:
        """Archiving is for good, so it takes two steps."""
        definition_id = await activate(client)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.definitions.ArchiveDefinition(
                pb.ArchiveDefinitionRequest(definition_id=definition_id)
            )

        assert "DEFINITION_ACTIVE" == info_in(refused.value).reason


class TestAnArchivedDefinition:
    async def test_stays_archived(self, client: Client) -> None:
        """It can be read and archived again, and never activated."""
        definition_id = await create(client)
        request = pb.ArchiveDefinitionRequest(definition_id=definition_id)
        await client.definitions.ArchiveDefinition(request)
        again = await client.definitions.ArchiveDefinition(request)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.definitions.ActivateDefinition(
                pb.ActivateDefinitionRequest(definition_id=definition_id)
            )

        assert definition_pb2.DEFINITION_STATUS_ARCHIVED == again.definition.status
        assert "DEFINITION_ARCHIVED" == info_in(refused.value).reason


class TestListingDefinitions:
    async def test_goes_through_all_pages_once(self, client: Client) -> None:
        """A token leads exactly to what comes after the last row seen."""
        for key in ("a", "b", "b", "c"):
            await create(client, key=key)

        seen: list[tuple[str, int]] = []
        token = ""
        while True:
            page = await client.definitions.ListDefinitions(
                pb.ListDefinitionsRequest(page_size=3, page_token=token)
            )
            seen += [(one.key, one.version) for one in page.definitions]
            token = page.next_page_token
            if not token:
                break

        assert [("a", 1), ("b", 2), ("b", 1), ("c", 1)] == seen

    async def test_keeps_to_its_filter(self, client: Client) -> None:
        """All terms of a filter must hold."""
        await activate(client, key="a")
        await create(client, key="a")
        await activate(client, key="b")

        page = await client.definitions.ListDefinitions(
            pb.ListDefinitionsRequest(filter='key = "a" AND status = ACTIVE')
        )

        assert [("a", 1)] == [(one.key, one.version) for one in page.definitions]

    async def test_has_one_order(self, client: Client) -> None:
        """What is not served is refused, not silently ordered otherwise."""
        for key in ("b", "a", "b"):
            await create(client, key=key)

        named = await client.definitions.ListDefinitions(pb.ListDefinitionsRequest(order_by="key"))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.definitions.ListDefinitions(
                pb.ListDefinitionsRequest(order_by="create_time desc")
            )

        assert [("a", 1), ("b", 2), ("b", 1)] == [
            (one.key, one.version) for one in named.definitions
        ]
        assert "FILTER_INVALID" == info_in(refused.value).reason

    async def test_of_a_time_comes_in_short_pages_and_misses_none(self, client: Client) -> None:
        """create_time is looked at in pages of definitions of every time."""
        for key in ("a", "b", "c"):
            await create(client, key=key)
        listed = await client.definitions.ListDefinitions(pb.ListDefinitionsRequest())
        last = listed.definitions[-1].create_time.ToJsonString()
        wanted = f'create_time >= "{last}"'

        page = await client.definitions.ListDefinitions(
            pb.ListDefinitionsRequest(page_size=2, filter=wanted)
        )
        rest = await client.definitions.ListDefinitions(
            pb.ListDefinitionsRequest(page_size=2, filter=wanted, page_token=page.next_page_token)
        )

        assert [] == list(page.definitions)
        assert ["c"] == [one.key for one in rest.definitions]

    async def test_leaves_the_specs_out(self, client: Client) -> None:
        """A list of specs would be megabytes that nobody asked for."""
        await create(client)

        page = await client.definitions.ListDefinitions(pb.ListDefinitionsRequest())

        assert not page.definitions[0].HasField("spec")


class TestRendering:
    async def test_gives_mermaid(self, client: Client) -> None:
        """The drawing is text that other tools display."""
        definition_id = await create(client)

        answer = await client.definitions.RenderDefinition(
            pb.RenderDefinitionRequest(definition_id=definition_id)
        )

        assert answer.text.startswith("stateDiagram-v2")
        assert "SUBMIT" in answer.text


class TestAForeignDefinition:
    async def test_answers_like_an_unknown_one(self, client: Client, stranger: Client) -> None:
        """Nobody may learn from an error what another tenant has."""
        foreign = await create(stranger)
        unknown = "01a2073e-c432-73a4-a443-a88f60270999"

        errors = []
        for definition_id in (foreign, unknown):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await client.definitions.GetDefinition(
                    pb.GetDefinitionRequest(definition_id=definition_id)
                )
            errors.append(
                (
                    refused.value.code(),
                    info_in(refused.value).reason,
                    (refused.value.details() or "").replace(definition_id, "…"),
                )
            )

        assert errors[0] == errors[1]
        assert grpc.StatusCode.NOT_FOUND == errors[0][0]
