"""People, chats and messages, and everything that can happen to them.

Both sides work on one `World`: the Bot API for the bot, `people` and the page for the
rest. A message is kept in the form in which the Bot API sends it and is never changed
in place: an edit puts a new one where the old one was, so what has been handed out
(updates, replies) stays as it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.callbacks import Callbacks
from playground.chats import TELEGRAM, Author, Chat, User, member_wire
from playground.drafts import Drafts
from playground.errors import Json
from playground.messages import content_of, place, public, reaction_wire
from playground.updates import UpdateQueue

Listener = Callable[[str, Chat, Json], None]


@dataclass(slots=True)
class World:
    """The state of the playground: users, chats, messages and what happens to them."""

    bot: User
    updates: UpdateQueue
    history: int = 500
    private_topics: bool = False
    users: dict[int, User] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    on_change: Callable[[], None] = lambda: None
    drafts: Drafts = field(init=False)
    callbacks: Callbacks = field(init=False)

    def __post_init__(self) -> None:
        self.users[self.bot.id] = self.bot
        self.drafts = Drafts(self.publish, self.tell_bot)
        self.callbacks = Callbacks(self.tell_bot)

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
        if chat:
            chat.is_forum = self.private_topics
        return chat or self.add_chat(
            Chat(
                person.id,
                "private",
                person.first_name,
                person.username,
                bot_id=self.bot.id,
                is_forum=self.private_topics,
                members={person.id: "member", self.bot.id: "member"},
            )
        )

    def is_shown(self, chat: Chat) -> bool:
        """Whether a chat is shown beside this bot: another bot's private chats aren't."""
        return chat.bot_id in (0, self.bot.id)

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
            if chat.bot_id == self.bot.id:
                chat.is_forum = self.private_topics
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
            **place(chat, reply_to, thread_id),
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
            self.drafts.end(chat)
        else:
            kind = "channel_post" if chat.type == "channel" else "message"
            self.tell_bot(kind, chat, public(message))
        self.publish("message", chat, message)

    def is_own(self, message: Json) -> bool:
        """Whether the bot that runs now wrote the message."""
        return bool(message["_by"] == self.bot.id)

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

    def add_topic(self, chat: Chat, name: str, author: Author, *, implicit: bool = False) -> int:
        """Open a topic; its id is that of the service message that opens it.

        The name is `implicit` where nobody chose it: the bot is expected to find a better one.
        """
        topic = chat.last_id + 1
        chat.topics[topic] = name
        created: Json = {"name": name, "icon_color": 7322096}
        if implicit:
            created["is_name_implicit"] = True
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

    def rename_topic(self, chat: Chat, topic: int, name: str) -> None:
        chat.topics[topic] = name
        self.publish("chat", chat, {})

    def set_keyboard(self, chat: Chat, markup: Json | None) -> None:
        """Show, replace or remove the keyboard under the input; None leaves it as it is."""
        if markup is None or "inline_keyboard" in markup:
            return
        chat.keyboard = None if markup.get("remove_keyboard") else markup
        self.publish("keyboard", chat, {"keyboard": chat.keyboard})

    # --- Keyboards and reactions ---------------------------------------------

    def react(self, chat: Chat, message: Json, user: User, emoji: str | None) -> None:
        """Set or remove a reaction; a person's reaction is an update for the bot."""
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
                "old_reaction": reaction_wire(old),
                "new_reaction": reaction_wire(emoji),
            }
            self.tell_bot("message_reaction", chat, body)

    # --- Membership ----------------------------------------------------------

    def set_member(self, chat: Chat, user: User, status: str, by: User) -> None:
        """Change a member's status and queue the my_chat_member or chat_member update."""
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
        """Notify the page and everyone who waits for a change of this chat."""
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
