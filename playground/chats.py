"""Users, chats and authors, in the form in which the Bot API shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from playground.errors import Json

ChatType = Literal["private", "supergroup", "channel"]
ADMIN_STATUSES = ("creator", "administrator")
PRESENT_STATUSES = (*ADMIN_STATUSES, "member", "restricted")
_ADMIN_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_send_welcome_messages",
    "can_pin_messages",
    "can_manage_topics",
)


@dataclass(slots=True)
class User:
    """A person or a bot."""

    id: int
    first_name: str
    username: str = ""
    is_bot: bool = False

    def wire(self) -> Json:
        body: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.username:
            body["username"] = self.username
        if not self.is_bot:
            body["language_code"] = "ru"
        return body


TELEGRAM = User(777000, "Telegram")
ANONYMOUS_ADMIN = User(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
CHANNEL_BOT = User(136817688, "Channel", "Channel_Bot", is_bot=True)


@dataclass(slots=True)
class Draft:
    """A draft as the person sees it; `body` has the fields of its text."""

    id: int
    body: Json
    can_stop: bool
    keep_on_stop: bool
    thread_id: int | None
    expiry: asyncio.TimerHandle
    stopped: bool = False

    def wire(self) -> Json:
        return {
            "draft_id": self.id,
            "can_stop": self.can_stop and not self.stopped,
            "message_thread_id": self.thread_id,
            **self.body,
        }


@dataclass(slots=True)
class Chat:
    """A chat; a private one is between a person, whose id it has, and one bot (`bot_id`)."""

    id: int
    type: ChatType
    title: str = ""
    username: str = ""
    bot_id: int = 0
    is_forum: bool = False
    linked_id: int = 0
    members: dict[int, str] = field(default_factory=dict)
    topics: dict[int, str] = field(default_factory=dict)
    messages: dict[int, Json] = field(default_factory=dict)
    last_id: int = 0
    keyboard: Json | None = None
    pinned: int | None = None
    draft: Draft | None = None
    waiters: set[asyncio.Future[None]] = field(default_factory=set)

    @property
    def key(self) -> str:
        return f"{self.id}:{self.bot_id}" if self.bot_id else str(self.id)

    def wire(self) -> Json:
        name = "first_name" if self.type == "private" else "title"
        body: Json = {"id": self.id, "type": self.type, name: self.title}
        if self.username:
            body["username"] = self.username
        if self.is_forum and self.type != "private":  # of a private chat getMe tells
            body["is_forum"] = True
        return body

    def present(self, user_id: int) -> bool:
        return self.members.get(user_id) in PRESENT_STATUSES

    def newest_first(self) -> Iterator[Json]:
        return reversed(self.messages.values())


@dataclass(frozen=True, slots=True)
class Author:
    """The actual author of a message (`actor`) and the one it is shown to be from.

    They differ for channel posts, anonymous admins, and people who write as a channel.
    """

    actor: User
    user: User | None
    sender_chat: Chat | None = None

    @classmethod
    def as_self(cls, user: User) -> Author:
        return cls(user, user)

    @classmethod
    def in_chat(cls, user: User, chat: Chat) -> Author:
        """How a user, or the bot, appears in a chat: in a channel, as the channel."""
        return cls(user, None, chat) if chat.type == "channel" else cls(user, user)

    @classmethod
    def anonymous(cls, user: User, group: Chat) -> Author:
        return cls(user, ANONYMOUS_ADMIN, group)

    @classmethod
    def as_channel(cls, user: User, channel: Chat) -> Author:
        return cls(user, CHANNEL_BOT, channel)

    def wire(self) -> Json:
        body: Json = {"_by": self.actor.id}
        if self.user:
            body["from"] = self.user.wire()
        if self.sender_chat:
            body["sender_chat"] = self.sender_chat.wire()
        return body


def member_wire(user: User, status: str) -> Json:
    """A ChatMember of any kind."""
    body: Json = {"user": user.wire(), "status": status}
    if status == "creator":
        body["is_anonymous"] = False
    elif status == "administrator":
        body.update(dict.fromkeys(_ADMIN_RIGHTS, True), can_be_edited=False, is_anonymous=False)
    elif status == "kicked":
        body["until_date"] = 0
    return body
