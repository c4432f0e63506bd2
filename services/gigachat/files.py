"""Pictures for GigaChat: uploaded before a question, named by their IDs in it, deleted after it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from services.chat import Image, Message
from services.errors import ServiceError
from services.gigachat.error_mapping import SERVICE, bad
from services.vision import check_pictures

logger = logging.getLogger(__name__)

Ask = Callable[[str, str, aiohttp.BytesPayload | None], Awaitable[Any]]
FileIds = dict[int, tuple[str, ...]]  # by the message's place

_BOUNDARY = "----gigachat-picture-8c1d5f0b7e3a4962"


@asynccontextmanager
async def uploaded(messages: Sequence[Message], model: str, ask: Ask) -> AsyncIterator[FileIds]:
    """The IDs of the messages' pictures, which live as long as the block.

    `ask` sends a request and returns the reply's JSON. Raises CannotSee, ServiceError.
    """
    check_pictures(messages, model, SERVICE)
    ids: FileIds = {}
    try:
        for number, message in enumerate(messages):
            if message.attachments:
                ids[number] = tuple([await _upload(image, ask) for image in message.attachments])
        yield ids
    finally:
        for file_id in (each for group in ids.values() for each in group):
            try:
                await ask("POST", f"/files/{file_id}/delete", None)
            except ServiceError as error:
                logger.warning("a picture wasn't deleted: %s", type(error).__name__)


async def _upload(image: Image, ask: Ask) -> str:
    reply = await ask("POST", "/files", multipart(image))
    file_id = reply.get("id") if isinstance(reply, dict) else None
    if not isinstance(file_id, str) or not file_id.replace("-", "").replace("_", "").isalnum():
        raise bad("no ID of the uploaded file")
    return file_id


def multipart(image: Image) -> aiohttp.BytesPayload:
    """The form of an upload, as bytes: a retry sends it again."""
    kind = image.media_type.partition("/")[2]
    lines = (
        f"--{_BOUNDARY}",
        'Content-Disposition: form-data; name="purpose"',
        "",
        "general",
        f"--{_BOUNDARY}",
        f'Content-Disposition: form-data; name="file"; filename="picture.{kind}"',
        f"Content-Type: {image.media_type}",
        "",
        "",
    )
    body = "\r\n".join(lines).encode() + image.content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return aiohttp.BytesPayload(body, content_type=f"multipart/form-data; boundary={_BOUNDARY}")
