"""/forget while anything else runs: afterwards no table knows the person."""

from __future__ import annotations

import asyncio
import random
import re
from importlib import import_module

import pytest
from sqlalchemy import text

from bots.common import replies
from bots.common.config import BotSettings
from bots.common.intake import Pastes
from playground import Conversation
from services.storage import Database, StorageSettings
from tests.bots.harness import RunningBot, running_bot
from tests.fakes.chat import FakeChatModel

SECRET_WORD = "бирюзовый"
ACTS = {
    "hf_demo": (
        *("{word} сон", "/reset", "/new", "/talks", "/compare {word}", "/start", "/model", "/stop"),
    ),
    "literary": (
        *("{word} маяк", "ещё раз", "продолжи эту версию", "/again", "/stop"),
        *("/temperature 0.3 0.9", "/form", "/reset", "/new"),
    ),
    "real_estate": (
        *("{word} дом у моря", "двушка у метро Сокол до 20 млн", "/reset", "/new"),
        *("двушка до 30 млн, до Тверской не больше 40 минут", "/favourites", "/searches"),
    ),
}
KEEPING = ("request:watch", "flat:card", "flat:star", "flat:compare")  # buttons that keep something


class Echo(FakeChatModel):
    """Repeats the whole prompt: whatever it was told stands in its answer."""

    async def stream(self, messages, options):  # type: ignore[no-untyped-def, override]
        self.enqueue(" ".join(message.content for message in messages)[-300:])
        async for chunk in super().stream(messages, options):
            yield chunk


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "PRIVATE_INTERVAL", 0.02)
    monkeypatch.setattr(replies, "GROUP_INTERVAL", 0.02)
    monkeypatch.setattr(replies, "FIRST_PREVIEW", 0.02)
    monkeypatch.setattr(Pastes, "QUIET", 0.02)


async def dump(database: Database) -> str:
    """Every row of every table."""
    lines = []
    async with database.engine.connect() as connection:
        if database.engine.dialect.name == "postgresql":
            named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        else:
            named = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for table in (await connection.scalars(text(named))).all():
            if not table.startswith(("listings", "realty_prices", "retrieval", "sqlite_")):
                rows = await connection.execute(text(f'SELECT * FROM "{table}"'))
                lines += [f"{table}: {tuple(row)}" for row in rows]
    return "\n".join(lines)


async def settle(bot: RunningBot) -> None:
    """Wait until nothing is in work."""
    journal = bot.dispatcher["intake"].journal
    for _ in range(3):
        await asyncio.sleep(0.15)
        await asyncio.wait_for(journal._idle.wait(), 30)


async def forget(chat: Conversation) -> None:
    chat.send("/forget")
    asked = await chat.wait_for(
        lambda it: re.search("Забыл всё|Удалить всё", it.text or "") is not None, 30
    )
    if asked.reply_markup:
        await chat.press(asked, "Удалить всё")
    await chat.wait_for(lambda it: re.search("Забыл всё|Я удалил", it.text or "") is not None, 30)


async def press_to_keep(bot: RunningBot, chance: random.Random) -> None:
    """Press a button of the last message that has one: a favourite, a saved search."""
    anya = bot.playground.person("Аня")
    chat = anya.private.chat
    for _, message in sorted(chat.messages.items(), reverse=True):
        rows = message.get("reply_markup", {}).get("inline_keyboard", ())
        data = [button["callback_data"] for row in rows for button in row]
        if kept := [item for item in data if item.startswith(KEEPING)]:
            pressed = bot.playground.world.callbacks.press(
                chat, message, anya.user, chance.choice(kept)
            )
            await asyncio.wait_for(pressed, 30)
            return


async def test_what_buttons_keep_is_forgotten(storage: StorageSettings) -> None:
    """Favourites and saved searches, which the acts of the test below may miss."""
    create = import_module("bots.real_estate.bot").create_dispatcher
    url = storage.database_url and storage.database_url.get_secret_value()
    async with running_bot(create, storage.data_dir, name="real_estate", database_url=url) as bot:
        anya = bot.playground.person("Аня")
        anya.private.send("двушка до 60 млн, до Тверской не больше 40 минут")
        found = await anya.private.wait_for("Всего:", 30)
        await anya.private.press(found, "🔔 Следить")
        await anya.private.press(found, "1")
        card = await anya.private.wait_for("Источник:", 30)
        await anya.private.press(card, "☆ В избранное")
        assistant = bot.dispatcher["assistant"]
        assert await assistant.searches(anya.id)
        assert await assistant.favourites(anya.id)
        await forget(anya.private)
        await settle(bot)
        left = await dump(bot.context.database)
        assert not re.search(rf"\b{anya.id}\b", left)
        assert "Тверск" not in left


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("seed", range(2))
async def test_nothing_is_left_whatever_ran(name: str, seed: int, storage: StorageSettings) -> None:
    chance = random.Random(seed)
    create = import_module(f"bots.{name}.bot").create_dispatcher
    url = storage.database_url and storage.database_url.get_secret_value()
    async with running_bot(
        create,
        storage.data_dir,
        name=name,
        model=Echo(delay=0.003),
        settings=BotSettings(rate_limit=10_000, daily_requests=1000),
        database_url=url,
    ) as bot:
        anya, others = bot.playground.person("Аня"), bot.playground.person("Боря")
        for _ in range(3):
            for _ in range(chance.randint(1, 6)):
                act = chance.choice(ACTS[name]).format(word=SECRET_WORD)
                (anya.private if chance.random() < 0.7 else anya.in_(bot.playground.group)).send(
                    act if act.startswith("/") else f"@grisha_bot {act}"
                )
                if name == "real_estate" and chance.random() < 0.5:
                    await press_to_keep(bot, chance)
                if chance.random() < 0.3:
                    others.in_(bot.playground.group).send("@grisha_bot что тут говорили?")
                await asyncio.sleep(chance.random() * 0.1)
            await forget(anya.private)
            await settle(bot)
            await bot.context.model.aclose()
            left = await dump(bot.context.database)
            assert not re.search(rf"\b{anya.id}\b", left)
            assert SECRET_WORD not in left
            assert "Аня" not in left
