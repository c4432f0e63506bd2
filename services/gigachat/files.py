"""The form that a file is uploaded in, and the IDs of files."""

from __future__ import annotations

import re
from typing import Any

from services.gigachat.error_mapping import bad
from services.gigachat.json_fields import json_object, required

_MIME = re.compile(r"[\w.+-]+/[\w.+-]+(; ?charset=[\w-]+)?", re.ASCII)
_FILE_ID = re.compile(r"[\w.-]{1,200}")


def file_form(content: bytes, filename: str, mime: str, boundary: str) -> bytes:
    """A multipart form in one piece, so that a second try sends the same bytes."""
    name = re.sub(r'[\r\n"\\]', "_", filename).encode(errors="replace")
    kind = mime if _MIME.fullmatch(mime) else "application/octet-stream"
    return b"".join(
        (
            _field(boundary, b'name="purpose"'),
            b"\r\n\r\ngeneral\r\n",
            _field(boundary, b'name="file"; filename="%s"' % name),
            b"\r\nContent-Type: %s\r\n\r\n" % kind.encode(),
            content,
            b"\r\n--%s--\r\n" % boundary.encode(),
        )
    )


def _field(boundary: str, name: bytes) -> bytes:
    return b"--%s\r\nContent-Disposition: form-data; %s" % (boundary.encode(), name)


def parse_file_id(reply: Any) -> str:
    return required(json_object(reply), "id")


def checked_file_id(file_id: str) -> str:
    """An ID that came from the service and goes into an address; BadResponse for any other."""
    if not _FILE_ID.fullmatch(file_id) or not file_id.strip("."):
        raise bad("the file's ID is not an ID")
    return file_id
