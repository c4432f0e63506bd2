"""Files beside a prompt: documents to answer by, pictures to look at."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from services.chat import ChatModel, Image, Message
from services.errors import ServiceError

if TYPE_CHECKING:  # what reads and searches documents takes half a second to import
    from services.media.documents import Document
    from services.media.documents.excerpts import Excerpts

MAX_BYTES = 20 * 2**20


class AttachmentError(ServiceError):
    """A file that can't be attached; the message is for the user."""


@dataclass(slots=True)
class Attached:
    """What was read of the files so far."""

    documents: list[Document] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)

    async def add(self, path: Path) -> None:
        """Read one more file. Raises AttachmentError."""
        from services.media.documents import DocumentRefused, read_document
        from services.media.pictures import PictureRefused, is_picture, read_picture

        content = await asyncio.to_thread(_read, path)
        try:
            if is_picture(content):
                self.pictures.append(await read_picture(content))
            else:
                self.documents.append(await read_document(content, path.name))
        except (DocumentRefused, PictureRefused) as error:
            raise AttachmentError(f"{path.name}: {error}") from error

    async def message(
        self, question: str, model: ChatModel
    ) -> tuple[Message, Callable[[str], str]]:
        """The question with its pictures and what the documents say of it.

        The second value names the places that an answer leans on, "" for none.
        """
        pictures = tuple(self.pictures)
        if not self.documents:
            return Message("user", question, attachments=pictures), lambda _: ""
        excerpts = await asyncio.to_thread(self._excerpts, question, model)
        return Message("user", excerpts.add_to(question), attachments=pictures), excerpts.sources

    def _excerpts(self, question: str, model: ChatModel) -> Excerpts:
        from services.dialogue import room_for
        from services.media.documents.search import SearchedDocument, find_excerpts
        from services.retrieval.encoder import shared_encoder

        searched = [SearchedDocument.of(document) for document in self.documents]
        return find_excerpts(searched, question, room_for(model), shared_encoder())


def add_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--attach",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="документ или картинка к запросу; можно повторять",
    )


async def read_all(paths: Sequence[Path]) -> Attached:
    """Read the files of --attach. Raises AttachmentError."""
    attached = Attached()
    for path in paths:
        await attached.add(path)
    return attached


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AttachmentError(f"{path.name}: файл больше 20 МБ, раздели его на части.")
        return path.read_bytes()
    except OSError as error:
        raise AttachmentError(f"{path}: файл не прочитать ({error.strerror}).") from error
