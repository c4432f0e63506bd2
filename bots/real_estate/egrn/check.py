"""From the text of a PDF to the answer about it."""

from __future__ import annotations

import asyncio

from bots.real_estate.egrn.extract import is_extract, read_extract
from bots.real_estate.egrn.report import describe
from services.media.documents import Document
from services.storage.database import utc_now


async def describe_extract(document: Document) -> str | None:
    """Say what an extract from ЕГРН means for a buyer; None for any other document."""
    return await asyncio.to_thread(_describe, document)


def _describe(document: Document) -> str | None:
    if not is_extract(document.text):
        return None
    return describe(read_extract([page.text for page in document.pages]), utc_now().date())
