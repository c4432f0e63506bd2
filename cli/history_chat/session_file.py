"""The memory file: all sessions in one readable JSON file.

A save locks the file, reads what other programs wrote meanwhile, replaces its own session
and then the file as a whole, so that a reader never sees half of it. The previous file stays
as `.bak`, unless something was deleted. The file may be large, so other sessions aren't
parsed: they are found by their indentation and written back unchanged.

Everything here blocks: call it off the event loop.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from cli.history_chat.sessions import (
    Session,
    dump_session,
    load_session,
    merge,
    parse_session,
)
from cli.words import fold, stems

SCHEMA_VERSION = 2  # version 1 had no messages, or had them without time
LOCK_TIMEOUT = 10.0  # seconds; a save takes a small part of one

_HEAD = re.compile(
    rf'\{{\n  "schema_version": {SCHEMA_VERSION},\n'
    r'(?:  "active_session_id": "[^"\\\n]*",\n)?  "sessions": \[\n'
)
_END_OF_SESSION = "\n    },\n"
_TAIL = "\n  ]\n}\n"
_ID = re.compile(r'    \{\n      "session_id": "([^"\\\n]+)"')
_MESSAGES = ',\n      "messages": ['

Pieces = dict[str, str]  # sessions by id, each as it stands in the file


class MemoryBroken(Exception):
    """The file is not a memory file, or is incomplete."""


class MemoryTooNew(Exception):
    """The file was written by a newer version of the program."""

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(f"{path} has schema_version {version}")
        self.path = path
        self.version = version


SAVE_ERRORS = (OSError, MemoryBroken, MemoryTooNew)  # a lock that isn't freed is an OSError


@dataclass(frozen=True, slots=True)
class SessionHead:
    """The fields of a session that a list shows."""

    session_id: str
    updated_at: str
    title: str
    user_turns: int


class MemoryFile:
    """Reads and writes the file; other processes may do so at the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.backup = self.path.with_name(f"{self.path.name}.bak")
        self._lock = FileLock(f"{self.path}.lock", timeout=LOCK_TIMEOUT, mode=0o600)
        self._stamp: tuple[int, ...] | None = None
        self._pieces: Pieces = {}
        self._synced: Pieces = {}

    def heads(self) -> list[SessionHead]:
        """Sessions with at least one question, the latest first."""
        pieces = self._read(check=True)
        heads = [head for head in map(_head, pieces.values()) if head.user_turns]
        return sorted(heads, key=lambda head: head.updated_at, reverse=True)

    def search(self, words: str) -> list[SessionHead]:
        """Sessions in which all the words are said, in any form, the latest first."""
        wanted = stems(words)
        found = [
            _head(piece)
            for piece in self._read(check=True).values()
            if all(stem in fold(piece) for stem in wanted)  # most are ruled out unparsed
            and _says(load_session(piece), wanted)
        ]
        return sorted(found, key=lambda head: head.updated_at, reverse=True) if wanted else []

    def named(self, words: str) -> list[SessionHead]:
        """Sessions with this title, else with these words in the title, else in what was said."""
        heads, title = self.heads(), fold(words)
        exact = [head for head in heads if fold(head.title) == title]
        return exact or [head for head in heads if title in fold(head.title)] or self.search(words)

    def open(self, session_id: str) -> Session:
        """Read a session; KeyError when the file no longer has it."""
        piece = self._read()[session_id]
        self._synced[session_id] = piece
        return load_session(piece)

    def knows(self, session: Session) -> bool:
        """Whether the session has ever been in the file."""
        return session.session_id in self._synced

    def save(self, session: Session) -> Session:
        """Write the session; return it with what another program has added to it."""
        with self._locked():
            pieces = dict(self._read())
            name = session.session_id
            base, theirs = self._synced.get(name), pieces.get(name)
            if base and theirs and base != theirs:
                session = merge(load_session(base), load_session(theirs), session)
            pieces[name] = _indent(dump_session(session))
            self._write(pieces, session.session_id if session.is_active else None)
            self._synced[name] = pieces[name]
        return session

    def forget(self, session: Session) -> None:
        """Delete the session: no word of it stays in the file, its backup or a broken file."""
        with self._locked():
            pieces = dict(self._read())
            stored = [pieces.pop(session.session_id, None), self._synced.get(session.session_id)]
            self._erase(pieces, [session, *(load_session(piece) for piece in stored if piece)])

    def clear(self, session: Session) -> None:
        """Store the session without its messages; they stay in no file, as with `forget`."""
        with self._locked():
            pieces = dict(self._read())
            name = session.session_id
            stored = [pieces.get(name), self._synced.get(name)]
            erased = [session, *(load_session(piece) for piece in stored if piece)]
            words = [text for each in erased for text in _texts(each)]
            session.clear()
            pieces[name] = _indent(dump_session(session))
            self._erase(pieces, [], words)
            self._synced[name] = pieces[name]

    def set_aside(self) -> Path:
        """Move a broken file out of the way, under a name that says so."""
        with self._locked():
            moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
            aside = self.path.with_name(f"{self.path.name}.broken-{moment}")
            os.replace(self.path, aside)
        return aside

    def restore(self) -> bool:
        """Restore the backup in place of a file set aside; False when it can't be read."""
        with self._locked(), suppress(OSError, MemoryBroken, MemoryTooNew):
            pieces = _parse(self.backup)
            self._write(pieces, None, keep_backup=False)
            return True
        return False

    def rewrite(self) -> None:
        """Write what was last read in place of a file that has been set aside."""
        with self._locked():
            self._write(self._pieces, None, keep_backup=False)

    def _locked(self) -> FileLock:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self._lock

    def _read(self, check: bool = False) -> Pieces:
        """The sessions in the file; `check` parses the whole file."""
        try:
            stamp = _stamp(self.path)
        except FileNotFoundError:
            self._pieces, self._stamp = {}, None
            return {}
        if stamp != self._stamp or check:
            pieces = None if check else _cut(_text(self.path))
            self._pieces = _parse(self.path) if pieces is None else pieces
            self._stamp = stamp
        return self._pieces

    def _erase(
        self, pieces: Pieces, sessions: Iterable[Session], words: Iterable[str] = ()
    ) -> None:
        """Write the file; take the sessions' texts out of what earlier writes left beside it."""
        for leftover in (self.backup, self.backup.with_name(f"{self.backup.name}.tmp")):
            leftover.unlink(missing_ok=True)
        self._write(pieces, None, keep_backup=False)
        _keep(self.path, self.backup)
        erased = [*words, *(text for session in sessions for text in _texts(session))]
        for broken in self.path.parent.glob(f"{glob.escape(self.path.name)}.broken-*"):
            _redact(broken, erased)

    def _write(self, pieces: Pieces, active: str | None, keep_backup: bool = True) -> None:
        temporary = self.path.with_name(f"{self.path.name}.tmp")
        with suppress(FileNotFoundError):
            temporary.unlink()
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.writelines(_join(pieces, active))
            file.flush()
            os.fsync(file.fileno())
        if keep_backup and self.path.exists():
            _keep(self.path, self.backup)
        os.replace(temporary, self.path)
        _sync_folder(self.path.parent)
        self._pieces, self._stamp = pieces, _stamp(self.path)


