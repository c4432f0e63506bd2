"""A session as a Markdown document, and back: what is imported exports to the same bytes.

Metadata stands in front as `name: JSON`, which is YAML as well. A message is a heading with its
time, an empty line, the text exactly as it is, an empty line. A line of a text that looks like
such a heading gets a backslash.
"""

from __future__ import annotations

import json
import re
from typing import Any

from cli.history_chat.sessions import Entry, Role, Session, parse_session

_WHO: dict[Role, str] = {
    "user": "Ты",
    "assistant": "Модель",
    "system": "Система",
    "summary": "Резюме",
}
_ROLES = {who: role for role, who in _WHO.items()}
_HEADING = re.compile(rf"^## ({'|'.join(_ROLES)}) · (.*)$", re.MULTILINE)
_LIKE_HEADING = re.compile(rf"^(?=\\*## (?:{'|'.join(_ROLES)}) · )", re.MULTILINE)
_ESCAPED = re.compile(rf"^\\(?=\\*## (?:{'|'.join(_ROLES)}) · )", re.MULTILINE)
_FRONT = "---\n"
# What is said of the messages isn't repeated, and a copy is a session of its own.
_DERIVED = ("first_user_message", "user_turns", "summary", "title")
_OWN = ("session_id", "is_active", "extra", "messages")


class NotASession(Exception):
    """The document isn't one that `to_markdown` wrote; the text says where it differs."""


def is_session(text: str) -> bool:
    """Whether a file may be overwritten by another session."""
    return text.startswith(f"{_FRONT}title: ")


def to_markdown(session: Session) -> str:
    """The document."""
    parts = [_FRONT, f"title: {_json(session.title)}\n"]
    for name, value in _about(session).items():
        parts.append(f"{name}: {_json(value)}\n")
    parts.append(f"{_FRONT}\n")
    for entry in session.messages:
        text = _LIKE_HEADING.sub(r"\\", entry.content)
        parts.append(f"## {_WHO[entry.role]} · {entry.time}\n\n{text}\n\n")
    return "".join(parts)


def _about(session: Session) -> dict[str, Any]:
    """The other fields, of the derived ones those that the messages don't tell."""
    derived = _derived(session.messages)
    about = {
        name: getattr(session, name)
        for name in Session.__dataclass_fields__
        if name not in (*_OWN, *_DERIVED)
        or (name in derived and name != "title" and getattr(session, name) != derived[name])
    }
    return {**about, "extra": dict(session.extra)} if session.extra else about


def _derived(messages: list[Entry]) -> dict[str, Any]:
    session = Session()
    for entry in messages:
        session.add(entry.role, entry.content)
    return {name: getattr(session, name) for name in _DERIVED}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def from_markdown(text: str) -> Session:
    """A new session with what the document says. Raises NotASession."""
    text = text.removeprefix("\ufeff")
    if "\r\n" in text and not re.search(r"(?<!\r)\n", text):
        text = text.replace("\r\n", "\n")  # an editor on Windows saved it
    if not is_session(text):
        raise NotASession("в начале нет «---» и title")
    head, end, body = text.removeprefix(_FRONT).partition(f"\n{_FRONT}")
    if not end:
        raise NotASession("заголовок не закрыт вторым «---»")
    data = dict(_field(line, number) for number, line in enumerate(head.split("\n"), start=2))
    extra = data.pop("extra", {})
    if not isinstance(extra, dict):
        raise NotASession("extra — это объект JSON")
    messages = _messages(body.removeprefix("\n"))
    known = {name: value for name, value in data.items() if name not in _OWN}
    derived = _derived([_entry(message) for message in messages])
    try:
        return parse_session({**extra, **derived, **known, "messages": messages})
    except ValueError as error:
        field = str(error).partition(" ")[0]
        raise NotASession(f"в заголовке у {field} неподходящее значение") from error


def _field(line: str, number: int) -> tuple[str, Any]:
    name, colon, value = line.partition(": ")
    try:
        if colon:
            return name, json.loads(value)
    except (ValueError, RecursionError):
        pass
    raise NotASession(f"строка {number} заголовка: нужно «имя: значение JSON»")


def _messages(body: str) -> list[dict[str, str]]:
    marks = list(_HEADING.finditer(body))
    if body[: marks[0].start() if marks else None].strip():
        raise NotASession("текст до первого сообщения: нужен заголовок вида «## Ты · время»")
    ends = [*(mark.start() for mark in marks), len(body)][1:]
    return [
        {
            "role": _ROLES[mark[1]],
            "time": mark[2],
            "content": _content(body[mark.end() : end]),
        }
        for mark, end in zip(marks, ends, strict=True)
    ]


def _content(text: str) -> str:
    """The text between two headings, less the lines that set it off."""
    text = text.removeprefix("\n\n")
    text = text[:-2] if text.endswith("\n\n") else text.removesuffix("\n")
    return _ESCAPED.sub("", text)


def _entry(message: dict[str, str]) -> Entry:
    return Entry(message["role"], message["content"], message["time"])  # type: ignore[arg-type]
