"""Who wrote a message, which conversation it belongs to, and whether it is for the bot."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

from aiogram import Bot, F
from aiogram.enums import ChatType, MessageEntityType
from aiogram.filters import BaseFilter
from aiogram.types import Message, TelegramObject
from aiogram.utils.magic_filter import MagicFilter

from services.storage import ConversationKey

# The talk of the private chat that an update belongs to: a topic, or what /new began (below 0).
opened_talk: ContextVar[int] = ContextVar("opened_talk", default=0)


class Author(NamedTuple):
    """A person, or the chat in whose name an anonymous admin writes."""

    id: int
    name: str


def author_of(message: Message) -> Author:
    if message.sender_chat:
        return Author(message.sender_chat.id, message.sender_chat.title or "Канал")
    if message.from_user:
        return Author(message.from_user.id, message.from_user.full_name)
    return Author(message.chat.id, message.chat.full_name)


def conversation_key(bot_name: str, message: Message) -> ConversationKey:
    """The chat and its topic or, in a private chat, the talk that is open there.

    Threads of replies belong to the chat's conversation.
    """
    topic = message.message_thread_id if message.is_topic_message else None
    talk = opened_talk.get() if is_private(message) else 0
    return ConversationKey(bot_name, message.chat.id, topic or talk)


def thread_key(bot_name: str, message: Message) -> ConversationKey:
    """The chat and any thread, such as the comments under a channel's post."""
    return ConversationKey(bot_name, message.chat.id, message.message_thread_id or 0)


def is_private(message: Message) -> bool:
    return message.chat.type == ChatType.PRIVATE


def mentions(message: Message, username: str) -> bool:
    """Whether the text or caption mentions @username as an entity, in any case."""
    text = message.text or message.caption or ""
    wanted = f"@{username}".lower()
    return any(
        entity.type == MessageEntityType.MENTION and entity.extract_from(text).lower() == wanted
        for entity in message.entities or message.caption_entities or ()
    )


def replies_to(message: Message, bot_id: int) -> bool:
    """Whether the message is a reply to one of the bot's own.

    In a forum, clients name the topic's first message in `reply_to_message` of every
    message there: that is no reply.
    """
    target = message.reply_to_message
    if target is None or target.from_user is None or target.from_user.id != bot_id:
        return False
    return not (message.is_topic_message and target.message_id == message.message_thread_id)


class Matches(BaseFilter):
    """Passes what a rule made of `F` is true for.

    aiogram runs a bare `F` in a thread. That costs more than all other filters, and lets a
    message be overtaken by a later one, such as by the /forget after it.
    """

    def __init__(self, rule: MagicFilter) -> None:
        self._rule = rule

    async def __call__(self, event: TelegramObject) -> bool:
        return bool(self._rule.resolve(event))


class HasText(Matches):
    """Passes messages with a text, with `captions` also those with a caption."""

    def __init__(self, *, captions: bool = False) -> None:
        super().__init__(F.text | F.caption if captions else F.text)


class Addressed(BaseFilter):
    """Passes messages for the bot: all of a private chat, mentions and replies elsewhere."""

    async def __call__(self, message: Message, bot: Bot) -> bool:
        if is_private(message):
            return True
        me = await bot.me()
        return replies_to(message, bot.id) or mentions(message, me.username or "")
