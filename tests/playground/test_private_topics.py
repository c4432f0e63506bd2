"""Topics in a private chat: what the bot is told of them, and their names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest

from playground import Playground, RateLimits
from playground.chats import Author
from tests.playground.conftest import connect


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    limits = RateLimits(enabled=False)
    async with Playground(bot_username="test_bot", limits=limits, private_topics=True) as server:
        server.person("Аня").private.send("/start")
        yield server


@pytest.fixture
async def bot(playground: Playground) -> AsyncIterator[Bot]:
    async with connect(playground) as connected:
        yield connected


async def test_the_bot_knows_that_it_has_topics(bot: Bot) -> None:
    me = await bot.get_me()
    assert me.has_topics_enabled
    assert me.allows_users_to_create_topics


async def test_a_topic_is_opened_named_and_written_in(playground: Playground, bot: Bot) -> None:
    anya = playground.person("Аня")
    chat_id = anya.private.chat.id
    topic = await bot.create_forum_topic(chat_id, "Новый разговор")
    await bot.edit_forum_topic(chat_id, topic.message_thread_id, name="Погода")
    assert anya.private.chat.topics == {topic.message_thread_id: "Погода"}
    sent = await bot.send_message(chat_id, "ясно", message_thread_id=topic.message_thread_id)
    assert (sent.is_topic_message, sent.reply_to_message) == (True, None)
    assert not sent.chat.is_forum
    anya.in_(anya.private.chat, topic.message_thread_id).send("а завтра?")
    message = (await bot.get_updates())[-1].message
    assert message is not None
    assert message.message_thread_id == topic.message_thread_id


@pytest.mark.parametrize(
    ("topic", "name", "words"),
    [(9999, "Погода", "TOPIC_ID_INVALID"), (0, "х" * 129, "TOPIC_TITLE_INVALID"),
     (0, "Новый разговор", "TOPIC_NOT_MODIFIED")],
)  # fmt: skip
async def test_a_name_is_checked(
    playground: Playground, bot: Bot, topic: int, name: str, words: str
) -> None:
    chat_id = playground.person("Аня").private.chat.id
    opened = await bot.create_forum_topic(chat_id, "Новый разговор")
    with pytest.raises(TelegramBadRequest, match=words):
        await bot.edit_forum_topic(chat_id, topic or opened.message_thread_id, name=name)


async def test_a_persons_topic_asks_for_a_name(playground: Playground, bot: Bot) -> None:
    anya = playground.person("Аня")
    playground.world.add_topic(
        anya.private.chat, "Новый разговор", Author.as_self(anya.user), implicit=True
    )
    message = (await bot.get_updates())[-1].message
    assert message is not None
    assert message.forum_topic_created is not None
    assert message.forum_topic_created.is_name_implicit


async def test_the_stop_button_names_the_topic(playground: Playground, bot: Bot) -> None:
    anya = playground.person("Аня")
    chat_id = anya.private.chat.id
    topic = (await bot.create_forum_topic(chat_id, "Новый разговор")).message_thread_id
    await bot.send_message_draft(chat_id, 1, text="а", message_thread_id=topic, can_stop=True)
    assert anya.in_(anya.private.chat, topic).stop_draft()
    update = (await asyncio.wait_for(bot.get_updates(), 5))[-1]
    assert update.stopped_message_generation is not None
    assert update.stopped_message_generation.message_thread_id == topic
