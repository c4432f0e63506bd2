"""Open the dialogue index that the settings ask for."""

from __future__ import annotations

from services.retrieval.config import RetrievalSettings
from services.retrieval.encoder import Encoder
from services.retrieval.in_memory import MemoryIndex
from services.retrieval.index import DialogueIndex
from services.retrieval.postgres import PostgresIndex
from services.storage import Database


async def open_index(
    database: Database, encoder: Encoder | None, settings: RetrievalSettings
) -> DialogueIndex:
    """Open an index of dialogues.

    Without an encoder the index searches by words, in memory only. Raises ConfigError if
    `RETRIEVAL_STORE=postgresql` meets another database.
    """
    index: DialogueIndex
    if settings.store == "postgresql" and encoder is not None:
        index = PostgresIndex(database, encoder)
    else:
        index = MemoryIndex(database, encoder)
    await index.open()
    return index
