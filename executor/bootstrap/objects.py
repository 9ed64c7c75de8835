"""Where an executor keeps objects."""

from contextlib import AsyncExitStack
from urllib.parse import unquote, urlsplit

from executor.adapters.file_objects import FileObjects
from executor.plugins import Plugins
from executor.ports.object_storage import ObjectStorage
from shared.errors import InvalidRequest
from shared.settings import Settings


def objects_of(settings: Settings) -> ObjectStorage | None:
    """Where the settings say that objects are. Raises InvalidRequest for what cannot be used."""
    url = settings.objects_url
    parts = urlsplit(url)
    if not url:
        return None
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path:
        return FileObjects(unquote(parts.path))
    if parts.scheme != "s3":
        raise InvalidRequest(
            "FOLIOT_OBJECTS_URL begins with file:/// or s3://, as file:///var/lib/foliot/objects",
            field="objects_url",
        )
    try:
        from executor.adapters.s3_objects import S3Objects
    except ImportError:
        raise InvalidRequest(
            "FOLIOT_OBJECTS_URL needs what is not installed; pip install 'foliot[s3]'",
            field="objects_url",
        ) from None
    return S3Objects(url, allow_plaintext=settings.allow_plaintext)


async def open_objects(
    settings: Settings, plugins: Plugins, exits: AsyncExitStack
) -> ObjectStorage | None:
    opening = plugins.adapters.get("objects")
    if opening is None:
        return objects_of(settings)
    if settings.objects_url:
        raise InvalidRequest(
            "objects are kept by FOLIOT_OBJECTS_URL and by a package in FOLIOT_PLUGINS; leave one"
            " of them out",
            field="objects_url",
        )
    objects: ObjectStorage = await exits.enter_async_context(opening())
    return objects
