"""Talks: what a private chat holds besides its first conversation, each with its own history.

Where the bot has topics, a talk is a topic, and Telegram lists them. Elsewhere /new begins a
talk and /talks lists and reopens the last ones; such a talk has a negative number, as no topic
has. The number is the thread of the conversation's key, so that all that is kept by
conversation is the talk's own.
"""

from __future__ import annotations

import logging
import textwrap
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from aiogram import BaseMiddleware, Bot, F, Router
from aiogram.enums import ChatType
from aiogram.exceptions import TelegramAPIError
from aiogram.filters import Command
from aiogram.filters.callback_data import CallbackData
from aiogram.types import (
    CallbackQuery,
    InlineKeyboardMarkup,
    Message,
    TelegramObject,
    Update,
)
from aiogram.utils.keyboard import InlineKeyboardBuilder
from pydantic import Field

from bots.common import texts
from bots.common.callbacks import MAX_ID
from bots.common.conversation import Matches, is_private, opened_talk
from bots.common.notices import send_aside
from services.storage import ConversationKey, PreferenceStore

logger = logging.getLogger(__name__)

KEPT = 20  # talks that are listed
NAMED_TOPICS = 200  # whose names are known to be final
TITLE_LENGTH = 40
_KEY = "talks"

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]
Delete = Callable[[ConversationKey], Awaitable[object]]


class TalkCallback(CallbackData, prefix="talk"):
    """A tap on a talk in the list."""

    number: Annotated[int, Field(ge=-MAX_ID, le=0)]


@dataclass(slots=True)
class ChatTalks:
    """The talks of one private chat; the one used last comes last."""

    current: int = 0
    begun: int = 0  # how many talks there have been
    titles: list[tuple[int, str]] = field(default_factory=list)
    topics: list[int] = field(default_factory=list)  # those with a name
    dropped: list[int] = field(default_factory=list)  # whose rows are still to be deleted

    def title_of(self, number: int) -> str | None:
        return next((title for known, title in self.titles if known == number), None)

    def name(self, number: int, question: str) -> None:
        """Call a talk after its first question; the one unused for longest may have to go."""
        titles = [*self.titles, (number, title_from(question))]
        self.titles = titles[-KEPT:]
        self.dropped += [each for each, _ in titles[:-KEPT]]

    def open(self, number: int) -> str | None:
        """Go on with a talk; return its title, None for one that isn't known."""
        title = self.title_of(number)
        if title is not None:
            self.current = number
            self.titles = [*(each for each in self.titles if each[0] != number), (number, title)]
        return title

    def begin(self) -> None:
        self.begun += 1
        self.current = -self.begun

    def delete(self, numbers: Sequence[int]) -> None:
        self.dropped = [each for each in self.dropped if each not in numbers]

    def name_topic(self, topic: int) -> None:
        self.topics = [*(each for each in self.topics if each != topic), topic][-NAMED_TOPICS:]


class TalkStore:
    """Keeps the talks of each private chat; /forget deletes them with a person's settings.

    A talk that is no longer listed can't be opened again: what is kept of it is deleted.
    """

    def __init__(self, bot_name: str, preferences: PreferenceStore) -> None:
        self._bot_name = bot_name
        self._preferences = preferences
        self._deletes: list[Delete] = []

    def also(self, delete: Delete) -> None:
        """Let `delete` remove what is kept of a talk; those of a bot run before those of all."""
        self._deletes.insert(0, delete)

    async def of(self, chat_id: int) -> ChatTalks:
        return _read(await self._preferences.get(chat_id, _KEY, {}))

    async def change(self, chat_id: int, change: Callable[[ChatTalks], object]) -> ChatTalks:
        """Change a chat's talks and keep them; one change at a time, over all replicas."""

        def apply(value: dict[str, Any]) -> dict[str, Any]:
            talks = _read(value)
            change(talks)
            return asdict(talks)

        return _read(await self._preferences.change(chat_id, _KEY, apply, {}))

    async def name(self, chat_id: int, number: int, question: str) -> None:
        """Call a talk after its first question, unless it has a name."""

        def give(talks: ChatTalks) -> None:
            if talks.title_of(number) is None:
                talks.name(number, question)

        dropped = (await self.change(chat_id, give)).dropped
        if not dropped:
            return
        for each in dropped:
            await self._delete(ConversationKey(self._bot_name, chat_id, each))
        await self.change(chat_id, lambda talks: talks.delete(dropped))

    async def _delete(self, key: ConversationKey) -> None:
        for delete in self._deletes:
            await delete(key)
        await self._preferences.drop(key.chat_id, own_ending(key.thread_id))


def _read(value: dict[str, Any]) -> ChatTalks:
    talks = ChatTalks(**value)
    talks.titles = [(number, title) for number, title in talks.titles]
    return talks


class TalkMiddleware(BaseMiddleware):
    """Opens the talk that an update of a private chat belongs to.

    An edited message belongs to the talk that it was asked in: `asked_in` knows which.
    """

    def __init__(
        self, store: TalkStore, asked_in: Callable[[Message], Awaitable[int | None]]
    ) -> None:
        self._store = store
        self._asked_in = asked_in

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Update)  # noqa: S101  (registered on updates)
        tapped = event.callback_query.message if event.callback_query else None
        message = event.message or event.edited_message or tapped
        place = message or event.stopped_message_generation
        if place is not None and place.chat.type == "private":
            topic = getattr(place, "message_thread_id", None)
            talk = topic or await self._edited_in(event.edited_message or event.message)
            if talk is None:
                data["chat_talks"] = talks = await self._store.of(place.chat.id)
                talk = talks.current
            opened_talk.set(talk)
        return await handler(event, data)

    async def _edited_in(self, message: Message | None) -> int | None:
        return await self._asked_in(message) if message and message.edit_date else None


