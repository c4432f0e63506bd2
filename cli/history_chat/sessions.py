"""A session: what was said in one conversation and what it cost."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args

Role = Literal["user", "assistant", "system", "summary"]
TITLE_LENGTH = 100


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as it is kept; a summary stands where it was made."""

    role: Role
    content: str
    time: str


@dataclass(slots=True)
class Session:
    """One conversation, whole. `extra` is what a file had besides, kept as it was."""

    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    model_name: str = ""
    api_base_url: str = ""
    first_user_message: str = ""
    title: str = ""
    summary: str = ""
    user_turns: int = 0
    total_input_tokens: int = 0
    total_output_tokens: int = 0
    is_active: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    messages: list[Entry] = field(default_factory=list)

    def add(self, role: Role, content: str) -> None:
        self.messages.append(Entry(role, content, now()))
        if role == "summary":
            self.summary = content
        self._describe()

    def spend(self, input_tokens: int, output_tokens: int) -> None:
        self.total_input_tokens += input_tokens
        self.total_output_tokens += output_tokens

    def fork(self) -> Session:
        """A copy that goes on by itself; what was spent so far stays with the original."""
        return replace(
            self,
            session_id=str(uuid.uuid4()),
            created_at=now(),
            total_input_tokens=0,
            total_output_tokens=0,
            extra={**self.extra, "forked_from": self.session_id},
            messages=list(self.messages),
        )

    def clear(self) -> None:
        """Forget what was said; what it cost stays."""
        self.messages.clear()
        self.summary = ""
        self._describe()

    def _describe(self) -> None:
        """Bring the fields that are said of the messages up to date."""
        questions = [entry.content for entry in self.messages if entry.role == "user"]
        self.user_turns = len(questions)
        self.first_user_message = questions[0] if questions else ""
        self.title = make_title(self.first_user_message)
        self.updated_at = now()


def make_title(question: str) -> str:
    return " ".join(question.split())[:TITLE_LENGTH]


def merge(base: Session, theirs: Session, ours: Session) -> Session:
    """One session from two that grew, or were cleared, apart from `base`."""
    cleared = not (_continues(theirs, base) and _continues(ours, base))
    kept = [] if cleared else base.messages
    merged = ours
    merged.messages = [*kept, *_added(theirs, base), *_added(ours, base)]
    if ours.summary == base.summary:
        merged.summary = theirs.summary
    merged.total_input_tokens += theirs.total_input_tokens - base.total_input_tokens
    merged.total_output_tokens += theirs.total_output_tokens - base.total_output_tokens
    merged._describe()
    return merged


def _continues(session: Session, base: Session) -> bool:
    return session.messages[: len(base.messages)] == base.messages


def _added(session: Session, base: Session) -> list[Entry]:
    return session.messages[len(base.messages) if _continues(session, base) else 0 :]


_FIELDS = [item.name for item in fields(Session) if item.name not in ("extra", "messages")]


def dump_session(session: Session) -> str:
    """A session as JSON for people; `messages` come last, so that the rest can be read alone."""
    data = {name: getattr(session, name) for name in _FIELDS}
    messages = [
        {"role": entry.role, "content": entry.content, "time": entry.time}
        for entry in session.messages
    ]
    return json.dumps({**data, **session.extra, "messages": messages}, indent=2, ensure_ascii=False)


def load_session(text: str) -> Session:
    return parse_session(json.loads(text))


def parse_session(data: Any) -> Session:
    """Read a session of this version or an older one; ValueError when it is neither.

    Older files know fewer fields, and messages without time.
    """
    if not isinstance(data, dict):
        raise ValueError("a session is not an object")
    defaults = Session()
    known = {name: data[name] for name in _FIELDS if name in data}
    for name, value in known.items():
        if type(value) is not type(getattr(defaults, name)):
            raise ValueError(f"{name} has a wrong type")
    time = known.get("updated_at", defaults.updated_at)
    session = Session(
        **known,
        extra={key: data[key] for key in data if key not in (*_FIELDS, "messages")},
        messages=list(_parse_messages(data.get("messages", []), time)),
    )
    session.title = session.title or make_title(session.first_user_message)
    return session


def _parse_messages(items: Any, time: str) -> Iterator[Entry]:
    if not isinstance(items, list):
        raise ValueError("messages is not a list")
    for item in items:
        if not isinstance(item, dict):
            raise ValueError("a message is not an object")
        role, content, said = item.get("role"), item.get("content"), item.get("time", time)
        if role not in get_args(Role) or not isinstance(content, str) or not isinstance(said, str):
            raise ValueError("a message has no role, content or time")
        yield Entry(cast(Role, role), content, said)
