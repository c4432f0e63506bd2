"""Read the text of a PDF, page by page."""

from __future__ import annotations

import io
import logging
import time
from typing import Any

from services.media.documents.document import Document, Page
from services.media.documents.reading import BROKEN, EMPTY, MAX_CHARACTERS, MAX_PAGES
from services.sandbox import Refused

MAX_SECONDS = 30.0  # for all pages; the rest is left out
MIN_LETTERS = 15  # beside a picture: fewer are a stamp or a page number on a scan
LOOKED_AT = 20  # pages of a file without text, for pictures

TOO_MANY = f"В этом PDF больше {MAX_PAGES} страниц. Раздели его и пришли нужную часть."
SCANNED = (
    "Это скан: в PDF только картинки, текста нет. Распознай его (например, в приложении для "
    "сканирования) или пришли нужную страницу фотографией."
)
SCRIPT = (
    "В этом PDF есть программа на JavaScript, такие я не открываю. "
    "Сохрани его через «Печать → PDF» и пришли снова."
)
LOCKED = "PDF под паролем: сними пароль и пришли снова."
CIPHER = "PDF зашифрован способом, который здесь не открыть. Сохрани его через «Печать → PDF»."


def read_pdf(content: bytes, name: str) -> Document:
    """Read the pages that have text; refuse scans, locked files and files with scripts."""
    import pypdf  # 0.2 s that only a PDF is worth
    from pypdf.errors import DependencyError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        return _read(pypdf.PdfReader(io.BytesIO(content)), name)
    except (Refused, MemoryError):
        raise
    except DependencyError as error:
        raise Refused(CIPHER) from error
    except Exception as error:
        raise Refused(BROKEN) from error


def _read(reader: Any, name: str) -> Document:
    if reader.is_encrypted and not reader.decrypt(""):
        raise Refused(LOCKED)
    catalog = reader.root_object
    if _says_more_pages(catalog):
        raise Refused(TOO_MANY)
    if _has_script(catalog):
        raise Refused(SCRIPT)
    total = len(reader.pages)
    if total > MAX_PAGES:
        raise Refused(TOO_MANY)
    pages, blank, room = [], [], MAX_CHARACTERS
    deadline, omitted = time.monotonic() + MAX_SECONDS, ""
    for number in range(1, total + 1):
        if room <= 0 or time.monotonic() > deadline:
            omitted = f"прочитаны страницы 1–{number - 1} из {total}: файл слишком длинный"
            break
        page = reader.pages[number - 1]
        text = _text_of(page)[:room]
        room -= len(text)
        letters = sum(map(str.isalnum, text))
        if letters < MIN_LETTERS and (not letters or _has_pictures(page)):
            blank.append(number)
        else:
            pages.append(Page(text, number))
    if not pages:
        scanned = any(_has_pictures(page) for page in reader.pages[:LOOKED_AT])
        raise Refused(SCANNED if scanned else EMPTY)
    return Document(name, "pdf", tuple(pages), tuple(blank), omitted)


def _text_of(page: Any) -> str:
    """The text of a page; one that pypdf can't read is blank, and the others still count."""
    try:
        text: str = page.extract_text()
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001  whatever a broken page makes of the parser
        return ""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _has_pictures(page: Any) -> bool:
    try:
        objects = _resolved(_resolved(page, "/Resources"), "/XObject")
        kinds = [_resolved(_resolved(objects, key), "/Subtype") for key in objects or ()]
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001  whatever a broken page makes of the parser
        return True
    return "/Image" in kinds


def _says_more_pages(catalog: Any) -> bool:
    """Ask the tree's own count first: walking a tree of a million pages takes a while."""
    count = _resolved(_resolved(catalog, "/Pages"), "/Count")
    return isinstance(count, int) and count > MAX_PAGES


def _has_script(catalog: Any) -> bool:
    """Whether a script runs when the document is opened, saved or printed."""
    names = _resolved(catalog, "/Names")
    if _resolved(names, "/JavaScript") is not None:
        return True
    triggers = _resolved(catalog, "/AA")
    actions = [_resolved(catalog, "/OpenAction")]
    actions += [_resolved(triggers, key) for key in triggers] if _is_map(triggers) else []
    return any(_resolved(action, "/S") == "/JavaScript" for action in actions)


def _resolved(holder: Any, key: str) -> Any:
    if not _is_map(holder):
        return None
    value = holder.get(key)
    return value.get_object() if hasattr(value, "get_object") else value


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)
