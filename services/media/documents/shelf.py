"""The documents of each talk: kept with it, and searched for what a question asks."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from services.media.documents.document import Document, Page
from services.media.documents.excerpts import Excerpts
from services.media.documents.search import SearchedDocument, find_excerpts, is_about
from services.retrieval.encoder import Encoder
from services.storage import ConversationKey, DocumentStore, StoredDocument

MAX_OPEN = 8  # documents whose passages are held in memory


class DocumentShelf:
    """Keeps the documents of talks and finds the passages that questions are about."""

    def __init__(self, store: DocumentStore, encoder: Callable[[], Encoder | None]) -> None:
        self._store = store
        self._encoder = encoder
        self._opened: OrderedDict[int, SearchedDocument] = OrderedDict()
        self._opening = asyncio.Lock()

    async def put(
        self, key: ConversationKey, author_id: int, source_id: int, documents: Sequence[Document]
    ) -> None:
        """Let the documents of one message join a talk."""
        bodies = await asyncio.to_thread(lambda: [_pack(document) for document in documents])
        await self._store.put(key, author_id, source_id, bodies)

    async def clear(self, key: ConversationKey, author_id: int | None = None) -> None:
        """Take the documents out of a talk that begins anew, with an author only theirs."""
        await self._store.clear(key, author_id)

    async def forget(self, person_id: int) -> None:
        await self._store.forget(person_id)
        self._opened.clear()

    async def names(self, person_id: int) -> dict[int, str]:
        """What the documents of a person are called, by their numbers."""
        stored = await self._store.of_person(person_id)
        return await asyncio.to_thread(lambda: {it.id: _unpack(it.body).name for it in stored})

    async def about(
        self, key: ConversationKey, question: str, room: int, *, relevant: bool = False
    ) -> Excerpts:
        """The passages of the talk's documents that bear on a question, up to `room` characters.

        With `relevant` a question that shares no rare word with them, as small talk, gets none.
        """
        stored = await self._store.of(key)
        if not stored or room <= 0:
            return Excerpts()
        async with self._opening:
            documents = [await self._open(each) for each in reversed(stored)]
        if relevant and not is_about(documents, question):
            return Excerpts()
        return await asyncio.to_thread(find_excerpts, documents, question, room, self._encoder())

    async def _open(self, stored: StoredDocument) -> SearchedDocument:
        if stored.id in self._opened:
            self._opened.move_to_end(stored.id)
            return self._opened[stored.id]
        opened = await asyncio.to_thread(_opened, stored.body)
        self._opened[stored.id] = opened
        if len(self._opened) > MAX_OPEN:
            self._opened.popitem(last=False)
        return opened


def _pack(document: Document) -> bytes:
    return zlib.compress(
        json.dumps(asdict(document), ensure_ascii=False).encode("utf-8", "replace")
    )


def _unpack(body: bytes) -> Document:
    fields: dict[str, Any] = json.loads(zlib.decompress(body))
    pages = tuple(Page(**page) for page in fields.pop("pages"))
    return Document(**fields | {"pages": pages, "blank": tuple(fields["blank"])})


def _opened(body: bytes) -> SearchedDocument:
    return SearchedDocument.of(_unpack(body))
