"""Recognise an extract among documents and answer it."""

from __future__ import annotations

from bots.real_estate.egrn.extract import is_extract, read_extract
from bots.real_estate.egrn.report import describe
from services.media.documents import Document
from services.storage.database import utc_now


def report_on(document: Document) -> str | None:
    """What an extract from ЕГРН means for a buyer; None for any other document."""
    if not is_extract(document.text):
        return None
    return describe(read_extract([page.text for page in document.pages]), utc_now().date())