def _says(session: Session, wanted: Iterable[str]) -> bool:
    said = fold("\n".join(_texts(session)))
    return all(re.search(rf"\b{re.escape(stem)}", said) for stem in wanted)


def _texts(session: Session) -> Iterator[str]:
    """All that was said in a session."""
    yield from (session.title, session.first_user_message, session.summary)
    for entry in session.messages:
        yield entry.content


def _redact(path: Path, texts: Iterable[str]) -> None:
    """Delete texts from a file that can't be parsed, and one that the file's end cuts off."""
    content = path.read_text(encoding="utf-8", errors="replace")
    # The longest first: a title is the beginning of a question.
    for text in sorted(set(filter(str.strip, texts)), key=len, reverse=True):
        for ascii_only in (False, True):
            written = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            content = content.replace(written, "")
            start = content.rfind(written[:8])
            if start >= 0 and written.startswith(content[start:]):
                content = content[:start]
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(content)
    os.replace(temporary, path)


def _stamp(path: Path) -> tuple[int, ...]:
    """Differs whenever the file was replaced or rewritten."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _keep(path: Path, backup: Path) -> None:
    """Make `backup` a hard link to the file at `path`, or a copy."""
    link = backup.with_name(f"{backup.name}.tmp")
    with suppress(FileNotFoundError):
        link.unlink()
    try:
        os.link(path, link)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, link)
    os.chmod(link, 0o600)
    os.replace(link, backup)


def _sync_folder(folder: Path) -> None:
    """Make renames survive a power cut, where the system supports it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _indent(piece: str) -> str:
    """Indent a session for the file. Not with `splitlines`: texts may hold other line ends."""
    return "    " + piece.replace("\n", "\n    ")


def _join(pieces: Pieces, active: str | None) -> Iterable[str]:
    yield f'{{\n  "schema_version": {SCHEMA_VERSION},\n'
    if active is not None:
        yield f'  "active_session_id": {json.dumps(active)},\n'
    if not pieces:
        yield '  "sessions": []\n}\n'
        return
    yield '  "sessions": [\n'
    for number, piece in enumerate(pieces.values()):
        yield f",\n{piece}" if number else piece
    yield _TAIL


def _cut(text: str) -> Pieces | None:
    """Split a file that this program wrote into its sessions; None when it has another form."""
    head = _HEAD.match(text)
    if head is None or not text.endswith("\n    }" + _TAIL):
        return None
    body = text[head.end() : -len("\n    }" + _TAIL)]
    pieces: Pieces = {}
    for piece in body.split(_END_OF_SESSION):
        name = _ID.match(piece)
        if name is None or name[1] in pieces:
            return None
        pieces[name[1]] = piece + "\n    }"
    return pieces


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MemoryBroken("not UTF-8") from error


def _parse(path: Path) -> Pieces:
    """Read the file as JSON, of this version or an older one."""
    text = _text(path)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MemoryBroken("not JSON") from error
    if not isinstance(data, dict) or not isinstance(data.get("sessions", []), list):
        raise MemoryBroken("no list of sessions")
    version = data.get("schema_version", 1)
    if type(version) is not int:
        raise MemoryBroken("schema_version is not a number")
    if version > SCHEMA_VERSION:
        raise MemoryTooNew(path, version)
    try:
        sessions = [parse_session(item) for item in data.get("sessions", [])]
    except ValueError as error:
        raise MemoryBroken(str(error)) from error
    return _cut(text) or _pieces(sessions)


def _pieces(sessions: list[Session]) -> Pieces:
    pieces: Pieces = {}
    for session in sessions:
        if session.session_id in pieces or not re.fullmatch(r'[^"\\\n]+', session.session_id):
            session.session_id = Session().session_id
        pieces[session.session_id] = _indent(dump_session(session))
    return pieces


def _head(piece: str) -> SessionHead:
    data: dict[str, Any] = json.loads(piece.partition(_MESSAGES)[0] + "}")
    return SessionHead(data["session_id"], data["updated_at"], data["title"], data["user_turns"])
