"""Data passed between the parts of Grisha: messages, posts, answer plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bots.grisha.facts import Said
from services.chat import Image, Message
from services.media.documents.excerpts import Excerpts
from services.storage import ConversationKey


@dataclass(frozen=True, slots=True)
class Post:
    """The channel post that a thread is about."""

    channel: str
    text: str


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message to Grisha; `group` is true in a group chat.

    `excerpts` are what the talk's documents say about it. What is `forwarded` tells nothing of
    who sent it.
    """

    key: ConversationKey
    text: str
    author_id: int
    author_name: str
    message_id: int
    group: bool = False
    post: Post | None = None
    excerpts: Excerpts = Excerpts()  # noqa: RUF009  (frozen)
    pictures: tuple[Image, ...] = ()
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """How he is going to answer: with ready words, or with the model on these messages.

    `entries` and `pattern` are the learned answers that it uses or repeats, `said` is the
    message as it may tell something of its author. `web` looks the answer up.
    """

    heard: IncomingMessage
    speaker: str
    ready: str | None = None
    messages: Sequence[Message] = ()
    recent: Sequence[str] = ()
    entries: Sequence[int] = ()
    pattern: int | None = None
    name: str | None = None
    others: Sequence[str] = ()
    learnable: bool = False
    said: Said | None = None
    web: bool = False
