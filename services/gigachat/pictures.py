"""Pictures of a conversation: uploaded before a question, deleted after its answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

from services.chat import Image, Message
from services.errors import ServiceError
from services.gigachat.error_mapping import SERVICE
from services.gigachat.files import checked_file_id
from services.vision import check_pictures

logger = logging.getLogger(__name__)


class Files(Protocol):
    """The part of the client that keeps files."""

    @property
    def name(self) -> str: ...

    async def upload_file(self, content: bytes, filename: str, mime: str) -> str: ...

    async def delete_file(self, file_id: str) -> None: ...


@asynccontextmanager
async def uploaded(messages: Sequence[Message], files: Files) -> AsyncIterator[Sequence[Message]]:
    """The messages with the IDs of their pictures, which live as long as the block.

    Raises CannotSee, ServiceError.
    """
    check_pictures(messages, files.name, SERVICE)
    if not any(message.attachments for message in messages):
        yield messages
        return
    ids: list[str] = []
    try:
        named = []
        for message in messages:
            pictures = [await _upload(image, files, ids) for image in message.attachments]
            named.append(replace(message, attachments=tuple(pictures)))
        yield named
    finally:
        for file_id in ids:
            try:
                await files.delete_file(file_id)
            except ServiceError as error:
                logger.warning("a picture wasn't deleted: %s", type(error).__name__)


async def _upload(image: Image, files: Files, ids: list[str]) -> Image:
    name = f"picture.{image.media_type.partition('/')[2]}"
    file_id = checked_file_id(await files.upload_file(image.content, name, image.media_type))
    ids.append(file_id)
    return replace(image, file_id=file_id)
