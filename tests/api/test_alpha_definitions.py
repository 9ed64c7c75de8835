"""DefinitionService of v1alpha, over the wire: comparing, exporting, importing."""

import json
from typing import Any

import grpc
import pytest
from foliot.v1 import definition_service_pb2, diagnostic_pb2
from foliot.v1.json_pb2 import Json
from foliot.v1alpha import definition_diff_pb2 as diffs
from foliot.v1alpha import definition_service_pb2 as pb

from control_plane.use_cases import diff_definitions, import_definition
from tests.api.serving import Client, Serving, client_of, detail_in, info_in, status_in
from tests.api.stories import create

BEFORE: dict[str, Any] = {
    "initial": "open",
    "states": {
        "open": {"on": {"PAY": {"target": "paid", "guard": {"@expr": "event.sum > 5"}}}},
        "paid": {"invoke": {"src": "human", "onDone": "open"}, "on": {"SEND": "sent"}},
        "sent": {"type": "final"},
    },
}
AFTER: dict[str, Any] = {
    "initial": "open",
    "states": {
        "open": {"on": {"PAY": {"target": "paid", "guard": {"@expr": "event.sum > 9"}}}},
        "paid": {"on": {"SEND": "shipped"}},
        "shipped": {"type": "final"},
        "lost": {"type": "final"},
    },
    "on": {"LOSE": ".lost"},
}
SCXML = """<scxml xmlns="http://www.w3.org/2005/07/scxml" version="1.0" initial="a">
  <state id="a"><transition event="go" target="b"/></state>
  <final id="b"/>
</scxml>"""
WITH_A_SCRIPT = SCXML.replace('<final id="b"/>', '<final id="b"/><script>alert(1)</script>')
NOWHERE = "00000000-0000-7000-8000-000000000000"


async def diff(client: Client, before: str, **after: Any) -> diffs.DefinitionDiff:
    request = pb.DiffDefinitionsRequest(before_definition_id=before, **after)
    return (await client.alpha_definitions.DiffDefinitions(request)).diff


async def bring(client: Client, document: str, **more: Any) -> pb.ImportDefinitionResponse:
    asked = {"format": pb.DEFINITION_FORMAT_SCXML, "key": "brought", **more}
    return await client.alpha_definitions.ImportDefinition(
        pb.ImportDefinitionRequest(document=document, **asked)
    )


async def kept(client: Client) -> int:
    """How many definitions there are."""
    listed = await client.definitions.ListDefinitions(
        definition_service_pb2.ListDefinitionsRequest()
    )
    return len(listed.definitions)


