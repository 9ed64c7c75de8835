"""
Copies what a child prints into its log file, line by line, and to whoever else listens.
"""

import asyncio
import os
from collections import deque
from pathlib import Path

from control_plane.embedded.child import LineReader

# A file that has grown to this becomes `<name>.log.1`, in place of the one before.
LOG_BYTES = 10 * 1024 * 1024
# A longer line is cut into several.
LINE_BYTES = 64 * 1024
READ_BYTES = 64 * 1024
# How many of the last lines an error quotes.
QUOTED_LINES = 8


class OutputLog:
    """
    One pipe and one file for all runs of one child. The loop that opened it must keep
    running, or the child will wait for somebody to read its output.
    """

    def __init__(self, name: str, path: Path, on_line: LineReader | None) -> None:
        self.path = path
        self._name = name
        self._on_line = on_line
        self._rest = b""
        self._recent: deque[str] = deque(maxlen=QUOTED_LINES)
        self._file = path.open("ab")
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)
        asyncio.get_running_loop().add_reader(self._reading, self._read)

    def tail(self) -> str:
        """The last few lines, to be quoted."""
        self._read()
        return "\n".join(self._recent)

    def close(self) -> None:
        """Take what is still in the pipe, and no more. Twice is once."""
        if self.writing < 0:
            return
        os.close(self.writing)
        self.writing = -1
        asyncio.get_running_loop().remove_reader(self._reading)
        self._read()
        if self._rest:
            self._take(self._rest)
        os.close(self._reading)
        self._file.close()

    def _read(self) -> None:
        try:
            while chunk := os.read(self._reading, READ_BYTES):
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                for line in lines:
                    self._take(line)
                if len(self._rest) > LINE_BYTES:
                    self._take(self._rest)
                    self._rest = b""
        except BlockingIOError:
            return

    def _take(self, line: bytes) -> None:
        if self._file.tell() > LOG_BYTES:
            self._file.close()
            self.path.replace(self.path.with_name(f"{self.path.name}.1"))
            self._file = self.path.open("ab")
        self._file.write(line + b"\n")
        self._file.flush()
        text = line.decode("utf-8", "replace").rstrip("\r")
        self._recent.append(text)
        if self._on_line is not None:
            self._on_line(self._name, text)
