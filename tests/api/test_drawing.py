"""RenderDefinition, over the wire."""

import grpc
import pytest
from foliot.v1 import definition_service_pb2 as pb

from control_plane.drawing import is_available
from tests.api.serving import Client, Serving, client_of, info_in
from tests.api.stories import activate, create, start


async def render(
    client: Client, definition_id: str, format_: int = 0, instance_id: str = ""
) -> pb.RenderDefinitionResponse:
    return await client.definitions.RenderDefinition(
        pb.RenderDefinitionRequest(
            definition_id=definition_id,
            format=format_,  # type: ignore[arg-type]  # some are none
            instance_id=instance_id,
        )
    )


class TestADrawing:
    @pytest.mark.parametrize(
        ("format_", "begins"),
        [(0, "stateDiagram-v2"), (1, "stateDiagram-v2"), (pb.RENDER_FORMAT_DOT, "digraph")],
    )
    async def test_as_text_needs_nothing_installed(
        self, client: Client, format_: int, begins: str
    ) -> None:
        """Mermaid unless something else is asked for."""
        drawn = await render(client, await create(client), format_)

        assert drawn.text.startswith(begins)
        assert (format_ or pb.RENDER_FORMAT_MERMAID, b"") == (drawn.format, drawn.image)

    @pytest.mark.skipif(not is_available(), reason="no Graphviz here")
    async def test_as_a_picture_is_text_or_bytes(self, client: Client) -> None:
        """An SVG is text; a PNG is not."""
        definition_id = await create(client)
        svg = await render(client, definition_id, pb.RENDER_FORMAT_SVG)
        png = await render(client, definition_id, pb.RENDER_FORMAT_PNG)

        assert "</svg>" in svg.text
        assert (b"\x89PNG", "") == (png.image[:4], png.text)

    async def test_as_a_picture_says_what_is_missing(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where there is no Graphviz, the caller can ask for another format, or its operator."""
        monkeypatch.setattr("control_plane.drawing.graphviz._program", lambda: None)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await render(client, await create(client), pb.RENDER_FORMAT_SVG)

        assert grpc.StatusCode.FAILED_PRECONDITION == refused.value.code()
        assert "DRAWING_NOT_AVAILABLE" == info_in(refused.value).reason

    async def test_in_an_unknown_format_is_refused(self, client: Client) -> None:
        """The message has those that there are."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await render(client, await create(client), 99)

        assert "FIELD_INVALID" == info_in(refused.value).reason

    @pytest.mark.parametrize("format_", [pb.RENDER_FORMAT_MERMAID, pb.RENDER_FORMAT_DOT])
    async def test_shows_where_an_instance_stands(self, client: Client, format_: int) -> None:
        """Its active states stand out."""
        definition_id = await activate(client)
        started = await start(client)
        plain = await render(client, definition_id, format_)
        marked = await render(client, definition_id, format_, started.instance_id)

        assert "#2b6cb0" not in plain.text
        assert "#2b6cb0" in marked.text

    async def test_of_an_instance_of_another_version_is_refused(self, client: Client) -> None:
        """Its states may not be there; the error names the version to ask for."""
        first = await activate(client)
        started = await start(client)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await render(client, await create(client), instance_id=started.instance_id)

        info = info_in(refused.value)
        assert ("INSTANCE_OF_OTHER_DEFINITION", first) == (
            info.reason,
            info.metadata["definition_id"],
        )

    async def test_of_an_instance_takes_the_permission_to_read_it(
        self, serving: Serving, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where an instance stands is the instance's, not the definition's."""
        definition_id = await activate(client)
        started = await start(client)
        monkeypatch.setattr(
            "control_plane.use_cases.authenticate.permissions_of",
            lambda _: frozenset({"definition.read"}),
        )
        async with client_of(serving, await serving.key("viewer")) as viewer:
            await render(viewer, definition_id)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await render(viewer, definition_id, instance_id=started.instance_id)

        assert "instance.read" == info_in(refused.value).metadata["permission"]
