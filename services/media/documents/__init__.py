"""Read documents that people send, as text with its pages, lines and sheets.

    document = await read_document(content, "договор.pdf")
    for page in document.pages: ...

`reading` holds the readers, which run in a process of their own; `passages` cuts a text into
pieces that fit a prompt; `shelf` keeps the documents of a talk and finds the pieces that a
question asks for.
"""

from services.media.documents.document import Document, DocumentRefused, Page
from services.media.documents.door import read_document
from services.media.documents.excerpts import Excerpts

__all__ = ["Document", "DocumentRefused", "DocumentShelf", "Excerpts", "Page", "read_document"]
