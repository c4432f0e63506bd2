"""Talks of a private chat: /new, /talks and topics keep histories and settings apart."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bots.common import texts
from bots.common.config import BotSettings
from bots.common.talks import KEPT, ChatTalks, TalkStore, title_from
from bots.hf_demo.bot import create_dispatcher as create_demo
from bots.literary.bot import create_dispatcher as create_literary
from playground import Conversation, Playground, RateLimits, Upload
from playground.chats import Author
from services.storage import (
    ConversationKey,
    Database,
    PreferenceStore,
    StorageSettings,
    StoredMessage,
)
from tests.bots import talker
from tests.bots.harness import RunningBot, running_bot
from tests.fakes.chat import FakeChatModel


@asynccontextmanager
async def running(folder: Path, create: Any = talker.create_dispatcher, **options: Any) -> Any:
    topics = options.pop("topics", False)
    options["settings"] = BotSettings(rate_limit=10_000)
    async with (
        Playground(
            bot_username="grisha_bot", limits=RateLimits(enabled=False), private_topics=topics
        ) as playground,
        running_bot(create, folder, playground=playground, **options) as bot,
    ):
        yield bot


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running(tmp_path) as bot:
        yield bot


async def say(bot: RunningBot, chat: Conversation, text: str) -> str:
    """Ask, and return what the model was given."""
    asked = chat.send(text).message_id
    await chat.wait_for(lambda message: message.message_id > asked)
    return str(bot.model.history[-1][0])


async def command(chat: Conversation, text: str, wanted: str) -> Any:
    chat.send(text)
    return await chat.wait_for(wanted)


async def test_a_new_talk_knows_nothing_and_the_old_one_comes_back(bot: RunningBot) -> None:
    chat = bot.chat
    await say(bot, chat, "Запомни слово слон")
    await command(chat, "/new", "Новый разговор")
    assert "слон" not in await say(bot, chat, "Какое было слово?")
    listed = await command(chat, "/talks", texts.TALKS)
    labels = [button.text for row in listed.reply_markup.inline_keyboard for button in row]
    assert labels == ["✓ Какое было слово?", "Запомни слово слон"]
    await chat.press(listed, "Запомни слово слон")
    await chat.wait_for("Продолжаем: «Запомни слово слон»")
    assert "слон" in await say(bot, chat, "А теперь какое?")


async def test_stop_finds_the_talk_that_is_open(bot: RunningBot) -> None:
    chat = bot.chat
    await command(chat, "/new", "Новый разговор")
    bot.model.delay = 0.05
    bot.model.enqueue(" ".join(["слово"] * 1000))
    chat.send("Говори долго")
    await chat.wait_draft("слово")
    assert chat.stop_draft()
    await chat.wait_for(texts.STOPPED)


async def test_no_talks_yet_and_none_in_groups(bot: RunningBot) -> None:
    await command(bot.chat, "/talks", "Разговоров пока нет")
    group = bot.playground.person("Аня").in_(bot.playground.group)
    await command(group, "/new@grisha_bot", texts.TALKS_IN_PRIVATE)
    await command(group, "/talks@grisha_bot", texts.TALKS_IN_PRIVATE)


async def test_forget_deletes_every_talk(bot: RunningBot) -> None:
    chat = bot.chat
    await say(bot, chat, "Запомни слово слон")
    await command(chat, "/new", "Новый разговор")
    await say(bot, chat, "Запомни слово кит")
    await bot.dispatcher["forgetting"].forget(chat.chat.id)
    await command(chat, "/talks", "Разговоров пока нет")
    history = bot.dispatcher["dialogue"].history
    assert await history.conversations(bot.context.name, chat.chat.id) == []


async def test_a_topic_is_named_after_its_first_question(tmp_path: Path) -> None:
    async with running(tmp_path, topics=True) as bot:
        chat = bot.chat
        await command(chat, "/new", texts.TOPIC_BEGUN)
        (topic,) = chat.chat.topics
        own = bot.playground.person("Аня").in_(chat.chat, topic)
        await say(bot, own, "Почему небо голубое, а трава зелёная и всё это не наоборот?")
        await bot.dispatcher["intake"].journal._idle.wait()
        assert chat.chat.topics == {topic: "Почему небо голубое, а трава зелёная и…"}
        await say(bot, own, "А ночью?")
        assert chat.chat.topics[topic].startswith("Почему небо")
        await command(chat, "/talks", texts.TALKS_ARE_TOPICS)


async def test_a_name_that_a_person_chose_stays(tmp_path: Path) -> None:
    async with running(tmp_path, topics=True) as bot:
        anya, world = bot.playground.person("Аня"), bot.playground.world
        chat = bot.chat.chat
        chosen = world.add_topic(chat, "Ремонт", Author.as_self(anya.user))
        found = world.add_topic(chat, "Новый разговор", Author.as_self(anya.user), implicit=True)
        for topic in (chosen, found):
            await say(bot, anya.in_(chat, topic), "Какой ламинат взять?")
        await bot.dispatcher["intake"].journal._idle.wait()
        assert chat.topics == {chosen: "Ремонт", found: "Какой ламинат взять?"}


TOPICS = 5


@pytest.mark.parametrize("topics", [False, True], ids=["talks", "topics"])
@pytest.mark.parametrize("seed", range(3))
async def test_five_talks_never_share_their_history(
    tmp_path: Path, topics: bool, seed: int
) -> None:
    chance, said = random.Random(seed), {n: set[str]() for n in range(TOPICS)}
    async with running(tmp_path, topics=topics) as bot:
        talks = await begin(bot, topics)
        for step in range(30):
            number = chance.randrange(TOPICS)
            word = f"тайна{number}х{step}"
            prompt = await say(bot, await opened(bot, talks, number), word)
            others = set().union(*(said[n] for n in said if n != number))
            assert not any(f"'{other}'" in prompt for other in others)
            recent = sorted(said[number], key=lambda word: int(word.split("х")[1]))[-5:]
            assert all(f"'{own}'" in prompt for own in recent)
            said[number].add(word)


async def begin(bot: RunningBot, topics: bool) -> list[Any]:
    """Five topics, or the titles of five talks."""
    chat = bot.chat
    if topics:
        for number in range(TOPICS):
            chat.send("/new")
            await chat.wait_for(lambda _, n=number: len(chat.chat.topics) > n)
        return list(chat.chat.topics)
    for number in range(TOPICS):
        if number:
            await command(chat, "/new", "Новый разговор")
        await say(bot, chat, f"Разговор {number}")
    return [f"Разговор {number}" for number in range(TOPICS)]


async def opened(bot: RunningBot, talks: list[Any], number: int) -> Conversation:
    chat = bot.chat
    if isinstance(talks[number], int):
        return bot.playground.person("Аня").in_(chat.chat, talks[number])
    listed = await command(chat, "/talks", texts.TALKS)
    labels = [button.text for row in listed.reply_markup.inline_keyboard for button in row]
    await chat.press(listed, next(label for label in labels if label.endswith(talks[number])))
    return chat


@pytest.mark.parametrize("seed", range(2))
async def test_five_topics_never_share_their_settings(tmp_path: Path, seed: int) -> None:
    chance, chosen = random.Random(seed), dict.fromkeys(range(TOPICS), "Температуры: 0, 0,7, 1,2.")
    async with running(tmp_path, create_literary, topics=True, name="literary") as bot:
        talks = await begin(bot, topics=True)
        for _ in range(20):
            number = chance.randrange(TOPICS)
            chat = await opened(bot, talks, number)
            if chance.random() < 0.6:
                value = chance.randrange(1, 19) / 10
                chosen[number] = f"Температуры: {f'{value:g}'.replace('.', ',')}."
                await command(chat, f"/temperature {value}", chosen[number])
            else:
                now = chosen[number].removeprefix("Температуры: ").rstrip(".")
                await command(chat, "/temperature", f"Сейчас: {now}.")


async def test_a_model_is_chosen_for_one_topic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    options = {"name": "hf_demo", "backend": "huggingface", "model": FakeChatModel()}
    async with running(tmp_path, create_demo, topics=True, **options) as bot:
        first, second = (await begin(bot, topics=True))[:2]
        anya, chat = bot.playground.person("Аня"), bot.chat.chat
        await command(anya.in_(chat, first), "/model qwen2", "Теперь отвечает qwen2")
        await command(anya.in_(chat, first), "/model", "Сейчас: qwen2")
        other = await command(anya.in_(chat, second), "/model", "Сейчас: ")
        assert "qwen2" not in (other.text or "")


def test_the_last_twenty_are_listed() -> None:
    talks = ChatTalks()
    for number in range(KEPT + 5):
        talks.begin()
        talks.name(talks.current, f"Вопрос {number}")
    assert [title for _, title in talks.titles] == [f"Вопрос {n}" for n in range(5, KEPT + 5)]
    assert talks.open(-6) == "Вопрос 5"
    assert talks.titles[-1] == (-6, "Вопрос 5")
    assert talks.open(-1) is None
    assert len(title_from("слово " * 9000)) <= 40
    assert len(title_from("х" * 9000)) <= 40


async def test_an_edited_question_is_answered_in_the_talk_it_was_asked_in(
    bot: RunningBot,
) -> None:
    chat, history = bot.chat, bot.dispatcher["dialogue"].history
    bot.model.enqueue("о котах", "о китах")
    asked = chat.send("расскажи о котах")
    await chat.wait_for("о котах")
    await command(chat, "/new", "Новый разговор")
    chat.edit(asked.message_id, "расскажи о китах")
    await chat.wait_for("о китах")
    await bot.dispatcher["intake"].journal._idle.wait()
    (kept,) = await history.conversations(bot.context.name, chat.chat.id)
    assert kept.thread_id == 0
    assert [each.content for each in await history.recent(kept, 9)] == [
        "расскажи о китах",
        "о китах",
    ]
    assert await history.thread_of(kept.bot, kept.chat_id, asked.message_id) == 0
    assert len((await bot.dispatcher["talks"].of(chat.chat.id)).titles) == 1


async def test_a_talk_that_is_no_longer_listed_leaves_nothing(
    bot: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.common.talks.KEPT", 2)
    chat, name = bot.chat, bot.context.name
    note = Upload("note.txt", "text/plain", "Кот спит.".encode())
    chat.send("О чём здесь?", document=note)
    await chat.wait_for(bot.model.default)
    await bot.dispatcher["intake"].journal._idle.wait()
    history, documents = bot.dispatcher["history"], bot.dispatcher["documents"]
    first = ConversationKey(name, chat.chat.id)
    assert await history.recent(first, 10)
    assert await documents.names(chat.chat.id)
    for number in range(2):
        await command(chat, "/new", "Новый разговор")
        await say(bot, chat, f"Вопрос {number}")
    await bot.dispatcher["intake"].journal._idle.wait()
    kept = await history.conversations(name, chat.chat.id)
    assert sorted(key.thread_id for key in kept) == [-2, -1]
    assert not await documents.names(chat.chat.id)
    assert not (await bot.dispatcher["talks"].of(chat.chat.id)).dropped


async def test_deleting_a_talk_is_taken_up_again_after_a_crash(bot: RunningBot) -> None:
    store, history, chat = bot.dispatcher["talks"], bot.dispatcher["history"], bot.chat.chat.id
    old = ConversationKey(bot.context.name, chat, -7)
    await history.append(old, StoredMessage("user", "старое", chat, "Аня", source_id=3))
    await store.change(chat, lambda talks: talks.dropped.append(-7))
    await store.name(chat, -8, "Вопрос")
    assert not await history.recent(old, 10)
    assert not (await store.of(chat)).dropped


async def test_replicas_lose_no_talk_of_each_other(storage: StorageSettings) -> None:
    async with Database.open(storage) as one, Database.open(storage) as other:
        stores = [TalkStore("hf_demo", PreferenceStore(each, "hf_demo")) for each in (one, other)]
        names = [
            store.name(7, -number, f"Вопрос {number}") for number, store in enumerate(stores * 5, 1)
        ]
        await asyncio.gather(*names)
        titles = (await stores[0].of(7)).titles
    assert sorted(number for number, _ in titles) == list(range(-10, 0))
