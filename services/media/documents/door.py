"""Read a file in a sandbox, in bounded time and memory."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from services import sandbox
from services.media.documents.document import Document, DocumentRefused
from services.media.documents.reading import BROKEN, MAX_BYTES, TOO_LARGE, UNREADABLE, read

MAX_SECONDS = 40.0
MEGABYTES = 768
MAX_PARALLEL = 2  # processes at once

_places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def read_document(content: bytes, name: str = "") -> Document:
    """Read a PDF, DOCX, XLSX, CSV, HTML or text file; what it is, its content decides.

    It runs in a process that is killed when its time is over or the caller is cancelled.
    Raises DocumentRefused, whose text is one line for the user.
    """
    if len(content) > MAX_BYTES:
        raise DocumentRefused(TOO_LARGE)
    loop = asyncio.get_running_loop()
    place = _places.setdefault(loop, asyncio.Semaphore(MAX_PARALLEL))
    async with place:
        try:
            return await sandbox.run(read, content, name, seconds=MAX_SECONDS, megabytes=MEGABYTES)
        except sandbox.Refused as error:
            raise DocumentRefused(str(error)) from None
        except sandbox.SandboxError as error:
            raise DocumentRefused(BROKEN if error.reason == "crash" else UNREADABLE) from error
