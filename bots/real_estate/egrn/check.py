"""From the bytes of a PDF to the answer about it."""

from __future__ import annotations

import asyncio

from bots.real_estate.egrn.extract import is_extract, read_extract
from bots.real_estate.egrn.report import NOT_AN_EXTRACT, describe
from services.media.documents import Document, read_document
from services.storage.database import utc_now


async def check_extract(content: bytes) -> str:
    """Say what an extract from ЕГРН means for a buyer. Raises DocumentRefused."""
    document = await read_document(content, "extract.pdf")
    return await asyncio.to_thread(_describe, document)


def _describe(document: Document) -> str:
    if not is_extract(document.text):
        return NOT_AN_EXTRACT
    return describe(read_extract([page.text for page in document.pages]), utc_now().date())
