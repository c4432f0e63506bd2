"""Uploaded files: kept in a folder, known by the ids that Telegram would give."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from playground.errors import Json, bad_request
from playground.params import Upload
from playground.private_files import private_folder, write_private

MAX_FILES = 500
MAX_DOWNLOAD = 20 * 2**20
MAX_PHOTO = 10 * 2**20
SOUNDS = ("voice", "audio", "video_note")
_FOLDERS = {"voice": "voice", "audio": "music", "video_note": "video_notes"}
_PREFIXES = {
    "photo": "AgACAgIAAxk",
    "document": "BQACAgIAAxk",
    "voice": "AwACAgIAAxk",
    "audio": "CQACAgIAAxk",
    "video_note": "DQACAgIAAxk",
}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file's record; `width` and `height` are 0 where it isn't a picture."""

    id: str
    name: str
    mime: str
    size: int
    width: int = 0
    height: int = 0
    kind: str = ""  # voice, audio or video_note; "" for photos and documents
    duration: int = 0  # seconds

    @classmethod
    def load(cls, fields: Json) -> StoredFile:
        """Read a saved record; its id is a file's name, so it may hold nothing but letters."""
        stored = cls(**fields)
        if not re.fullmatch("[A-Za-z0-9]+", stored.id):
            raise ValueError("a file with an odd id")
        return stored

    def wire(self) -> Json:
        return {"file_id": self.id, "file_unique_id": self.id[-16:], "file_size": self.size}

    def photo(self) -> list[Json]:
        return [{**self.wire(), "width": self.width, "height": self.height}]

    def document(self) -> Json:
        return {**self.wire(), "file_name": self.name, "mime_type": self.mime}

    def sound(self) -> Json:
        """A Voice, Audio or VideoNote."""
        body: Json = {**self.wire(), "duration": self.duration}
        if self.kind == "video_note":
            return {**body, "length": 240}
        if self.kind == "audio":
            body["file_name"] = self.name
        return {**body, "mime_type": self.mime}

    @property
    def path(self) -> str:
        """Where getFile says that it is."""
        kind = _FOLDERS.get(self.kind) or ("photos" if self.width else "documents")
        return f"{kind}/{self.id}{Path(self.name).suffix[:10]}"


class FileStore:
    """The last files that anyone sent; the oldest leave first."""

    def __init__(self, folder: Path, on_change: Callable[[], None] = lambda: None) -> None:
        self._folder = folder
        self._files: dict[str, StoredFile] = {}
        self._on_change = on_change

    def add(
        self, upload: Upload, *, photo: bool = False, kind: str = "", duration: int = 0
    ) -> StoredFile:
        """Keep a file; a photo must be a picture that Telegram would take."""
        width, height = picture_size(upload.data)
        if photo and len(upload.data) > MAX_PHOTO:
            raise bad_request("file is too big")
        if photo and not width:
            raise bad_request("IMAGE_PROCESS_FAILED")
        if photo and (width + height > 10_000 or max(width, height) > 20 * min(width, height)):
            raise bad_request("PHOTO_INVALID_DIMENSIONS")
        if not upload.data:
            raise bad_request("file must be non-empty")
        digest = hashlib.sha256(upload.data + upload.name.encode()).hexdigest()[:40]
        prefix = _PREFIXES[kind or ("photo" if photo else "document")]
        size = (width, height) if photo else (0, 0)
        name = Path(upload.name).name or "file"
        stored = StoredFile(
            prefix + digest, name, upload.mime, len(upload.data), *size, kind, duration
        )
        private_folder(self._folder)
        write_private(self.location(stored), upload.data)
        self._files[stored.id] = stored
        self._forget_oldest()
        self._on_change()
        return stored

    def get(self, file_id: str) -> StoredFile | None:
        return self._files.get(file_id)

    def at(self, path: str) -> StoredFile | None:
        found = re.fullmatch(
            r"(?:photos|documents|voice|music|video_notes)/([A-Za-z0-9]+)(?:\.[^/]*)?", path
        )
        return self._files.get(found[1]) if found else None

    def location(self, stored: StoredFile) -> Path:
        return self._folder / stored.id

    def clear(self) -> None:
        for stored in self._files.values():
            self.location(stored).unlink(missing_ok=True)
        self._files.clear()

    def dump(self) -> list[Json]:
        return [asdict(stored) for stored in self._files.values()]

    def load(self, files: Iterable[StoredFile]) -> None:
        """Take back the files of a saved state that are still in the folder."""
        if self._folder.is_dir():
            self._folder.chmod(0o700)
        for stored in files:
            location = self.location(stored)
            if location.exists():
                location.chmod(0o600)
                self._files[stored.id] = stored

    def _forget_oldest(self) -> None:
        while len(self._files) > MAX_FILES:
            oldest = next(iter(self._files))
            self.location(self._files.pop(oldest)).unlink(missing_ok=True)


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG, GIF, JPEG or WebP; zeros for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return _pair(">II", data, 16)
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return _pair("<HH", data, 6)
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        return _int24(data, 24) + 1, _int24(data, 27) + 1
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8 " and len(data) >= 30:
        width, height = _pair("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if data.startswith(b"\xff\xd8"):
        return _jpeg_size(data)
    return 0, 0


def _pair(layout: str, data: bytes, offset: int) -> tuple[int, int]:
    first, second = struct.unpack_from(layout, data, offset)
    return int(first), int(second)


def _int24(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 3], "little")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    position = 2
    while position + 9 < len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = _pair(">HH", data, position + 5)
            return width, height
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return 0, 0
