"""
Mail in files, for whoever tries things out: each message becomes a file that mail programs open,
and nobody gets it.
"""

import asyncio
import hashlib
import os
from datetime import timedelta
from pathlib import Path

from executor.ports.email import Email, EmailUnreachable, Receipt
from shared.errors import InvalidRequest

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@")


class FileEmail:
    """One file a message, by the name of its Message-ID: a retry writes the same one again."""

    def __init__(self, folder: str) -> None:
        """Makes the folder. Raises InvalidRequest if that cannot be, or it cannot be written."""
        self._folder = Path(folder)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_usable = os.access(self._folder, os.W_OK | os.X_OK)
        except OSError:
            is_usable = False
        if not is_usable:
            raise InvalidRequest(
                f"FOLIOT_MAIL_URL names {folder!r}, which is no folder that can be written",
                field="mail_url",
            )

    async def send(self, message: Email, within: timedelta) -> Receipt:
        del within
        place = self._folder / f"{_name_of(message.message_id)}.eml"
        try:
            await asyncio.to_thread(_write, place, message.message)
        except OSError as error:
            raise EmailUnreachable(
                f"the folder of FOLIOT_MAIL_URL cannot be written ({os.strerror(error.errno or 0)})"
            ) from error
        return Receipt(accepted=message.recipients, response=f"written to {place}; nobody gets it")


def _name_of(message_id: str) -> str:
    """The Message-ID as it is where a file can have its name, else what is made of it."""
    bare = message_id.strip("<>")
    if len(bare) <= 200 and set(bare) <= _SAFE and not bare.startswith("."):
        return bare
    return hashlib.sha256(bare.encode(errors="replace")).hexdigest()


def _write(place: Path, content: bytes) -> None:
    beside = place.with_suffix(".new")
    beside.write_bytes(content)
    beside.replace(place)
