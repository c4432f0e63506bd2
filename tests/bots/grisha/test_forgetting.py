"""/forget leaves no id and no word of a person in any table, whatever runs at that moment."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from bots.grisha import bot as grisha_bot
from bots.grisha import texts
from bots.grisha.bot import create_dispatcher
from bots.grisha.learning import Status
from services.retrieval import Encoder, open_encoder
from services.storage import Base, Database, StorageSettings
from tests.bots.harness import RunningBot, running_bot

WORD = "Кракозябрия"  # stands in everything that the person says, and in her name
PHRASES = (
    f"Меня зовут {WORD}",
    f"Зачем коту {WORD.lower()} и усы?",
    f"я работаю на заводе {WORD.lower()}, у меня кот {WORD}",
    "/memory on",
    "спасибо",
    "/start",
    f"Расскажи про {WORD.lower()} подробно",
)


async def dump(database: Database) -> str:
    """Every value of every table."""
    lines = []
    async with database.session() as session:
        for table in Base.metadata.sorted_tables:
            rows = (await session.execute(select(table))).all()
            lines += [f"{table.name}: {row!r}".lower() for row in rows]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    encoder = open_encoder()
    assert encoder
    return encoder


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_left(
    tmp_path: Path,
    storage: StorageSettings,
    seed: int,
    encoder: Encoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = random.Random(seed)
    monkeypatch.setattr(grisha_bot, "open_encoder", lambda: encoder)  # old talk is kept too
    monkeypatch.setenv("GRISHA_READ_FACTS", "true")
    url = storage.database_url.get_secret_value() if storage.database_url else None
    async with running_bot(create_dispatcher, tmp_path / "var", database_url=url) as bot:
        bot.model.default = f"Про {WORD.lower()} скажу так: усы нужны коту для равновесия."
        bot.model.delay = 0.01
        anya = bot.playground.person(WORD)
        private, group = anya.private, anya.in_(bot.playground.group)
        boris = bot.playground.person("Боря").in_(bot.playground.group)
        await _ask(group, f"@grisha_bot привет, это {WORD}")
        await _ask(private, PHRASES[2])
        await _talk(bot, rng, private, group, boris)
        before = await dump(bot.context.database)
        for table in ("grisha_facts", "grisha_said"):
            assert any(line.startswith(table) for line in before.splitlines())
        if rng.random() < 0.7:  # in the middle of an answer, of a vote
            private.send("Расскажи сказку подлиннее на ночь")
            await asyncio.sleep(rng.random() * 0.2)
        private.send("/forget")
        await private.wait_for(texts.FORGOTTEN)
        while bot.dispatcher["grisha"].reader.is_busy:  # noqa: ASYNC110  (nothing tells its end)
            await asyncio.sleep(0.01)
        left = await dump(bot.context.database)
        journal = [line for line in left.splitlines() if not line.startswith("inbox")]
        assert WORD.lower() not in "\n".join(journal)
        assert str(private.chat.id) not in "\n".join(journal)


async def _talk(
    bot: RunningBot,
    rng: random.Random,
    private: object,
    group: object,
    boris: object,
) -> None:
    for _ in range(rng.randint(4, 7)):
        act = rng.choice(("private", "group", "boris", "approve"))
        if act == "private":
            await _ask(private, rng.choice(PHRASES))
        elif act == "group":
            phrase = rng.choice(PHRASES)
            await _ask(group, phrase if phrase.startswith("/") else f"@grisha_bot {phrase}")
        elif act == "boris":
            await _ask(boris, "@grisha_bot о чём тут речь?")
        else:
            learning = bot.dispatcher["grisha"].learning
            for row in await learning.list():
                await learning.set_status(row.id, Status.CONFIRMED)


async def _ask(chat: object, text: str) -> None:
    chat.send(text)  # type: ignore[attr-defined]
    with suppress(TimeoutError, asyncio.TimeoutError):
        await chat.wait_for(None)  # type: ignore[attr-defined]
