"""People, chats and messages, and everything that can happen to them.

Both sides work on one `World`: the Bot API for the bot, `people` and the page for the
rest. A message is kept in the form in which the Bot API sends it and is never changed
in place: an edit puts a new one where the old one was, so what has been handed out
(updates, replies) stays as it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from playground.errors import Json
from playground.updates import UpdateQueue

ChatType = Literal["private", "supergroup", "channel"]
ADMIN_STATUSES = ("creator", "administrator")
PRESENT_STATUSES = (*ADMIN_STATUSES, "member", "restricted")
DRAFT_SECONDS = 30
_MOST_CALLBACKS = 1000

Listener = Callable[[str, "Chat", Json], None]


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
    """A message that the bot is still writing, as the person sees it."""

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
        if self.is_forum:
            body["is_forum"] = True
        return body

    def present(self, user_id: int) -> bool:
        return self.members.get(user_id) in PRESENT_STATUSES

    def newest_first(self) -> Iterator[Json]:
        return reversed(self.messages.values())


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes a message, and whom it is shown to be from.

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


@dataclass(slots=True)
class CallbackQuery:
    """A pressed button that waits for the bot's answer."""

    id: str
    answer: asyncio.Future[Json]


@dataclass(slots=True)
class World:
    """Everything that exists; see the module."""

    bot: User
    updates: UpdateQueue
    history: int = 500
    users: dict[int, User] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    callbacks: dict[str, CallbackQuery] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    on_change: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.users[self.bot.id] = self.bot

    # --- Who and where -------------------------------------------------------

    def add_person(self, name: str, username: str = "") -> User:
        """Create a person; ids go on from the last one."""
        people = [user.id for user in self.people()]
        person = User(max(people, default=1000) + 1, name, username)
        self.users[person.id] = person
        self.on_change()
        return person

    def people(self) -> Iterator[User]:
        return (user for user in self.users.values() if not user.is_bot)

    def add_chat(self, chat: Chat) -> Chat:
        self.chats[chat.key] = chat
        self.on_change()
        return chat

    def private(self, person: User) -> Chat:
        """The person's chat with the bot that runs now."""
        chat = self.chats.get(f"{person.id}:{self.bot.id}")
        return chat or self.add_chat(
            Chat(
                person.id,
                "private",
                person.first_name,
                person.username,
                bot_id=self.bot.id,
                members={person.id: "member", self.bot.id: "member"},
            )
        )

    def find_chat(self, chat_id: int) -> Chat | None:
        """A chat by the id that the bot knows it by."""
        return self.chats.get(f"{chat_id}:{self.bot.id}" if chat_id > 0 else str(chat_id))

    def find_username(self, name: str) -> Chat | None:
        """A public group or channel by its @name."""
        name = name.lstrip("@").lower()
        return next(
            (c for c in self.chats.values() if c.id < 0 and c.username.lower() == name), None
        )

    def admit_bot(self) -> None:
        """Make the bot an administrator of every group and channel that it has no record in."""
        for chat in self.chats.values():
            if chat.type != "private":
                chat.members.setdefault(self.bot.id, "administrator")

    # --- Messages ------------------------------------------------------------

    def post(
        self,
        chat: Chat,
        author: Author,
        content: Mapping[str, Any],
        *,
        reply_to: Json | None = None,
        thread_id: int | None = None,
        quote: Json | None = None,
    ) -> Json:
        """Put a message into a chat and tell everyone who should know."""
        chat.last_id += 1
        message: Json = {
            "message_id": chat.last_id,
            "date": int(time.time()),
            "chat": chat.wire(),
            **author.wire(),
            **self._place(chat, reply_to, thread_id),
            **content,
        }
        if quote:
            message["quote"] = quote
        self._keep(chat, message)
        self._announce(chat, message)
        if chat.type == "channel" and chat.linked_id:
            self._forward_to_discussion(chat, message)
        return message

    def _keep(self, chat: Chat, message: Json) -> None:
        chat.messages[message["message_id"]] = message
        while len(chat.messages) > self.history:
            chat.messages.pop(next(iter(chat.messages)))

    def _announce(self, chat: Chat, message: Json) -> None:
        if self.is_own(message):
            self.end_draft(chat)
        else:
            kind = "channel_post" if chat.type == "channel" else "message"
            self.tell_bot(kind, chat, public(message))
        self.publish("message", chat, message)

    def is_own(self, message: Json) -> bool:
        """Whether the bot that runs now wrote the message."""
        return bool(message["_by"] == self.bot.id)

    def _place(self, chat: Chat, reply_to: Json | None, thread_id: int | None) -> Json:
        """The thread that a message belongs to, and what it replies to."""
        body: Json = {}
        if reply_to:
            body["reply_to_message"] = without_reply(reply_to)
        if chat.is_forum:
            topic = thread_id or (reply_to or {}).get("message_thread_id")
            if topic:
                body["message_thread_id"] = topic
                body["is_topic_message"] = True
                root = chat.messages.get(topic)
                if not reply_to and root:
                    body["reply_to_message"] = without_reply(root)
        elif chat.type == "supergroup" and (reply_to or thread_id):
            parent = reply_to or {}
            root_id = thread_id or parent.get("message_thread_id") or parent["message_id"]
            body["message_thread_id"] = root_id
            if not reply_to and root_id in chat.messages:
                body["reply_to_message"] = without_reply(chat.messages[root_id])
        return body

    def _forward_to_discussion(self, channel: Chat, post: Json) -> None:
        group = self.chats.get(str(channel.linked_id))
        if not group:
            return
        origin = {
            "type": "channel",
            "date": post["date"],
            "chat": channel.wire(),
            "message_id": post["message_id"],
        }
        content = {
            **content_of(post),
            "is_automatic_forward": True,
            "forward_origin": origin,
        }
        self.post(group, Author(TELEGRAM, TELEGRAM, channel), content)

    def edit(self, chat: Chat, message: Json, changes: Mapping[str, Any]) -> Json:
        """Replace a message's content; None removes a field."""
        edited = {**message, **changes, "edit_date": int(time.time())}
        edited = {name: value for name, value in edited.items() if value is not None}
        chat.messages[message["message_id"]] = edited
        if not self.is_own(edited):
            kind = "edited_channel_post" if chat.type == "channel" else "edited_message"
            self.tell_bot(kind, chat, public(edited))
        self.publish("edit", chat, edited)
        return edited

    def annotate(self, chat: Chat, message: Json, changes: Mapping[str, Any]) -> None:
        """Change what only the page shows (reactions, pins): no edit, no update."""
        changed = {**message, **changes}
        chat.messages[message["message_id"]] = changed
        self.publish("edit", chat, changed)

    def delete(self, chat: Chat, message_ids: Iterable[int]) -> None:
        gone = [i for i in message_ids if chat.messages.pop(i, None) is not None]
        if chat.pinned in gone:
            chat.pinned = None
        if gone:
            self.publish("delete", chat, {"message_ids": gone})

    def pin(self, chat: Chat, message: Json | None) -> None:
        """Pin a message, or unpin what is pinned."""
        chat.pinned = message["message_id"] if message else None
        self.publish("chat", chat, {})

    def add_topic(self, chat: Chat, name: str, author: Author) -> int:
        """Open a topic of a forum; its id is that of the service message that opens it."""
        topic = chat.last_id + 1
        chat.topics[topic] = name
        created = {"name": name, "icon_color": 7322096}
        self.post(
            chat,
            author,
            {
                "forum_topic_created": created,
                "message_thread_id": topic,
                "is_topic_message": True,
            },
        )
        return topic

    # --- Drafts, typing, keyboards -------------------------------------------

    def show_draft(
        self,
        chat: Chat,
        draft_id: int,
        body: Json,
        *,
        can_stop: bool = False,
        keep_on_stop: bool = False,
        thread_id: int | None = None,
    ) -> None:
        """Show a draft for half a minute, or until the next one or a real message."""
        previous = chat.draft
        if previous:
            previous.expiry.cancel()
        expiry = asyncio.get_running_loop().call_later(DRAFT_SECONDS, self.end_draft, chat)
        chat.draft = Draft(draft_id, body, can_stop, keep_on_stop, thread_id, expiry)
        if previous and previous.id == draft_id:
            chat.draft.stopped = previous.stopped
        self.publish("draft", chat, chat.draft.wire())

    def end_draft(self, chat: Chat) -> None:
        if chat.draft:
            chat.draft.expiry.cancel()
            chat.draft = None
            self.publish("draft", chat, {})

    def stop_draft(self, chat: Chat) -> bool:
        """Press the draft's stop button; False where there is none."""
        draft = chat.draft
        if not draft or not draft.can_stop or draft.stopped:
            return False
        body: Json = {"chat": chat.wire(), "draft_id": draft.id}
        if draft.thread_id:
            body["message_thread_id"] = draft.thread_id
        draft.stopped = True
        if draft.keep_on_stop:
            self.publish("draft", chat, draft.wire())
        else:
            self.end_draft(chat)
        self.tell_bot("stopped_message_generation", chat, body)
        return True

    def set_keyboard(self, chat: Chat, markup: Json | None) -> None:
        """Show, replace or remove the keyboard under the input; None leaves it as it is."""
        if markup is None or "inline_keyboard" in markup:
            return
        chat.keyboard = None if markup.get("remove_keyboard") else markup
        self.publish("keyboard", chat, {"keyboard": chat.keyboard})

    # --- Buttons and reactions -----------------------------------------------

    def press(self, chat: Chat, message: Json, person: User, data: str) -> CallbackQuery:
        """Press an inline button; the query's `answer` resolves when the bot answers."""
        number = int(time.time() * 1000) * 1000 + len(self.callbacks) % 1000
        query_id = str((person.id << 64 | number) % 10**19)
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        query = CallbackQuery(query_id, future)
        self.callbacks[query_id] = query
        while len(self.callbacks) > _MOST_CALLBACKS:
            self.callbacks.pop(next(iter(self.callbacks))).answer.cancel()
        body = {
            "id": query_id,
            "from": person.wire(),
            "chat_instance": hashlib.sha256(chat.key.encode()).hexdigest()[:16],
            "message": public(message),
            "data": data,
        }
        self.tell_bot("callback_query", chat, body)
        return query

    def react(self, chat: Chat, message: Json, user: User, emoji: str | None) -> None:
        """Set or take back a user's reaction; others than the bot are told to it."""
        reactions: dict[str, str] = dict(message.get("_reactions", {}))
        old = reactions.pop(str(user.id), None)
        if emoji:
            reactions[str(user.id)] = emoji
        self.annotate(chat, message, {"_reactions": reactions})
        if user is not self.bot and old != emoji:
            body = {
                "chat": chat.wire(),
                "message_id": message["message_id"],
                "date": int(time.time()),
                "user": user.wire(),
                "old_reaction": _reaction(old),
                "new_reaction": _reaction(emoji),
            }
            self.tell_bot("message_reaction", chat, body)

    # --- Membership ----------------------------------------------------------

    def set_member(self, chat: Chat, user: User, status: str, by: User) -> None:
        """Change somebody's standing in a chat; the bot hears of its own and of others'."""
        old = chat.members.get(user.id, "left")
        chat.members[user.id] = status
        self.publish("chat", chat, {})
        if old != status:
            body = {
                "chat": chat.wire(),
                "from": by.wire(),
                "date": int(time.time()),
                "old_chat_member": member_wire(user, old),
                "new_chat_member": member_wire(user, status),
            }
            kind = "my_chat_member" if user is self.bot else "chat_member"
            self.tell_bot(kind, chat, body)

    # --- Telling -------------------------------------------------------------

    def tell_bot(self, kind: str, chat: Chat, body: Json) -> None:
        """Queue an update, if the bot is in the chat (it always hears of itself)."""
        if chat.present(self.bot.id) or kind == "my_chat_member":
            self.updates.push(kind, chat.id, body)

    def publish(self, event: str, chat: Chat, body: Json) -> None:
        """Tell the page and whoever waits for this chat."""
        self.on_change()
        for waiter in chat.waiters:
            if not waiter.done():
                waiter.set_result(None)
        chat.waiters.clear()
        for listener in self.listeners:
            listener(event, chat, body)

    async def changed(self, chat: Chat) -> None:
        """Return at the next thing that happens in the chat."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        chat.waiters.add(waiter)
        try:
            await waiter
        finally:
            chat.waiters.discard(waiter)


def public(message: Json) -> Json:
    """A message without what only this server knows: `_by`, `_reactions`."""
    return {name: value for name, value in message.items() if not name.startswith("_")}


def without_reply(message: Json) -> Json:
    """A message as it stands inside another one: its own reply is left out."""
    return {
        name: value
        for name, value in message.items()
        if name != "reply_to_message" and not name.startswith("_")
    }


_CONTENT = (
    "text",
    "entities",
    "caption",
    "caption_entities",
    "photo",
    "document",
    "location",
    "venue",
    "contact",
    "media_group_id",
)


def content_of(message: Json) -> Json:
    """What a forward or a copy takes along."""
    return {name: message[name] for name in _CONTENT if name in message}


def _reaction(emoji: str | None) -> list[Json]:
    return [{"type": "emoji", "emoji": emoji}] if emoji else []


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