class TalkTitles(BaseMiddleware):
    """Calls a talk after its first question: one of /new at once, a topic when it is answered.

    It writes, so it belongs among the handlers that /forget waits for.
    """

    def __init__(self, store: TalkStore) -> None:
        self._store = store

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Message)  # noqa: S101  (registered on messages)
        if not is_private(event) or not is_question(event):
            return await handler(event, data)
        topic = event.message_thread_id
        if topic is None:
            await self._name_talk(event, data.get("chat_talks"))
            return await handler(event, data)
        result = await handler(event, data)
        await self._name_topic(data["bot"], event, topic)
        return result

    async def _name_talk(self, message: Message, read: ChatTalks | None) -> None:
        """Name the open talk, unless what was `read` of it says that it has a name."""
        number = opened_talk.get()
        if read and read.title_of(number) is not None:
            return
        await self._store.name(message.chat.id, number, message.text or "")

    async def _name_topic(self, bot: Bot, message: Message, topic: int) -> None:
        """Call a topic after its first question, once that is answered."""
        if topic in (await self._store.of(message.chat.id)).topics:
            return
        await self._store.change(message.chat.id, lambda talks: talks.name_topic(topic))
        try:
            await bot.edit_forum_topic(message.chat.id, topic, name=title_from(message.text or ""))
        except TelegramAPIError as error:
            logger.info("a topic wasn't named: %s", error.message)


def register(router: Router) -> None:
    """Give a router /new and /talks."""
    topics = Matches(F.chat.type == ChatType.PRIVATE)
    router.message.register(on_topic, topics, Matches(F.forum_topic_created | F.forum_topic_edited))
    router.message.register(on_new, Command("new"))
    router.message.register(on_talks, Command("talks"))
    router.callback_query.register(on_talk, TalkCallback.filter(), flags={"free": True})


async def on_topic(message: Message, talks: TalkStore) -> None:
    """A topic was opened or renamed: a name that the person chose stays."""
    created, topic = message.forum_topic_created, message.message_thread_id or 0
    if topic and not (created and created.is_name_implicit):
        await talks.change(message.chat.id, lambda kept: kept.name_topic(topic))


async def on_new(message: Message, bot: Bot, talks: TalkStore) -> None:
    if not is_private(message):
        await send_aside(message, texts.TALKS_IN_PRIVATE)
    elif (await bot.me()).has_topics_enabled:
        await begin_topic(bot, message)
    else:
        await talks.change(message.chat.id, ChatTalks.begin)
        await message.answer(texts.NEW_TALK)


async def begin_topic(bot: Bot, message: Message) -> None:
    topic = await bot.create_forum_topic(message.chat.id, texts.NEW_TOPIC)
    thread = topic.message_thread_id
    await bot.send_message(message.chat.id, texts.TOPIC_BEGUN, message_thread_id=thread)


async def on_talks(message: Message, bot: Bot, talks: TalkStore) -> None:
    if not is_private(message):
        await send_aside(message, texts.TALKS_IN_PRIVATE)
    elif (await bot.me()).has_topics_enabled:
        await message.answer(texts.TALKS_ARE_TOPICS)
    else:
        kept = await talks.of(message.chat.id)
        if kept.titles:
            await message.answer(texts.TALKS, reply_markup=talks_keyboard(kept))
        else:
            await message.answer(texts.NO_TALKS)


async def on_talk(callback: CallbackQuery, callback_data: TalkCallback, talks: TalkStore) -> None:
    message = callback.message
    if not isinstance(message, Message) or not is_private(message):
        await callback.answer(texts.STALE_BUTTON)
        return
    number = callback_data.number
    kept = await talks.change(message.chat.id, lambda it: it.open(number))
    title = kept.title_of(number)
    if title is None:
        await callback.answer(texts.STALE_BUTTON)
        return
    await callback.answer()
    await message.edit_text(texts.TALK_OPENED.format(title=title))


def talks_keyboard(talks: ChatTalks) -> InlineKeyboardMarkup:
    """The talks, the one used last on top."""
    builder = InlineKeyboardBuilder()
    for number, title in reversed(talks.titles):
        mark = "✓ " if number == talks.current else ""
        builder.button(text=f"{mark}{title}", callback_data=TalkCallback(number=number))
    return InlineKeyboardMarkup(inline_keyboard=builder.adjust(1).export())


def title_from(question: str) -> str:
    """The first words of a question."""
    start = question[:1000]
    return textwrap.shorten(start, TITLE_LENGTH, placeholder="…") or start[:TITLE_LENGTH]


def is_question(message: Message) -> bool:
    return bool(message.text and not message.text.startswith("/"))


class TalkPreferences(PreferenceStore):
    """Settings of which every topic has its own; of a talk begun with /new, only `per_talk`."""

    def __init__(self, preferences: PreferenceStore, *per_talk: str) -> None:
        self._preferences = preferences
        self._per_talk = frozenset(per_talk)

    async def get(self, owner_id: int, key: str, default: Any = None) -> Any:
        return await self._preferences.get(owner_id, self._own(key), default)

    async def set(self, owner_id: int, key: str, value: Any) -> None:
        await self._preferences.set(owner_id, self._own(key), value)

    async def all(self, owner_id: int) -> dict[str, Any]:
        return await self._preferences.all(owner_id)

    async def forget(self, owner_id: int) -> None:
        await self._preferences.forget(owner_id)

    def _own(self, key: str) -> str:
        talk = opened_talk.get()
        return key + own_ending(talk) if talk > 0 or (talk and key in self._per_talk) else key


def own_ending(talk: int) -> str:
    """How the keys of settings end that belong to one talk."""
    return f"@{talk}"