class TestADiff:
    async def test_tells_as_data_what_has_changed_in_each_state(self, client: Client) -> None:
        """A program decides by it whether running instances may be taken along."""
        before, after = await create(client, BEFORE), await create(client, AFTER)

        found = await diff(client, before, after_definition_id=after)

        assert diffs.DEFINITION_COMPATIBILITY_BREAKING == found.compatibility
        assert ["lost"] == list(found.added_states)
        assert [("sent", "shipped", diffs.RENAME_MEANS_STRUCTURE)] == [
            (one.before_path, one.after_path, one.means) for one in found.renamed_states
        ]
        changes = {
            (one.state_path, one.part, one.kind, one.name, tuple(one.aspects))
            for one in found.changes
        }
        assert {
            ("open", diffs.DEFINITION_PART_TRANSITION, diffs.CHANGE_KIND_CHANGED, "PAY", ("guard",))
        } <= changes
        assert ("paid", diffs.DEFINITION_PART_TASK, diffs.CHANGE_KIND_REMOVED) in {
            one[:3] for one in changes
        }
        assert "paid" in {one.state_path for one in found.obstacles}

    async def test_tells_it_to_people_too(self, client: Client) -> None:
        """What `foliot definition diff` prints, for those who have only the API."""
        before = await create(client, BEFORE)

        found = await diff(client, before, after_spec=Json(json=json.dumps(AFTER)))

        lines = found.text.splitlines()
        assert "+ state lost" in lines
        assert "    ~ transition PAY (guard)" in lines
        assert any(line.startswith("BREAKING: ") for line in lines)

    async def test_of_the_same_in_another_spelling_is_identical(self, client: Client) -> None:
        """What counts is what a definition does."""
        before = await create(client, BEFORE)

        found = await diff(client, before, after_spec=Json(json=json.dumps(BEFORE, indent=3)))

        assert diffs.DEFINITION_COMPATIBILITY_IDENTICAL == found.compatibility
        assert [] == [*found.changes, *found.added_states, *found.removed_states, *found.obstacles]

    async def test_with_a_spec_that_has_errors_says_which(self, client: Client) -> None:
        """There is nothing to compare; the diagnostics are those of validating it."""
        before = await create(client, BEFORE)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await diff(client, before, after_spec=Json(json='{"initial": "x", "states": {}}'))

        assert "DEFINITION_INVALID" == info_in(refused.value).reason
        listed = detail_in(status_in(refused.value), diagnostic_pb2.DiagnosticList)
        assert isinstance(listed, diagnostic_pb2.DiagnosticList)
        assert listed.diagnostics[0].remedy

    @pytest.mark.parametrize(
        ("after", "reason"),
        [
            ({}, "FIELD_INVALID"),
            ({"after_definition_id": ""}, "FIELD_INVALID"),
            ({"after_definition_id": NOWHERE}, "DEFINITION_NOT_FOUND"),
            ({"after_spec": Json(json="{")}, "MALFORMED_REQUEST"),
            ({"after_spec": Json()}, "FIELD_INVALID"),
            ({"after_spec": Json(json=f'"{"x" * 600_000}"')}, "LIMIT_EXCEEDED"),
        ],
        ids=str,
    )
    async def test_refuses_what_is_no_second_definition(
        self, client: Client, after: dict[str, Any], reason: str
    ) -> None:
        """Each with the field that it is about."""
        before = await create(client, BEFORE)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await diff(client, before, **after)

        assert reason == info_in(refused.value).reason

    async def test_sees_no_other_tenants_definitions(
        self, client: Client, stranger: Client
    ) -> None:
        """Neither as the one nor as the other."""
        ours, theirs = await create(client, BEFORE), await create(stranger, BEFORE)

        for before, after in ((ours, theirs), (theirs, ours)):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await diff(client, before, after_definition_id=after)
            assert "DEFINITION_NOT_FOUND" == info_in(refused.value).reason

    async def test_holds_no_more_states_together_than_it_can_at_once(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A pair of large definitions must not keep a server busy; renames are guesses."""
        monkeypatch.setattr(diff_definitions, "MAX_PAIRS", 1)
        before = await create(client, BEFORE)

        found = await diff(client, before, after_spec=Json(json=json.dumps(AFTER)))

        assert ([], ["sent"]) == (list(found.renamed_states), list(found.removed_states))


class TestAnExport:
    async def test_to_xstate_names_what_the_program_must_provide(self, client: Client) -> None:
        """The document is a config of XState; what JSON cannot say there is listed."""
        answer = await client.alpha_definitions.ExportDefinition(
            pb.ExportDefinitionRequest(
                definition_id=await create(client, BEFORE), format=pb.DEFINITION_FORMAT_XSTATE
            )
        )

        assert list(BEFORE["states"]) == list(json.loads(answer.document)["states"])
        assert "/states/open/on/PAY/guard" in {one.json_pointer for one in answer.left_out}
        assert all(one.message for one in answer.left_out)
        assert len(answer.left_out) == answer.left_out_count

    async def test_to_scxml_can_be_imported_again(self, client: Client) -> None:
        """There and back it is the same machine."""
        simple = {
            "unhandled": "ignore",
            "initial": "a",
            "states": {"a": {"on": {"go": "b"}}, "b": {"type": "final"}},
        }
        definition_id = await create(client, simple)
        answer = await client.alpha_definitions.ExportDefinition(
            pb.ExportDefinitionRequest(
                definition_id=definition_id, format=pb.DEFINITION_FORMAT_SCXML
            )
        )

        again = await bring(client, answer.document, whole_names=True)

        assert 0 == answer.left_out_count
        found = await diff(
            client, definition_id, after_definition_id=again.definition.definition_id
        )
        assert diffs.DEFINITION_COMPATIBILITY_IDENTICAL == found.compatibility, found.text

    @pytest.mark.parametrize("format_", [0, 99])
    async def test_to_a_format_that_is_none_is_refused(self, client: Client, format_: int) -> None:
        """Also by a client whose protos know more formats than this server."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.alpha_definitions.ExportDefinition(
                pb.ExportDefinitionRequest(
                    definition_id=await create(client, BEFORE),
                    format=format_,  # type: ignore[arg-type]  # what another version may send
                )
            )

        assert ("FIELD_INVALID", "format") == (
            info_in(refused.value).reason,
            info_in(refused.value).metadata["field"],
        )

    async def test_of_another_tenants_definition_finds_nothing(
        self, client: Client, stranger: Client
    ) -> None:
        """A foreign id answers like one that never was."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.alpha_definitions.ExportDefinition(
                pb.ExportDefinitionRequest(
                    definition_id=await create(stranger, BEFORE), format=pb.DEFINITION_FORMAT_SCXML
                )
            )

        assert "DEFINITION_NOT_FOUND" == info_in(refused.value).reason


class TestAnImport:
    async def test_is_kept_as_a_version_of_its_key(self, client: Client) -> None:
        """Inactive, like one that was created from a spec."""
        answer = await bring(client, SCXML, description="From the old engine")

        fetched = await client.definitions.GetDefinition(
            definition_service_pb2.GetDefinitionRequest(
                definition_id=answer.definition.definition_id
            )
        )
        assert ("brought", 1, "From the old engine") == (
            fetched.definition.key,
            fetched.definition.version,
            fetched.definition.description,
        )
        assert answer.spec == fetched.definition.spec
        assert ["a", "b"] == list(json.loads(answer.spec.json)["states"])

    async def test_of_a_config_of_xstate_is_taken_as_it_is(self, client: Client) -> None:
        """A definition is such a config."""
        answer = await bring(client, json.dumps(BEFORE), format=pb.DEFINITION_FORMAT_XSTATE)

        assert BEFORE == json.loads(answer.spec.json)

    async def test_that_is_only_validated_keeps_nothing_and_tells_everything(
        self, client: Client
    ) -> None:
        """Whoever brings a hundred documents looks first; no key is needed for that."""
        answer = await bring(client, WITH_A_SCRIPT, validate_only=True, key="")

        assert not answer.HasField("definition")
        assert ["script"] == [one.part.strip("<>") for one in answer.refused]
        assert all(one.place.startswith("line ") and one.remedy for one in answer.refused)
        assert 0 == await kept(client)

    async def test_that_cannot_be_said_as_a_whole_is_refused_with_the_lines(
        self, client: Client
    ) -> None:
        """Nothing of a process is dropped without a word."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await bring(client, WITH_A_SCRIPT)

        listed = detail_in(status_in(refused.value), diagnostic_pb2.DiagnosticList)
        assert isinstance(listed, diagnostic_pb2.DiagnosticList)
        assert "DEFINITION_INVALID" == info_in(refused.value).reason
        assert ["line 3"] == [one.message.partition(":")[0] for one in listed.diagnostics]
        assert 0 == await kept(client)

    async def test_is_kept_in_part_where_that_is_asked_for(self, client: Client) -> None:
        """And says what it lacks."""
        answer = await bring(client, WITH_A_SCRIPT, allow_partial=True)

        assert (1, 1) == (len(answer.refused), answer.definition.version)

    async def test_of_a_config_with_errors_is_refused_by_the_validator(
        self, client: Client
    ) -> None:
        """In its words and with its pointers, as if the config had been created."""
        config = '{"initial": "a", "states": {"a": {"on": {"E": {"target": "b"}}}}}'

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await bring(client, config, format=pb.DEFINITION_FORMAT_XSTATE)
        told = await bring(client, config, format=pb.DEFINITION_FORMAT_XSTATE, validate_only=True)

        assert "/states/a/on/E" in info_in(refused.value).metadata["json_pointer"]
        assert diagnostic_pb2.DIAGNOSTIC_SEVERITY_ERROR == told.diagnostics[0].severity

    async def test_is_made_once_under_a_request_id(self, client: Client) -> None:
        """A client that did not hear the answer sends the same request again."""
        first = await bring(client, SCXML, request_id="r1")
        again = await bring(client, SCXML, request_id="r1")

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await bring(client, SCXML.replace('"go"', '"run"'), request_id="r1")

        assert first.definition == again.definition
        assert "IDEMPOTENCY_MISMATCH" == info_in(refused.value).reason

    async def test_takes_the_right_to_write_definitions(
        self, client: Client, serving: Serving
    ) -> None:
        """Also when it is only to be validated: it is the same call."""
        async with client_of(serving, await serving.key("viewer")) as viewer:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await bring(viewer, SCXML, validate_only=True)

        assert "PERMISSION_DENIED" == info_in(refused.value).reason

    @pytest.mark.parametrize(
        ("asked", "reason", "field"),
        [
            ({"document": ""}, "FIELD_INVALID", "document"),
            ({"document": "no XML"}, "FIELD_INVALID", "document"),
            ({"document": '<!DOCTYPE x [<!ENTITY a "b">]><x/>'}, "FIELD_INVALID", "document"),
            ({"document": "<a>" * 10_000}, "FIELD_INVALID", "document"),
            ({"document": "\0"}, "FIELD_INVALID", "document"),
            ({"document": "x" * 524_289}, "LIMIT_EXCEEDED", "document"),
            ({"document": "[" * 100_000, "format": 1}, "FIELD_INVALID", "document"),
            ({"document": '{"a": "\\ud800"}', "format": 1}, "FIELD_INVALID", "document"),
            ({"document": '{"a": 1e999}', "format": 1}, "FIELD_INVALID", "document"),
            ({"document": "[]", "format": 1}, "FIELD_INVALID", "document"),
            ({"format": 0}, "FIELD_INVALID", "format"),
            ({"key": ""}, "FIELD_INVALID", "key"),
            ({"description": "x" * 2_001}, "FIELD_INVALID", "description"),
            ({"request_id": "x" * 129}, "FIELD_INVALID", "request_id"),
        ],
        ids=lambda value: str(value)[:40],
    )
    async def test_refuses_what_is_no_such_document(
        self, client: Client, asked: dict[str, Any], reason: str, field: str
    ) -> None:
        """Whatever somebody sends, it is the document that is at fault and not the server."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await bring(client, **{"document": SCXML, **asked})

        assert (reason, field) == (
            info_in(refused.value).reason,
            info_in(refused.value).metadata["field"],
        )

    async def test_never_makes_more_of_a_document_than_may_be_kept(self, client: Client) -> None:
        """A short way to say much in one format is no way around the limit on specs."""
        assigns = '<assign location="d" expr="d+1"/>' * 12_000
        document = (
            '<scxml xmlns="http://www.w3.org/2005/07/scxml" version="1.0"><datamodel>'
            f'<data id="d" expr="1"/></datamodel><state id="s"><onentry>{assigns}</onentry></state>'
            "</scxml>"
        )
        assert len(document) < import_definition.MAX_DOCUMENT_BYTES

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await bring(client, document, validate_only=True)

        assert "LIMIT_EXCEEDED" == info_in(refused.value).reason
