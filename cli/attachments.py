"""Files beside a prompt: documents and pictures."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cli.shell import Problem
from services.chat import ChatModel, Image, Message

if TYPE_CHECKING:  # what reads and searches documents takes half a second to import
    from services.media.documents import Document
    from services.media.documents.excerpts import Excerpts

MAX_BYTES = 20 * 2**20


@dataclass(slots=True)
class Attached:
    """The documents and pictures read so far."""

    documents: list[Document] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)

    async def add(self, path: Path) -> None:
        """Read one more file. Raises Problem."""
        from services.media.documents import DocumentRefused, read_document
        from services.media.pictures import PictureRefused, is_picture, read_picture

        content = await asyncio.to_thread(_read, path)
        try:
            if is_picture(content):
                self.pictures.append(await read_picture(content))
            else:
                self.documents.append(await read_document(content, path.name))
        except (DocumentRefused, PictureRefused) as error:
            raise Problem(f"{path.name}: {str(error).rstrip('.')}") from error

    async def message(
        self, question: str, model: ChatModel
    ) -> tuple[Message, Callable[[str], str]]:
        """The question with its pictures and the excerpts of the documents that bear on it.

        The second value is a function from an answer to the line that names its sources.
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


def add_option(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--attach",
        action="append",
        type=Path,
        default=[],
        metavar="ФАЙЛ",
        help="документ или картинка к запросу; можно повторять",
    )


async def attach(
    paths: Sequence[Path], messages: list[Message], model: ChatModel
) -> Callable[[str], str]:
    """Put the files of --attach beside the question, which is the last of `messages`.

    Returns a function from an answer to the line that names its sources. Raises Problem.
    """
    attached = Attached()
    for path in paths:
        await attached.add(path)
    messages[-1], sources_of = await attached.message(messages[-1].content, model)
    return sources_of


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Problem(f"{path.name}: файл больше 20 МБ, раздели его на части")
        return path.read_bytes()
    except OSError as error:
        raise Problem(f"{path}: файл не прочитать ({error.strerror})") from error
